"""Hardness that closes: counts by hand, and what is done where it does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift.features import close_hardness, mismatch

AT = (0, 2, 1)  # the tables hold hm, hs, ms


def ratios(h, m, s):
    """hm, hs, ms of counts."""
    return np.column_stack([(h - m) / (h + m), (h - s) / (h + s), (m - s) / (m + s)])


@given(seed=st.integers(0, 2**32 - 1))
def test_ratios_of_one_spectrum_close(seed):
    counts = np.random.default_rng(seed).uniform(1, 300, (3, 50))
    X = ratios(*counts)
    assert_allclose(mismatch(X, AT), 0, atol=1e-9)
    closed = close_hardness(X, AT, "remove")
    assert_allclose(np.tanh(closed), X, rtol=1e-9, atol=1e-9)
    kept = close_hardness(X, AT, "keep")
    assert kept.shape == (50, 4)
    assert_array_equal(kept[:, :3], X)


def test_a_mismatch_by_hand():
    # atanh(1/2) = ln(3)/2, atanh(1/3) = ln(2)/2, atanh(0) = 0: so ln(6)/2.
    X = np.array([[1 / 2, 0.0, 1 / 3, 7.0]])
    gap = np.log(6) / 2
    assert_allclose(mismatch(X, AT), [gap], rtol=1e-14)
    assert_allclose(close_hardness(X, AT, "keep")[0, 4], gap, rtol=1e-14)
    closed = close_hardness(X, AT, "remove")
    expected = [np.log(3) / 2 - gap / 3, gap / 3, np.log(2) / 2 - gap / 3, 7.0]
    assert_allclose(closed[0], expected, rtol=1e-14)
    assert_allclose(closed[0, 0] + closed[0, 2], closed[0, 1], rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1))
def test_removed_it_is_gone_whatever_it_was(seed):
    X = np.random.default_rng(seed).uniform(-0.99, 0.99, (30, 3))
    closed = close_hardness(X, AT, "remove")
    assert_allclose(closed[:, 0] + closed[:, 2] - closed[:, 1], 0, atol=1e-12)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_where_one_is_missing_nothing_is_done(missing):
    X = np.array([[0.5, 0.1, 0.3, 2.0]])
    X[0, missing] = np.nan
    assert np.isnan(mismatch(X, AT)).all()
    assert np.isnan(close_hardness(X, AT, "keep")[0, 4])
    closed = close_hardness(X, AT, "remove")
    expected = X.copy()
    expected[0, :3] = np.arctanh(X[0, :3])
    assert_array_equal(closed, expected)


def test_saturated_ratios_are_not_closed():
    """A band is next to empty there: nothing can be said of the mismatch."""
    X = np.array([[0.995, 0.2, 0.1], [0.985, 0.2, 0.1]])
    closed = close_hardness(X, AT, "remove")
    assert_array_equal(closed[0], np.arctanh(X[0]))
    assert_allclose(closed[1, 0] + closed[1, 2], closed[1, 1], rtol=1e-12)


def test_ratios_of_exactly_one_are_finite():
    X = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, 0.2]])
    assert np.isfinite(mismatch(X, AT)).all()
    assert np.isfinite(close_hardness(X, AT, "remove")).all()


@pytest.mark.parametrize("closing", ["keep", "remove"])
def test_a_table_without_all_three_and_the_callers_own_stay_as_they_are(closing):
    X = np.array([[0.5, 0.1, 0.3]])
    assert_array_equal(close_hardness(X, None, closing), X)
    before = X.copy()
    close_hardness(X, AT, closing)
    assert_array_equal(X, before)
