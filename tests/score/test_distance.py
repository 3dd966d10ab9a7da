"""Distances and softmin: by hand, against naive loops, and far out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import mahalanobis
from sklearn.utils.estimator_checks import parametrize_with_checks

from xsift.score import MahalanobisScorer
from xsift.score.distance import softmin, squared_mahalanobis

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API:sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([MahalanobisScorer()])
def test_follows_scikit_learn_conventions(estimator, check):
    check(estimator)


def test_by_hand():
    # Unit Gaussians at 0 and 2, seen from 0.5: d2 = (0.25, 2.25), p0 = 1 / (1 + exp(-2)).
    means, ones = np.array([[0.0], [2.0]]), np.ones((2, 1, 1))
    d2 = squared_mahalanobis(np.array([[0.5]]), means, ones)
    assert_array_equal(d2, [[0.25, 2.25]])
    assert_allclose(softmin(d2)[0, 0], 0.8807970779778823, rtol=1e-14)


@given(seed=seeds, n=st.integers(1, 300), d=st.integers(1, 12))
def test_against_scipy(seed, n, d):
    rng = np.random.default_rng(seed)
    X, means = rng.normal(size=(n, d)), rng.normal(size=(3, d))
    roots = rng.normal(size=(3, d, d))
    precisions = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(d)
    d2 = squared_mahalanobis(X, means, precisions)
    for row in range(0, n, 37):
        naive = [mahalanobis(X[row], means[c], precisions[c]) ** 2 for c in range(3)]
        assert_allclose(d2[row], naive, rtol=1e-12)


@given(seed=seeds)
def test_a_linear_change_of_features_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 3)), np.repeat(["AGN", "XB", "YSO"], 20)
    A = np.eye(3) + 0.2 * rng.uniform(-1, 1, size=(3, 3))  # well conditioned
    plain = MahalanobisScorer().fit(X, y).predict_proba(X)
    mixed = MahalanobisScorer().fit(X @ A, y).predict_proba(X @ A)
    assert_allclose(mixed, plain, rtol=1e-7, atol=1e-12)


def test_far_from_everything_is_no_underflow():
    p = softmin(np.array([[1000.0, 1001.0, 5000.0], [1e300, 1e300, np.inf]]))
    assert_allclose(p[0], [1 / (1 + np.exp(-1)), np.exp(-1) / (1 + np.exp(-1)), 0], rtol=1e-14)
    assert_array_equal(p[1], [0.5, 0.5, 0])


def test_nothing_to_say_is_nan_not_the_first_class():
    assert np.isnan(softmin(np.full((2, 3), np.inf))).all()


def test_negative_rounding_is_taken_as_its_size():
    # The reference code takes |d2|; a d2 of -1e-18 is a zero with a rounding error.
    assert_array_equal(softmin(np.array([[-1e-18, 0.0]])), [[0.5, 0.5]])
