"""The paper's scaling: by hand, its constants, and scikit-learn's conventions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from xsift.errors import SettingError
from xsift.features import PaperScaler


@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API:sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([PaperScaler()])
def test_follows_scikit_learn_conventions(estimator, check):
    check(estimator)


def test_by_hand():
    # Log column: smallest above zero is 1, so x' = ln(x + 0.1); ln 0.1 maps to 0, ln 10.1 to 1.
    X = np.array([[0.0, -2.0, 0.3], [1.0, 0.0, -0.3], [10.0, 2.0, 0.9]])
    Z = PaperScaler(("log-range", "range", "none")).fit_transform(X)
    middle = (np.log(1.1) - np.log(0.1)) / (np.log(10.1) - np.log(0.1))
    assert_allclose(Z[:, 0], [0, middle, 1], rtol=1e-15)
    assert_allclose(Z[:, 1], [0, 0.5, 1], rtol=1e-15)
    assert_array_equal(Z[:, 2], X[:, 2])


def test_constants_are_kept():
    scaler = PaperScaler(("range",)).fit([[0.0], [10.0]])
    assert_array_equal(scaler.transform([[5.0], [20.0]]), [[0.5], [2.0]])


@given(
    arrays(float, (7, 2), elements=st.floats(1e-17, 1e3)),
    st.permutations(range(7)),
)
def test_a_row_does_not_depend_on_the_others(X, order):
    scaler = PaperScaler(("log-range", "range")).fit(X)
    whole = scaler.transform(X)
    assert_array_equal(scaler.transform(X[list(order)]), whole[list(order)])
    for i in range(7):
        assert_array_equal(scaler.transform(X[i : i + 1])[0], whole[i])


def test_nan_stays_and_counts_for_nothing():
    Z = PaperScaler(("log-range",)).fit_transform([[np.nan], [1.0], [3.0]])
    assert np.isnan(Z[0, 0])
    assert_array_equal(Z[1:, 0], [0, 1])


def test_constant_features_and_zeros_give_numbers():
    Z = PaperScaler(("log-range", "range")).fit_transform([[0.0, 5.0], [0.0, 5.0]])
    assert np.isfinite(Z).all()


@pytest.mark.parametrize(
    ("scaling", "message"),
    [(("range",), "names 1 features, the data have 2"), (("range", "log"), "scaling 'log'")],
)
def test_wrong_scaling(scaling, message):
    with pytest.raises(SettingError, match=message):
        PaperScaler(scaling).fit([[1.0, 2.0]])
