"""How many sources a catalogue holds of each group: numbers and intervals."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from xsift.catalogue.view import view_catalogue
from xsift.report.findings import expected_number, group_counts

CASES = {
    "rare": lambda rng: rng.beta(0.05, 20, 400),
    "few": lambda rng: rng.random(8),
    "even": lambda rng: rng.random(500),
    "sure": lambda rng: rng.beta(0.1, 0.1, 300),
    "common": lambda rng: 1 - rng.beta(0.05, 5, 400),
}


@pytest.mark.parametrize("case", CASES)
def test_the_interval_holds_the_number_of_simulated_catalogues(case):
    rng = np.random.default_rng(3)
    p = CASES[case](rng)
    found = expected_number(p)
    n = np.array([(rng.random(len(p)) < p).sum() for _ in range(6000)])
    assert found.number == pytest.approx(n.mean(), abs=4 * n.std() / 6000**0.5)
    assert found.sd == pytest.approx(n.std(), rel=0.05)
    inside = (n >= found.low) & (n <= found.high)
    assert inside.mean() > 0.945
    # Not wider than whole numbers make it: one less on both sides holds too few.
    if found.high - found.low > 1:
        assert ((n > found.low + 1) & (n < found.high - 1)).mean() < 0.95
    assert 0 <= found.low <= found.number <= found.high <= len(p)


def test_quantiles_are_those_of_the_exact_distribution():
    """The distribution of the number, by multiplying polynomials: one step beside at most."""
    p = np.random.default_rng(1).beta(0.3, 3, 60)
    exact = np.ones(1)
    for one in p:
        exact = np.convolve(exact, [1 - one, one])
    cumulative = np.cumsum(exact)
    low, high = (int(np.searchsorted(cumulative, q)) for q in (0.025, 0.975))
    found = expected_number(p)
    assert low - 1 <= found.low <= low
    assert high <= found.high <= high + 1


def test_sure_probabilities_leave_no_interval():
    assert expected_number(np.array([1.0, 1.0, 0.0])) == (2.0, 0.0, 2, 2)
    assert expected_number(np.array([])) == (0.0, 0.0, 0, 0)
    assert expected_number(np.array([np.nan, 0.5])).number == 0.5


def test_next_to_nothing_is_nothing():
    """Probabilities of 1e-307 once divided by zero; 0.02 expected sources are none, mostly."""
    assert expected_number(np.full(60, 1e-307)) == (pytest.approx(6e-306), pytest.approx(0), 0, 0)
    assert expected_number(np.full(100, 2e-4))[2:] == (0, 0)
    assert expected_number(1 - np.full(100, 2e-4))[2:] == (100, 100)
    assert expected_number(np.append(np.full(100, 1e-6), np.ones(7)))[2:] == (7, 7)
    assert expected_number(np.full(100, 5e-3))[2] == 0
    assert expected_number(np.full(100, 5e-3))[3] in (2, 3)


def test_groups_are_counted_by_verdict_and_by_probability(calibrated):
    found = {r["group"]: r for r in group_counts(view_catalogue(calibrated)).to_pylist()}
    sources = pq.read_table(calibrated / "sources.parquet").to_pylist()
    assert found["AGN"]["classified"] == sum(s["group"] == "AGN" for s in sources)
    p = [s["p_qso"] + s["p_agn"] for s in sources]
    assert found["AGN"]["expected"] == pytest.approx(sum(p))
    assert found["AGN"]["sd"] == pytest.approx(sum(q * (1 - q) for q in p) ** 0.5)
    assert found["none"]["expected"] == pytest.approx(sum(s["p_none"] for s in sources))
    # Left out are groups of which next to none are expected.
    assert sum(r["expected"] for r in found.values()) == pytest.approx(len(sources), abs=0.5)
