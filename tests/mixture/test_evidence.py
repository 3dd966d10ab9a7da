"""Marginals lane by lane and sums over responsibilities: numpy's, and bits no neighbour changes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from xsift.mixture import (
    Mixture,
    group_by_pattern,
    log_density_and_responsibilities,
    weigh_roots,
)
from xsift.mixture.class_mixtures import ClassMixtures, mean_posterior
from xsift.mixture.marginals import marginals


def draw_mixture(K, d, seed):
    rng = np.random.default_rng(seed)
    factors = np.tril(0.4 * rng.normal(size=(K, d, d)))
    factors[:, range(d), range(d)] = rng.uniform(0.3, 1.5, (K, d))
    covariances = np.einsum("kij,klj->kil", factors, factors)
    return Mixture(rng.dirichlet(np.ones(K)), 2 * rng.normal(size=(K, d)), covariances)


def draw_rows(n, d, missing, seed):
    """Ordered by what they lack, as the kernels want them."""
    rng = np.random.default_rng(seed)
    X = 2 * rng.normal(size=(n, d))
    X[rng.random(X.shape) < missing] = np.nan
    order, ends = group_by_pattern(X, np.ones(n), True)
    return X[order], ends


def naive_joint(X, mixture):
    """weight times density of what is there, shape (n, K)."""
    joint = np.empty((len(X), len(mixture.weights)))
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        for k, (w, m, S) in enumerate(
            zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
        ):
            density = multivariate_normal(m[o], S[np.ix_(o, o)]).pdf(x[o]) if len(o) else 1.0
            joint[i, k] = w * density
    return joint


@pytest.mark.parametrize("K", [1, 5, 64, 65, 130])  # 64 components are worked on at once
@pytest.mark.parametrize("observed", [[0, 1, 2, 3, 4], [1, 4], [3], []])
def test_marginals_are_numpys(K, observed):
    mixture, o = draw_mixture(K, 5, K), len(observed)
    padded = (o + 3) // 4 * 4
    log_weights = np.log(mixture.weights)
    W, offset, log_norm = marginals(
        log_weights, mixture.means, mixture.covariances, np.array(observed, np.int64), padded
    )
    assert (W.shape, offset.shape) == ((K, padded, padded), (K, padded))
    for k in range(K):
        S = mixture.covariances[k][np.ix_(observed, observed)]
        inverse = np.linalg.inv(np.linalg.cholesky(S))
        assert_allclose(W[k, :o, :o], inverse, rtol=1e-10, atol=1e-12)
        assert_allclose(offset[k, :o], -inverse @ mixture.means[k][observed], rtol=1e-9, atol=1e-11)
        expected = log_weights[k] - 0.5 * np.linalg.slogdet(2 * np.pi * S)[1]
        assert_allclose(log_norm[k], expected, rtol=1e-12, atol=1e-12)
    assert not W[:, o:].any()
    assert not W[:, :, o:].any()
    assert not offset[:, o:].any()


def test_a_covariance_that_is_none_spoils_only_its_own_component():
    mixture = draw_mixture(3, 3, 0)
    covariances = mixture.covariances.copy()
    covariances[1] = -np.eye(3)
    _, _, log_norm = marginals(np.zeros(3), mixture.means, covariances, np.arange(3), 4)
    assert_array_equal(np.isnan(log_norm), [False, True, False])


@pytest.mark.parametrize(("d", "missing"), [(3, 0.0), (3, 0.5), (6, 0.3), (9, 0.1)])
def test_roots_are_weighed_as_numpy_weighs_them(d, missing):
    mixture = draw_mixture(7, d, d)
    X, ends = draw_rows(300, d, missing, 1)
    rng = np.random.default_rng(2)
    slope, total = rng.normal(size=(7, 3)), np.asfortranarray(rng.normal(size=(300, 3)))
    before = total.copy()
    log_density, component = weigh_roots(
        X, ends, mixture.weights, mixture.means, mixture.covariances, slope, total
    )
    joint = naive_joint(X, mixture)
    r = joint / joint.sum(axis=1, keepdims=True)
    assert_allclose(total, before + np.sqrt(r) @ slope, rtol=1e-10, atol=1e-10)
    assert_allclose(log_density, np.log(joint.sum(axis=1)), rtol=1e-10, atol=1e-10)
    assert_array_equal(component, joint.argmax(axis=1))
    assert len(np.unique(component)) > 3
    # The density has the bits that the typicality of draws is compared with.
    assert_array_equal(log_density, log_density_and_responsibilities(X, mixture)[0])


def test_the_first_of_equal_components_is_named():
    mixture = Mixture(np.full(3, 1 / 3), np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1)))
    X, ends = draw_rows(50, 2, 0.3, 3)
    total = np.zeros((50, 1), order="F")
    _, component = weigh_roots(
        X, ends, mixture.weights, mixture.means, mixture.covariances, np.ones((3, 1)), total
    )
    assert_array_equal(component, 0)
    assert_allclose(total, np.sqrt(3), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 127, 128, 129, 400])
def test_no_row_depends_on_how_many_stand_beside_it(n):
    """Whatever part of a block is filled."""
    mixture = draw_mixture(20, 6, 4)
    slope = np.random.default_rng(0).normal(size=(20, 4))
    owner = np.repeat(np.arange(4), 5)
    bag = ClassMixtures(mixture.weights, mixture.means, mixture.covariances, owner, 4)

    def said(X, ends):
        total = np.zeros((len(X), 4), order="F")
        out = weigh_roots(
            X, ends, mixture.weights, mixture.means, mixture.covariances, slope, total
        )
        return [*out, total, mean_posterior((bag,), X, ends)]

    X, _ = draw_rows(n, 6, 0.0, 5)
    X[:, 2] = np.nan
    together = said(X, np.array([n]))
    for i in {0, n // 2, n - 1}:
        alone = said(X[i : i + 1], np.array([1]))
        for one, all_ in zip(alone, together, strict=True):
            assert_array_equal(one[0], all_[i])


def test_no_rows():
    mixture = draw_mixture(3, 2, 0)
    total = np.zeros((0, 2), order="F")
    log_density, component = weigh_roots(
        *(np.empty((0, 2)), np.zeros(0, np.int64), mixture.weights, mixture.means),
        *(mixture.covariances, np.ones((3, 2)), total),
    )
    assert log_density.shape == component.shape == (0,)
    bag = ClassMixtures(mixture.weights, mixture.means, mixture.covariances, np.arange(3), 3)
    assert mean_posterior((bag,), np.empty((0, 2))).shape == (0, 3)
