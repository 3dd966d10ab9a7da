"""Mixtures of the classes: scipy's densities, the maximum a posteriori by hand, weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from xsift.mixture import ClassMixtures, fit_class_mixtures, mean_posterior
from xsift.mixture.class_mixtures import PULL, STRENGTH

GROUP = np.array([0, 0, 1])


def draw(n=400, d=3, missing=0.0, seed=0):
    """Three classes, each of two Gaussians; with the shares 1/2, 3/10, 1/5."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    centre = 2 * rng.normal(size=(3, 2, d))
    X = centre[y, rng.integers(0, 2, n)] + rng.normal(size=(n, d))
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def naive_posterior(model, X):
    """Sum of weighted densities of what is there, class by class."""
    out = np.zeros((len(X), model.n_classes))
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        for w, m, S, k in zip(
            model.weights, model.means, model.covariances, model.owner, strict=True
        ):
            density = multivariate_normal(m[o], S[np.ix_(o, o)]).pdf(x[o]) if len(o) else 1.0
            out[i, k] += w * density
    return out / out.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_posterior_is_scipys(missing):
    model = fit_class_mixtures(*draw(missing=missing), np.ones(400), GROUP, 0)
    assert (np.bincount(model.owner) > 1).all()
    X, _ = draw(60, missing=0.4, seed=5)
    X[0] = np.nan
    assert_allclose(model.posterior(X), naive_posterior(model, X), rtol=1e-10, atol=1e-12)
    shares = np.bincount(model.owner, model.weights)
    assert_allclose(model.posterior(X)[0], shares, rtol=1e-12)


def test_weights_are_shares_of_the_classes():
    X, y = draw()
    weight = np.random.default_rng(1).uniform(0.2, 2, 400)
    model = fit_class_mixtures(X, y, weight, GROUP, 0)
    assert_allclose(model.weights.sum(), 1, rtol=1e-12)
    shares = np.bincount(y, weight) / weight.sum()
    assert_allclose(np.bincount(model.owner, model.weights), shares, atol=1e-4)
    assert (np.diff(model.owner) >= 0).all()
    for covariance in model.covariances:
        assert np.linalg.eigvalsh(covariance).min() > 0


def maximum(X, mean_0, covariance_0):
    """The maximum a posteriori of one Gaussian, as `_maximise` states it; 1e-3 is the ridge."""
    n, d = X.shape
    mean = (n * X.mean(axis=0) + PULL * mean_0) / (n + PULL)
    scatter = (X - mean).T @ (X - mean) + PULL * np.outer(mean - mean_0, mean - mean_0)
    total = n + STRENGTH + PULL
    return mean, (scatter + STRENGTH * covariance_0 + 1e-3 * np.eye(d)) / total


def test_shrinkage_by_hand():
    """All rows lean on a standard normal, a group on all rows, a class on its group."""
    X, y = draw(90, d=2, seed=3)
    model = fit_class_mixtures(X, y, np.ones(90), GROUP, 0, max_components=1)
    everything = maximum(X, np.zeros(2), np.eye(2))
    first = maximum(X[y < 2], *everything)
    second = maximum(X[y == 2], *everything)
    for k, parent in ((0, first), (1, first), (2, second)):
        mean, covariance = maximum(X[y == k], *parent)
        assert_allclose(model.means[k], mean, rtol=1e-10)
        assert_allclose(model.covariances[k], covariance, rtol=1e-10)


def test_a_class_of_one_row_leans_on_its_group():
    X, y = draw(200, d=3)
    keep = (y != 1) | (np.arange(200) == np.flatnonzero(y == 1)[0])
    model = fit_class_mixtures(X[keep], y[keep], np.ones(keep.sum()), GROUP, 0, max_components=1)
    # Of 13 rows' worth only one is its own.
    assert_allclose(model.covariances[1], model.covariances[0], rtol=0.6, atol=0.5)
    assert np.isfinite(model.posterior(X)).all()
    assert np.linalg.eigvalsh(model.covariances[1]).min() > 0.1


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_row_of_weight_two_is_a_row_twice(missing):
    X, y = draw(120, missing=missing, seed=2)
    weight = np.random.default_rng(0).integers(1, 3, 120)
    one = {"max_components": 1}
    a = fit_class_mixtures(X, y, weight.astype(float), GROUP, 0, **one)
    rows = np.repeat(np.arange(120), weight)
    b = fit_class_mixtures(X[rows], y[rows], np.ones(len(rows)), GROUP, 0, **one)
    for name in ("weights", "means", "covariances"):
        assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_row_of_weight_zero_is_left_out(missing):
    X, y = draw(300, missing=missing, seed=4)
    X[7] = 1e6  # it would be noticed
    weight = np.ones(300)
    weight[[7, 8, 200]] = 0
    a = fit_class_mixtures(X, y, weight, GROUP, 0)
    kept = weight > 0
    b = fit_class_mixtures(X[kept], y[kept], np.ones(kept.sum()), GROUP, 0)
    for name in ("weights", "means", "covariances", "owner"):
        assert_array_equal(getattr(a, name), getattr(b, name))


def test_rows_without_any_value_are_left_out():
    X, y = draw(300, seed=4)
    empty = np.full((50, 3), np.nan)
    a = fit_class_mixtures(X, y, np.ones(300), GROUP, 0)
    b = fit_class_mixtures(
        np.concatenate([X, empty]), np.r_[y, np.zeros(50, int)], np.ones(350), GROUP, 0
    )
    assert_array_equal(a.means, b.means)
    assert_array_equal(a.weights, b.weights)


def test_a_class_without_rows_gets_nothing():
    X, y = draw(200)
    kept = y != 1
    model = fit_class_mixtures(X[kept], y[kept], np.ones(kept.sum()), GROUP, 0)
    p = model.posterior(X)
    assert_array_equal(p[:, 1], 0)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


def test_it_finds_classes_that_one_gaussian_cannot_tell_apart():
    """Two classes in turns along a line: at 0 and 8, and at 4 and 12."""
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 1200)
    x = rng.normal(size=1200) + 4 * y + 8 * rng.integers(0, 2, 1200)
    X, group = np.column_stack([x, rng.normal(size=1200)]), np.array([0, 1])
    train, test = slice(0, 400), slice(400, 1200)

    def right(**options):
        model = fit_class_mixtures(X[train], y[train], np.ones(400), group, 0, **options)
        return (model.posterior(X[test]).argmax(axis=1) == y[test]).mean()

    # The best that can be is 0.966: 1.5 tails beyond 2 standard deviations for each class.
    assert right() > 0.94
    assert right(max_components=1) < 0.8


def test_a_row_does_not_depend_on_the_others():
    model = fit_class_mixtures(*draw(missing=0.2), np.ones(400), GROUP, 0)
    X, _ = draw(300, missing=0.3, seed=9)
    whole = model.posterior(X)
    assert_array_equal(model.posterior(X[::-1]), whole[::-1])
    for i in range(0, 300, 29):
        assert_array_equal(model.posterior(X[i : i + 1])[0], whole[i])


def test_bags_are_averaged():
    rng = np.random.default_rng(0)
    X, y = draw(missing=0.2)
    bags = tuple(
        fit_class_mixtures(X, y, rng.multinomial(400, [1 / 400] * 400) * 1.0, GROUP, b)
        for b in range(3)
    )
    assert len({len(bag.weights) for bag in bags}) > 1
    X, _ = draw(200, missing=0.3, seed=9)
    expected = np.mean([naive_posterior(bag, X) for bag in bags], axis=0)
    assert_allclose(mean_posterior(bags, X), expected, rtol=1e-10, atol=1e-12)


def test_a_row_far_beyond_everything_still_has_a_posterior():
    model = fit_class_mixtures(*draw(), np.ones(400), GROUP, 0)
    p = model.posterior(np.full((1, 3), 1e8))
    assert_allclose(p.sum(), 1, rtol=1e-9)


def test_components_of_two_classes_by_hand():
    model = ClassMixtures(
        np.array([0.5, 0.25, 0.25]),
        np.array([[0.0], [1.0], [-1.0]]),
        np.ones((3, 1, 1)),
        np.array([0, 2, 2]),
        3,
    )
    # At 0: 1/2 N(0) against 1/2 N(1), N(1) / N(0) = exp(-1/2).
    at_0 = 1 / (1 + np.exp(-0.5))
    assert_allclose(model.posterior(np.array([[0.0]])), [[at_0, 0, 1 - at_0]], rtol=1e-14)
