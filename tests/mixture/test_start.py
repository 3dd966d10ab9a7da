"""The start: where k-means leads EM astray, and what the short runs are made of."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as Reference

from xsift.mixture import GaussianMixture
from xsift.mixture.blocks import ArrayRows
from xsift.mixture.kmeans import lloyd, plant_seeds
from xsift.mixture.moments import survey
from xsift.mixture.sampling import draw_sample
from xsift.mixture.start import group_parameters, seeding_spaces


def parallel_cigars(n=1500, seed=0):
    """Three elongated clusters side by side, as in scikit-learn's issues 34842 and 34845."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return np.column_stack([10 * rng.normal(size=n), 3.0 * y + 0.4 * rng.normal(size=n)]), y


def test_elongated_clusters_come_out_where_a_k_means_start_cuts_them_across():
    X, y = parallel_cigars()
    ours, theirs = {}, {}
    for k in range(1, 7):
        ours[k] = GaussianMixture(k, random_state=0, max_iter=1000).fit(X)
        theirs[k] = Reference(k, random_state=0, max_iter=1000).fit(X)
    assert min(ours, key=lambda k: ours[k].bic(X)) == 3
    assert min(theirs, key=lambda k: theirs[k].bic(X)) != 3
    assert adjusted_rand_score(y, ours[3].predict(X)) > 0.98
    assert adjusted_rand_score(y, theirs[3].predict(X)) < 0.5
    assert ours[3].bic(X) < theirs[3].bic(X) - 1000


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_finds_the_elongated_clusters(seed):
    X, y = parallel_cigars(seed=seed)
    assert adjusted_rand_score(y, GaussianMixture(3, random_state=seed).fit_predict(X)) > 0.98


@pytest.mark.parametrize("how", ["k-means++", "kmeans", "random", "random_from_data"])
def test_every_start_leads_somewhere(how):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=600)
    X = rng.normal(size=(600, 2)) + np.array([[0, 0], [8, 0], [0, 8]])[y]
    X[rng.random(600) < 0.1, 0] = np.nan
    model = GaussianMixture(3, init_params=how, random_state=2, max_iter=1000, tol=1e-5).fit(X)
    assert np.isfinite(model.lower_bound_)
    if how in ("k-means++", "kmeans"):
        assert adjusted_rand_score(y, model.predict(X)) > 0.85


def test_more_starts_are_never_worse():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(400, 3)) + 1.5 * rng.integers(4, size=(400, 1))
    options = {"random_state": 0, "max_iter": 1000, "init_params": "random_from_data"}
    bounds = [GaussianMixture(4, n_init=n, **options).fit(X).lower_bound_ for n in (1, 2, 5)]
    assert bounds == sorted(bounds)


def test_a_part_of_the_start_can_be_given():
    X, _ = parallel_cigars()
    means = [[0.0, 0.0], [0.0, 3.0], [0.0, 6.0]]
    model = GaussianMixture(3, means_init=means, random_state=0, max_iter=1000).fit(X)
    assert_allclose(model.means_[:, 1], [0.0, 3.0, 6.0], atol=0.1)
    still = GaussianMixture(3, weights_init=[0.2, 0.3, 0.5], random_state=0, max_iter=0).fit(X)
    assert_allclose(still.weights_, [0.2, 0.3, 0.5])


def test_the_sample_follows_the_weights():
    rng = np.random.RandomState(0)
    X = np.arange(20_000.0)[:, None]
    weight = np.where(X[:, 0] < 10_000, 3.0, 1.0)
    weight[5] = 0.0
    rows = ArrayRows(X, weight)
    frame = survey(rows, 0.0)
    sample, positions = draw_sample(rows, frame, 1000, rng)
    assert_array_equal(sample.X[:, 0], positions)
    assert len(positions) == 1000
    assert_allclose((positions < 10_000).mean(), 0.75, atol=0.002)
    everything, positions = draw_sample(rows, frame, 20_000, rng)
    assert_array_equal(positions, np.flatnonzero(weight))
    assert_array_equal(everything.weight, weight[positions])


def test_seeds_are_rows_and_far_apart():
    rng = np.random.RandomState(0)
    points = np.concatenate([rng.normal(size=(50, 2)) + 100 * c for c in range(4)])
    seeds = plant_seeds(points, np.ones(200), 4, rng)
    assert sorted(seeds[:, 0].round(-2)) == [0, 100, 200, 300]
    assert all((points == seed).all(axis=1).any() for seed in seeds)


def test_seeds_where_rows_repeat_and_where_they_weigh_nothing():
    rng = np.random.RandomState(0)
    assert plant_seeds(np.zeros((5, 2)), np.ones(5), 3, rng).shape == (3, 2)
    points = np.arange(6.0)[:, None]
    seeds = plant_seeds(points, np.array([0, 1, 0, 1, 0, 1.0]), 3, rng)
    assert sorted(seeds[:, 0]) == [1, 3, 5]


def test_lloyd_by_hand():
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    # From 0 and 1 the first pass gives {0}, {1, 10, 11} with the centres 0 and 22 / 3; then
    # {0, 1}, {10, 11}.
    seeds = points[:2]
    assert lloyd(points, np.ones(4), seeds, 1).tolist() == [0, 1, 1, 1]
    assert lloyd(points, np.ones(4), seeds, 10).tolist() == [0, 0, 1, 1]


def test_groups_have_moments_drawn_towards_the_whole():
    Z = np.array([[0.0], [2.0], [4.0], [6.0]])
    shares = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    frame = survey(ArrayRows(Z), 0.0)
    found = group_parameters(Z, np.ones(4), shares, frame)
    assert_allclose(found.means[:, 0], [1, 5])
    # Variance 1 of two rows, and 5 of all with the weight of d + 1 = 2 rows.
    assert_allclose(found.covariances[:, 0, 0], [3, 3])
    assert_allclose(found.weights, [0.5, 0.5])


def test_the_direction_of_two_peaks_comes_first():
    X, _ = parallel_cigars(n=5000)
    turned = X @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    spaces = seeding_spaces(turned, np.ones(len(X)))
    assert len(spaces) == 8
    one = spaces[3][:, 0]
    assert abs(np.corrcoef(one, X[:, 1])[0, 1]) > 0.99
    assert_allclose(np.cov(spaces[1].T), np.eye(2), atol=1e-3)
