"""Missing values: a textbook EM as oracle, and a mixture of known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.metrics import adjusted_rand_score

from xsift.mixture import GaussianMixture, blocks
from xsift.mixture.blocks import Order, Orders, Slab
from xsift.mixture.missing import group_by_pattern


def textbook_em(X, weights, means, covariances, n_iter, reg_covar, sample_weight=None):
    """Ghahramani & Jordan 1994, row by row: expectations of x and x x^T given what is there."""
    n, d = X.shape
    K = len(weights)
    row_weight = np.ones(n) if sample_weight is None else sample_weight
    for _ in range(n_iter):
        log_joint = np.zeros((n, K))
        first, second = np.zeros((n, K, d)), np.zeros((n, K, d, d))
        for i in range(n):
            o, m = np.flatnonzero(~np.isnan(X[i])), np.flatnonzero(np.isnan(X[i]))
            for k in range(K):
                S, mu = covariances[k], means[k]
                density = multivariate_normal(mu[o], S[np.ix_(o, o)]).logpdf(X[i, o])
                log_joint[i, k] = np.log(weights[k]) + density
                B = np.linalg.solve(S[np.ix_(o, o)], S[np.ix_(o, m)]).T
                x = X[i].copy()
                x[m] = mu[m] + B @ (X[i, o] - mu[o])
                first[i, k], second[i, k] = x, np.outer(x, x)
                second[i, k][np.ix_(m, m)] += S[np.ix_(m, m)] - B @ S[np.ix_(o, m)]
        bound = np.logaddexp.reduce(log_joint, axis=1)
        r = np.exp(log_joint - bound[:, None]) * row_weight[:, None]
        count = r.sum(axis=0)
        weights = count / count.sum()
        means = np.einsum("ik,ikj->kj", r, first) / count[:, None]
        covariances = np.einsum("ik,ikab->kab", r, second) / count[:, None, None]
        covariances = covariances - np.einsum("ka,kb->kab", means, means) + reg_covar * np.eye(d)
    return weights, means, covariances, np.average(bound, weights=row_weight)


def incomplete(n, d, share, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ (np.eye(d) + 0.5 * rng.normal(size=(d, d)))
    X[: n // 2] += 2.0
    X[rng.random(X.shape) < share] = np.nan
    return X[~np.isnan(X).all(axis=1)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "n_components"), [(60, 3, 2), (150, 6, 3), (40, 1, 2)])
def test_equals_the_textbook(n, d, n_components, weighted):
    X = incomplete(n, d, 0.3, seed=d)
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.2, 3.0, len(X)) if weighted else None
    start = (
        np.full(n_components, 1 / n_components),
        rng.normal(size=(n_components, d)),
        np.repeat([2 * np.eye(d)], n_components, axis=0),
    )
    expected = textbook_em(X, *start, 6, 1e-3, weight)
    model = GaussianMixture(
        n_components,
        weights_init=start[0],
        means_init=start[1],
        precisions_init=np.linalg.inv(start[2]),
        max_iter=6,
        tol=0.0,
        reg_covar=1e-3,
    )
    with pytest.warns(UserWarning, match="not converged"):
        model.fit(X, sample_weight=weight)
    assert_allclose(model.weights_, expected[0], rtol=1e-10)
    assert_allclose(model.means_, expected[1], rtol=1e-10, atol=1e-11)
    assert_allclose(model.covariances_, expected[2], rtol=1e-10, atol=1e-11)
    assert_allclose(model.lower_bound_, expected[3], rtol=1e-10)


def test_one_missing_value_by_hand():
    # The maximum likelihood of a bivariate normal where y is missing for some x (Anderson 1957):
    # the mean of y is that on the regression of y on x, taken at the mean of all x.
    x = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 12.0])
    y = np.array([0.1, 0.9, 2.2, 2.9, np.nan, np.nan])
    slope, intercept = np.polyfit(x[:4], y[:4], 1)
    model = GaussianMixture(reg_covar=0.0, tol=1e-14, max_iter=10_000)
    model.fit(np.column_stack([x, y]))
    assert_allclose(model.means_, [[x.mean(), intercept + slope * x.mean()]], rtol=1e-6)
    assert_allclose(model.covariances_[0, 0, 0], x.var(), rtol=1e-6)
    assert_allclose(model.covariances_[0, 0, 1], slope * x.var(), rtol=1e-6)


def test_recovers_a_mixture_where_dropping_rows_does_worse():
    rng = np.random.default_rng(3)
    n, d, K = 900, 6, 3
    means = 1.5 * rng.normal(size=(K, d))
    factors = np.eye(d) + 0.4 * rng.normal(size=(K, d, d))
    y = rng.integers(K, size=n)
    full = np.einsum("nij,nj->ni", factors[y], rng.normal(size=(n, d))) + means[y]
    # Missing at random, and not completely so: the first feature is always there, and the rest
    # goes missing more often where it is large.
    chance = np.where(full[:, :1] > np.median(full[:, 0]), 0.5, 0.22)
    X = np.where(rng.random(full.shape) < chance, np.nan, full)
    X[:, 0] = full[:, 0]
    assert 0.27 < np.isnan(X).mean() < 0.33
    complete = X[~np.isnan(X).any(axis=1)]
    options = {"n_components": K, "random_state": 0, "n_init": 3, "max_iter": 1000, "tol": 1e-5}
    ours, dropping = GaussianMixture(**options).fit(X), GaussianMixture(**options).fit(complete)

    def distance(model):
        order = [np.argmin(((model.means_ - m) ** 2).sum(axis=1)) for m in means]
        return np.sqrt(np.mean((model.means_[order] - means) ** 2))

    assert distance(ours) < 0.2
    assert distance(ours) < 0.5 * distance(dropping)
    ari, ari_dropping = (adjusted_rand_score(y, m.predict(X)) for m in (ours, dropping))
    assert ari > 0.75
    assert ari > ari_dropping + 0.03


def test_rows_without_any_value_do_no_harm():
    X = incomplete(400, 4, 0.2, seed=0)
    options = {"n_components": 2, "random_state": 0, "max_iter": 1000}
    plain = GaussianMixture(**options).fit(X)
    empty = np.full((300, 4), np.nan)
    with_empty = GaussianMixture(**options).fit(np.concatenate([X[:100], empty, X[100:]]))
    for name in ["weights_", "means_", "covariances_", "lower_bounds_"]:
        assert_array_equal(getattr(with_empty, name), getattr(plain, name))
    assert_allclose(plain.score_samples(empty), 0.0, atol=1e-15)
    assert_allclose(plain.predict_proba(empty), np.tile(plain.weights_, (300, 1)), rtol=1e-12)


def test_densities_are_marginal():
    X = incomplete(200, 4, 0.4, seed=1)
    model = GaussianMixture(2, random_state=0, max_iter=1000).fit(X)
    scores = model.score_samples(X)
    for i in range(40):
        o = np.flatnonzero(~np.isnan(X[i]))
        density = sum(
            w * multivariate_normal(m[o], c[np.ix_(o, o)]).pdf(X[i, o])
            for w, m, c in zip(model.weights_, model.means_, model.covariances_, strict=True)
        )
        assert_allclose(scores[i], np.log(density), rtol=1e-10)
    assert_allclose(model.score(X), model.lower_bound_, atol=2e-3)


@pytest.mark.parametrize("d", [1, 5, 70])
def test_many_features(d):
    X = incomplete(300, d, 0.3, seed=d)
    model = GaussianMixture(1, reg_covar=0.1, max_iter=3, tol=1e9).fit(X)
    assert np.isfinite(model.covariances_).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(1, 70), st.floats(0, 1))
def test_grouping_is_a_stable_order_of_all_rows(seed, n, d, share):
    rng = np.random.default_rng(seed)
    kinds = rng.random((3, d)) < share
    is_missing = kinds[rng.integers(3, size=n)]
    X = np.where(is_missing, np.nan, 1.0)
    weight = rng.integers(0, 3, n).astype(float)
    order, ends = group_by_pattern(X, weight, True)
    assert_array_equal(np.sort(order), np.arange(n))
    assert len(ends) == len(np.unique(is_missing, axis=0))
    for first, end in zip([0, *ends[:-1]], ends, strict=True):
        rows = order[first:end]
        assert (np.diff(rows) > 0).all()
        assert (is_missing[rows] == is_missing[rows[0]]).all()
    kept, _ = group_by_pattern(X, weight, False)
    assert_array_equal(np.sort(kept), np.flatnonzero((weight > 0) & ~is_missing.all(axis=1)))


@pytest.mark.parametrize("d", [5, 10])  # less than 256 patterns, and more
@pytest.mark.parametrize("room", [1 << 20, 0])
def test_an_order_is_the_same_when_it_is_remembered(d, room, monkeypatch):
    rng = np.random.default_rng(d)
    X = np.where(rng.random((3000, d)) < 0.5, np.nan, 1.0)
    slab = Slab(X, rng.integers(0, 2, 3000).astype(float), 0)
    monkeypatch.setattr(blocks, "_REMEMBERED", room)
    orders, expected = Orders(), slab.order()
    assert (len(expected.ends) > 255) == (d == 10)
    finds = []
    monkeypatch.setattr(Slab, "order", lambda _: finds.append(1) or expected)
    for found in (orders.of(slab), orders.of(slab), orders.of(slab)):
        assert_array_equal(found.rows, expected.rows)
        assert_array_equal(found.ends, expected.ends)
    assert len(finds) == (1 if room else 3)


def test_an_order_without_rows_is_remembered():
    slab = Slab(np.full((5, 2), np.nan), np.ones(5), 0)
    orders = Orders()
    for found in (orders.of(slab), orders.of(slab)):
        assert isinstance(found, Order)
        assert found.rows.size == found.ends.size == 0
