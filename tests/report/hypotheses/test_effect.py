"""The effect against naive loops and scipy, its interval by simulation, the verdict by its rule."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from xsift.report.hypotheses import MARGIN, Effect, effect_of, verdict_of


def naive(a, b):
    pairs = [(x > y) - (x < y) for x in a for y in b]
    return sum(pairs) / len(pairs)


small = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@given(small, small)
def test_the_effect_is_the_naive_one(a, b):
    found = effect_of(np.array(a), np.array(b), seed=0, n_resamples=50)
    assert found.value == pytest.approx(naive(a, b), abs=1e-12)
    assert -1 <= found.low <= found.high <= 1
    assert (found.n_a, found.n_b) == (len(a), len(b))


def test_the_effect_is_that_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 1, 5000), rng.normal(0, 2, 3000)
    u = mannwhitneyu(a, b).statistic / (len(a) * len(b))
    found = effect_of(a, b, seed=1, n_resamples=10)
    assert found.p_above == pytest.approx(u, abs=1e-12)


def test_of_a_property_it_is_the_difference_of_shares():
    a, b = np.array([1] * 30 + [0] * 70), np.array([1] * 10 + [0] * 190)
    assert effect_of(a, b, seed=0, n_resamples=10).value == pytest.approx(0.30 - 0.05)


def test_resamples_are_those_of_a_plain_bootstrap():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.5, 1, 60), rng.normal(0, 1, 80)
    found = effect_of(a, b, seed=3, n_resamples=4000)
    plain = []
    for _ in range(1500):
        x, y = rng.choice(a, len(a)), rng.choice(b, len(b))
        plain.append(2 * mannwhitneyu(x, y).statistic / (len(a) * len(b)) - 1)
    low, high = np.quantile(plain, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def test_bins_do_not_move_the_value_and_hardly_the_interval(monkeypatch):
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.2, 1, 3000), rng.normal(0, 1, 3000)
    binned = effect_of(a, b, seed=5)
    monkeypatch.setattr(import_module("xsift.report.hypotheses.effect"), "_BINS", 10_000)
    exact = effect_of(a, b, seed=5)
    assert binned.value == exact.value
    assert (binned.low, binned.high) == pytest.approx((exact.low, exact.high), abs=0.006)


@pytest.mark.parametrize(
    ("name", "n_a", "n_b"), [("normal", 40, 60), ("rare", 150, 400), ("ties", 50, 50)]
)
def test_the_interval_covers_the_truth(name, n_a, n_b):
    rng = np.random.default_rng(6)
    draw = {
        "normal": (lambda n: rng.normal(0.5, 1, n), lambda n: rng.normal(0, 1, n), 0.27632639),
        "rare": (lambda n: rng.random(n) < 0.03, lambda n: rng.random(n) < 0.01, 0.02),
        # P(a > b) - P(a < b) of 0 to 3 evenly against 0 to 2 evenly: (0+1+2+3 - (2+1+0+0)) / 12.
        "ties": (lambda n: rng.integers(0, 4, n), lambda n: rng.integers(0, 3, n), 3 / 12),
    }[name]
    held = 0
    for seed in range(300):
        found = effect_of(draw[0](n_a), draw[1](n_b), seed, n_resamples=400)
        held += found.low <= draw[2] <= found.high
    assert 0.91 <= held / 300 <= 0.99  # 95 % and three standard errors of 300 trials


def test_a_share_of_nothing_has_an_interval():
    found = effect_of(np.zeros(25), np.zeros(500), seed=0)
    assert found.value == 0
    assert found.high > 0.02
    assert found.low > -0.02


def test_the_same_seed_gives_the_same_interval():
    a, b = np.arange(50.0), np.arange(20.0, 60)
    assert effect_of(a, b, 7) == effect_of(a, b, 7) != effect_of(a, b, 8)


def test_an_empty_population_has_no_effect():
    found = effect_of(np.array([]), np.arange(5.0), 0)
    assert np.isnan(found.value)
    assert verdict_of(found)[0] == "not tested"


@pytest.mark.parametrize(
    ("low", "high", "n", "verdict", "why"),
    [
        (MARGIN + 0.01, 0.5, 20, "supported", "above"),
        (MARGIN, 0.5, 20, "undecided", "holds"),
        (-0.2, 0.5, 20, "undecided", "holds"),
        (-0.04, 0.04, 20, "not supported", "no effect that matters"),
        (-0.5, 0.04, 20, "not supported", "no effect that matters"),
        (-0.5, -0.06, 20, "not supported", "opposite"),
        (0.2, 0.5, 19, "undecided", "19 sources"),
    ],
)
def test_the_verdict_follows_from_the_interval(low, high, n, verdict, why):
    said = verdict_of(Effect((low + high) / 2, low, high, n, 100))
    assert said[0] == verdict
    assert why in said[1]
