"""Softmax by columns: scipy's, and bits that do not depend on the shape."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from xsift.score.softmax import add_columns, normalised, softmax


@pytest.mark.parametrize("n_classes", [1, 2, 4, 10, 17])
def test_equals_scipy(n_classes):
    raw = 30 * np.random.default_rng(n_classes).normal(size=(500, n_classes))
    raw[0] = -1e3  # all tiny: nothing underflows
    assert_allclose(softmax(raw), special.softmax(raw, axis=1), rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_classes", [2, 10, 17])
def test_a_row_alone_has_the_same_bits(n_classes, order):
    """numpy adds eight and more numbers in another order where they lie together."""
    raw = np.asarray(np.random.default_rng(0).normal(size=(100, n_classes)), order=order)
    whole = softmax(raw)
    for i in range(100):
        assert_array_equal(softmax(raw[i : i + 1])[0], whole[i])


def test_sums_and_shares_by_hand():
    p = np.array([[1.0, 2.0, 5.0], [0.0, 0.5, 0.0]])
    assert_array_equal(add_columns(p), [8.0, 0.5])
    assert_array_equal(normalised(p), [[0.125, 0.25, 0.625], [0.0, 1.0, 0.0]])
    assert softmax(np.empty((0, 3))).shape == (0, 3)
