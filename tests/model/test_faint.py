"""Faint detections: what fewer counts make of features, and the levels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import beta

from xsift import surveys
from xsift.model.faint import (
    EDGES,
    Dimming,
    coordinate_of,
    dimming_of,
    level_of,
    levels_of_counts,
)

ELEVEN = tuple(f.name for f in surveys.load("csc21").feature_set("without-newq"))


@pytest.fixture(scope="module")
def dimming():
    return dimming_of(surveys.load("csc21"), ELEVEN)


def row(hm=-0.2, hs=-0.5, ms=-1 / 3, n=1):
    """Return rows of one spectrum: hard, medium and soft counts 1 : 1.5 : 3."""
    return np.tile([hm, hs, ms, 2.0, 0.5, *np.full(6, 0.3)], (n, 1))


def test_a_profile_says_what_fewer_counts_do(dimming):
    assert [j for j, _, _ in dimming.ratios] == [0, 1, 2]
    assert {ELEVEN[j]: is_relative for j, _, is_relative in dimming.fits} == {
        "powlaw_gamma": False,
        "bb_kt": True,
    }
    assert dict(zip(ELEVEN, dimming.needs, strict=True))["powlaw_gamma"] == 150
    assert dimming_of(surveys.load("4xmm"), ("hr1", "hr2")) is None
    assert dimming_of(surveys.load("csc21"), ("powlaw_gamma", "bb_kt")) is None  # no bands


@pytest.mark.parametrize("counts", [20, 100, 1000, 1e6])
def test_hardness_ratios_scatter_as_poisson_counts_do(dimming, counts):
    n = 20_000
    X, told = dimming.dimmed(row(n=n), np.full(n, counts), np.random.default_rng(0))
    # Binomial: of the hard and medium counts, 1 of 2.5 is hard.
    of_two = counts * 2.5 / 5.5
    expected = 2 * np.sqrt(0.4 * 0.6 / of_two)
    assert_allclose(X[:, 0].std(), expected, rtol=0.12 if counts < 50 else 0.03)
    assert_allclose(X[:, 0].mean(), -0.2, atol=0.03 if counts < 50 else 0.01)
    assert_allclose(np.median(told), counts, rtol=0.15 if counts < 50 else 0.04)


def test_a_ratio_is_the_middle_of_its_limits():
    # One band pair, and so many counts that Poisson noise is the only difference.
    dimming = Dimming(((0, 0, 1),), (), np.zeros(1))
    rng = np.random.default_rng(3)
    X, _ = dimming.dimmed(np.array([[0.4]]), np.array([50.0]), rng)
    seen = np.random.default_rng(3).poisson([[35.0, 15.0]])[0] + 0.5
    low, high = 2 * beta.ppf([0.158655, 0.841345], *seen) - 1
    assert_allclose(X[0, 0], (low + high) / 2, rtol=1e-6)


def test_what_needs_more_counts_is_left_out_or_anothers(dimming):
    X, _ = dimming.dimmed(
        np.concatenate([row(n=500), row(n=500) + 1e-3]),
        np.full(1000, 30.0),
        np.random.default_rng(1),
    )
    gone = np.isnan(X[:, ELEVEN.index("var_prob_b")])
    assert 0.6 < gone.mean() < 0.8
    assert_array_equal(gone, np.isnan(X[:, ELEVEN.index("bb_kt")]))
    assert not np.isnan(X[:, :3]).any()
    kept = X[~gone, ELEVEN.index("var_prob_b")]
    own = np.repeat([0.3, 0.301], 500)[~gone]
    assert 0.3 < (kept != own).mean() < 0.7  # a detection's own value, as often as chance has it
    X, _ = dimming.dimmed(row(n=500), np.full(500, 200.0), np.random.default_rng(1))
    assert not np.isnan(X).any()


def test_spectral_fits_gain_their_error(dimming):
    n = 20_000
    X, _ = dimming.dimmed(row(n=n), np.full(n, 400.0), np.random.default_rng(2))
    assert_allclose(X[:, 3].std(), 3.317 / 20, rtol=0.03)
    assert_allclose(np.log(X[:, 4]).std(), 1.249 / 20, rtol=0.03)


def test_missing_values_stay_missing(dimming):
    X = row(n=50)
    X[:, 0] = X[:, 3] = np.nan
    out, told = dimming.dimmed(X, np.full(50, 300.0), np.random.default_rng(0))
    assert np.isnan(out[:, [0, 3]]).all()
    assert not np.isnan(out[:, [1, 2]]).any()
    assert np.isfinite(told).all()


@pytest.mark.parametrize("edge", [-1.0, 1.0])
def test_ratios_at_the_edge_are_no_trouble(dimming, edge):
    X, told = dimming.dimmed(row(edge, edge, edge, 50), np.full(50, 8.0), np.random.default_rng(0))
    assert (np.abs(X[:, :3]) < 1).all()
    assert (told >= 1).all()
    assert np.isfinite(told).all()


def test_bands_that_no_ratio_joins():
    dimming = Dimming(((0, 0, 1), (1, 2, 3)), (), np.zeros(2))
    X, _ = dimming.dimmed(
        np.tile([0.5, -0.5], (5000, 1)), np.full(5000, 1e5), np.random.default_rng(0)
    )
    assert_allclose(X.mean(axis=0), [0.5, -0.5], atol=0.01)


def test_levels():
    assert level_of(np.array([1.0, 10.0, 599.9, 600.0, np.inf])).tolist() == [0, 1, 4, 5, 5]
    assert len(levels_of_counts()) == len(EDGES) == 5
    assert coordinate_of(np.array([1.0, 3000.0, np.inf])).tolist() == pytest.approx([-2.5, 1, 1])
