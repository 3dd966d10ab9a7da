"""Class shares: re-weighting by hand, and the estimate where the truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from xsift.model.prior import estimate_shares, reweight


def test_by_hand():
    # p / share: 0.6 / 0.75 = 0.8 and 0.4 / 0.25 = 1.6; times 1/2 each, to the sum 1: 1/3, 2/3.
    p = reweight(np.array([[0.6, 0.4]]), np.array([0.75, 0.25]), np.array([0.5, 0.5]))
    assert_allclose(p, [[1 / 3, 2 / 3]], rtol=1e-15)


def test_a_class_that_was_not_trained_stays_at_zero():
    p = reweight(np.array([[0.7, 0.3, 0.0]]), np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.4, 0.4]))
    assert_allclose(p, [[0.7 * 0.2 / 0.26, 0.3 * 0.4 / 0.26, 0]], rtol=1e-15)


def test_rows_without_probabilities_stay_so():
    p = np.array([[np.nan, np.nan], [0.5, 0.5]])
    out = reweight(p, np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    assert np.isnan(out[0]).all()
    assert_allclose(out[1], [0.9, 0.1], rtol=1e-15)
    assert_array_equal(p[1], [0.5, 0.5])  # the caller's own is left alone


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 20), n_classes=st.integers(2, 6))
def test_there_and_back(seed, n, n_classes):
    rng = np.random.default_rng(seed)
    p, (a, b, c) = rng.dirichlet(np.ones(n_classes), n), rng.dirichlet(np.full(n_classes, 5), 3)
    assert_allclose(reweight(p, a, a), p, rtol=1e-12)
    there = reweight(p, a, b)
    assert_allclose(there.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(reweight(there, b, a), p, rtol=1e-9)
    assert_allclose(reweight(there, b, c), reweight(p, a, c), rtol=1e-9)


def two_normals(shares, n, seed):
    """Posteriors under equal shares of draws from two normals, 2 apart, in other shares."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < shares[1]
    x = rng.normal(size=n) + 2 * y
    density = np.column_stack([norm.pdf(x), norm.pdf(x, 2)])
    return density / density.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_the_estimate_finds_the_shares(share):
    # The information of one row is at least that of a label seen through 16 % errors: with 20,000
    # rows the standard error is below 0.006.
    truth, trained = np.array([1 - share, share]), np.array([0.5, 0.5])
    found = estimate_shares(two_normals(truth, 20_000, 3), trained)
    assert_allclose(found, truth, atol=0.02)
    assert_allclose(found.sum(), 1, rtol=1e-12)


def test_three_classes_trained_under_uneven_shares():
    rng = np.random.default_rng(5)
    trained, truth = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5])
    x = rng.normal(size=30_000) + np.array([0, 2, 4])[rng.choice(3, 30_000, p=truth)]
    joint = norm.pdf(x[:, None], [0, 2, 4]) * trained
    p = joint / joint.sum(axis=1, keepdims=True)
    assert np.abs(p.mean(axis=0) - truth).max() > 0.03  # counting the probabilities would not do
    assert_allclose(estimate_shares(p, trained), truth, atol=0.015)


def test_the_estimate_is_the_maximum_of_the_likelihood():
    trained = np.array([0.5, 0.5])
    p = two_normals([0.8, 0.2], 500, 1)
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = [np.log(p @ (np.array([1 - s, s]) / trained)).sum() for s in grid]
    found = estimate_shares(p, trained, tol=1e-9, max_iter=10_000)
    assert_allclose(found[1], grid[np.argmax(likelihood)], atol=1e-3)


def test_rows_of_nan_are_passed_over_and_no_rows_change_nothing():
    trained = np.array([0.4, 0.6])
    p = two_normals([0.8, 0.2], 500, 1)
    with_nan = np.concatenate([p, np.full((9, 2), np.nan)])
    assert_array_equal(estimate_shares(with_nan, trained), estimate_shares(p, trained))
    assert_array_equal(estimate_shares(np.full((9, 2), np.nan), trained), trained)
