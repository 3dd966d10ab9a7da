"""The stand-ins in NumPy give what the kernels give, and a row's bits whatever stands around it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift.mixture import evidence, in_numpy, missing, scoring
from xsift.mixture.density import component_log_densities
from xsift.mixture.marginals import components_of
from xsift.mixture.mixture import Mixture

RTOL, ATOL = 1e-11, 1e-13


def draw(n=700, K=6, d=5, lacking=0.3, seed=0):
    rng = np.random.default_rng(seed)
    factors = np.tril(0.4 * rng.normal(size=(K, d, d)))
    factors[:, range(d), range(d)] = rng.uniform(0.3, 1.5, (K, d))
    covariances = np.einsum("kij,klj->kil", factors, factors)
    mixture = Mixture(rng.dirichlet(np.ones(K)), 2 * rng.normal(size=(K, d)), covariances)
    X = 2 * rng.normal(size=(n, d))
    X[rng.random(X.shape) < lacking] = np.nan
    return X, mixture


def components(mixture, scale=None):
    centre = mixture.weights @ mixture.means
    means = mixture.means - centre
    return components_of(mixture.weights, means, mixture.covariances, centre, scale)


@pytest.mark.parametrize("d", [1, 5, 9, 70])
@pytest.mark.parametrize("keep_all", [True, False])
def test_patterns_come_in_the_same_order(d, keep_all):
    X, _ = draw(d=min(d, 9), lacking=0.5)
    X = np.tile(X, (1, 8))[:, :d]
    weight = (np.arange(len(X)) % 5 > 0).astype(float)
    theirs = missing.group_by_pattern(X, weight, keep_all)
    ours = in_numpy.group_by_pattern(X, weight, keep_all)
    assert len(ours[0]) < len(X) or keep_all
    for one, other in zip(ours, theirs, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("keep_all", [True, False])
def test_no_rows_have_no_patterns(keep_all):
    for group in (missing.group_by_pattern, in_numpy.group_by_pattern):
        order, ends = group(np.empty((0, 3)), np.empty(0), keep_all)
        assert order.dtype == ends.dtype == np.int64
        assert len(order) == len(ends) == 0


@pytest.mark.parametrize(("first", "last"), [(0, 700), (3, 411), (600, 601)])
def test_pieces_are_scored_alike(first, last):
    X, mixture = draw()
    X[5] = np.nan
    order, ends = in_numpy.group_by_pattern(X, np.ones(len(X)), True)
    found = []
    for score in (scoring.score_piece, in_numpy.score_piece):
        density, r = np.full(len(X), -7.0), np.full((len(X), 6), -7.0)
        score(X[order], ends, first, last, components(mixture), density, r)
        found.append((density, r))
    for theirs, ours in zip(*found, strict=True):
        assert_allclose(ours, theirs, RTOL, ATOL)
    assert (found[1][0] != -7.0).sum() == last - first


def test_rows_beyond_all_densities_are_lost_alike():
    X, mixture = draw(lacking=0)
    X[3] = 1e200
    ends = np.array([len(X)])
    for score in (scoring.score_piece, in_numpy.score_piece):
        density, r = np.empty(len(X)), np.empty((len(X), 6))
        score(X, ends, 0, len(X), components(mixture), density, r)
        assert_array_equal(np.flatnonzero(np.isnan(r[:, 0])), [3])


def test_class_posteriors_are_alike():
    X, mixture = draw(K=9)
    order, ends = in_numpy.group_by_pattern(X, np.ones(len(X)), True)
    parts = components(Mixture(mixture.weights * 3, mixture.means, mixture.covariances))
    owner, bag_ends = np.array([0, 1, 2] * 3), np.array([3, 6, 9])
    p = np.empty((2, 3, len(X)))
    evidence._class_posteriors(X[order], ends, parts, owner, bag_ends, p[0])
    in_numpy.class_posteriors(X[order], ends, parts, owner, bag_ends, p[1])
    assert_allclose(p[1], p[0], RTOL, ATOL)
    assert_allclose(p[1].sum(axis=0), 1)


def test_roots_are_weighed_alike():
    X, mixture = draw()
    order, ends = in_numpy.group_by_pattern(X, np.ones(len(X)), True)
    slope = np.random.default_rng(1).normal(size=(6, 3))
    found = []
    for weigh in (evidence._weigh_roots, in_numpy.weigh_roots):
        total, density = np.ones((3, len(X))), np.empty(len(X))
        component = np.empty(len(X), np.int64)
        weigh(X[order], ends, components(mixture), slope, total, density, component)
        found.append((total, density, component))
    for theirs, ours in zip(*found, strict=True):
        assert_allclose(ours, theirs, RTOL, 1e-12)


def test_complete_rows_have_the_same_densities():
    X, mixture = draw(lacking=0)
    arguments = X, mixture.means, mixture.whitening, mixture._log_norms
    theirs = component_log_densities(*arguments)
    assert_allclose(in_numpy.component_log_densities(*arguments), theirs, RTOL, ATOL)


def test_a_row_does_not_depend_on_the_others(monkeypatch):
    X, mixture = draw(n=5000)
    order, ends = in_numpy.group_by_pattern(X, np.ones(len(X)), True)
    density, r = np.empty(len(X)), np.empty((len(X), 6))
    in_numpy.score_piece(X[order], ends, 0, len(X), components(mixture), density, r)
    for row in (0, 77, 4999):
        alone, one = np.empty(1), np.empty((1, 6))
        x = X[order][row : row + 1]
        in_numpy.score_piece(x, np.array([1]), 0, 1, components(mixture), alone, one)
        assert_array_equal(one[0], r[row])
        assert alone[0] == density[row]
