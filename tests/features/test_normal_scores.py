"""Normal scores: scikit-learn's transform as oracle, ties, missing and constant values."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtr, ndtri
from sklearn.preprocessing import QuantileTransformer

from xsift.features import fit_normal_scores
from xsift.features.interpolation import interpolate


def test_few_values_by_hand():
    # Of four different values the mean ranks are 1/8, 3/8, 5/8, 7/8; linear between, flat beyond.
    X = np.array([[3.0], [10.0], [1.0], [2.0]])
    Z = fit_normal_scores(X).transform(np.array([[1.0], [2.0], [3.0], [10.0], [6.5], [-9], [99]]))
    q = ndtri([1 / 8, 3 / 8, 5 / 8, 7 / 8])
    assert_allclose(Z[:, 0], [*q, (q[2] + q[3]) / 2, q[0], q[3]], rtol=1e-14)


@pytest.mark.parametrize("n", [50, 3000])
def test_agrees_with_scikit_learn(n):
    """Ranks there run from 0 to 1, ours from 1/2n to 1 - 1/2n, and the knots are not the same."""
    X = np.random.default_rng(n).lognormal(size=(n, 2))
    theirs = QuantileTransformer(
        n_quantiles=min(n, 1000), subsample=None, output_distribution="normal"
    ).fit_transform(X)
    ours = fit_normal_scores(X).transform(X)
    inner = np.abs(theirs) < 3
    assert_allclose(ndtr(ours[inner]), ndtr(theirs[inner]), atol=1 / n + 1 / 500)
    assert inner.mean() > 0.95


def test_equal_values_get_the_score_of_their_mean_rank():
    # As of the variability probabilities: three of ten are 1, with ranks 7.5, 8.5, 9.5 of 10.
    x = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0, 1.0, 1.0])
    Z = fit_normal_scores(x[:, None]).transform(x[:, None])[:, 0]
    assert_allclose(Z[7:], ndtri(0.85), rtol=1e-14)
    assert_allclose(Z[6], ndtri(0.65), rtol=1e-14)


@pytest.mark.parametrize("n", [700, 20_000])
def test_many_values_give_a_normal_distribution(n):
    from scipy.stats import kstest

    x = np.random.default_rng(2).pareto(1.5, size=(n, 1))
    scores = fit_normal_scores(x)
    assert len(scores.value[0]) <= 502
    Z = scores.transform(x)[:, 0]
    assert np.abs(Z).max() <= 4
    assert kstest(Z, "norm").statistic < 0.005


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(1.0) | st.just(np.nan), min_size=1, max_size=60),
    st.lists(st.floats(-2e6, 2e6), min_size=2, max_size=20),
)
@example(seen=[0.0, 2.225073858507e-311], asked=[0.0, 0.0])
@example(seen=[0.0, 2.225073858507e-311], asked=[0.0, 1e-311])
def test_order_stays(seen, asked):
    scores = fit_normal_scores(np.array(seen)[:, None])
    Z = scores.transform(np.sort(asked)[:, None])[:, 0]
    assert np.isfinite(Z).all()
    assert (np.diff(Z) >= -1e-15).all()  # between two knots, to the last bit
    assert (np.diff(scores.value[0]) > 0).all()
    assert (np.diff(scores.score[0]) > 0).all()


def test_missing_values_stay_and_count_for_nothing():
    x = np.array([5.0, np.nan, 1.0, np.nan, 3.0])[:, None]
    scores = fit_normal_scores(x)
    assert_array_equal(scores.value[0], [1, 3, 5])
    Z = scores.transform(x)
    assert_array_equal(np.isnan(Z), np.isnan(x))


@pytest.mark.parametrize("x", [np.full(5, 7.0), np.full(5, np.nan)])
def test_constant_and_empty_features_say_nothing(x):
    Z = fit_normal_scores(x[:, None]).transform(np.array([[-1.0], [7.0], [9.0]]))
    assert_array_equal(Z, np.zeros((3, 1)))


def test_a_constant_feature_can_be_missing():
    scores = fit_normal_scores(np.full((5, 1), 7.0))
    assert np.isnan(scores.transform(np.array([[np.nan]]))).all()


def test_a_row_does_not_depend_on_the_others():
    X = np.random.default_rng(0).normal(size=(100, 3))
    scores = fit_normal_scores(X)
    whole = scores.transform(X)
    for i in (0, 17, 99):
        assert_array_equal(scores.transform(X[i : i + 1])[0], whole[i])


@pytest.mark.parametrize("n_knots", [1, 2, 3, 64, 501])
@pytest.mark.parametrize("n", [1, 256, 1000])  # blocks of 256
def test_interpolation_is_numpys_to_the_last_bit(n_knots, n):
    rng = np.random.default_rng(n_knots)
    value = np.unique(rng.lognormal(size=n_knots))
    score = np.sort(rng.normal(size=len(value)))
    at = [value, np.nextafter(value, -np.inf), np.nextafter(value, np.inf), rng.lognormal(size=n)]
    x = np.concatenate([*at, [-1.0, 1e9, np.inf, -np.inf, np.nan]])[-n - 5 :]
    expected = np.where(
        np.isnan(x), np.nan, np.interp(x, value, score)
    )  # one knot: numpy's is none
    assert_array_equal(interpolate(x, value, score), expected)
