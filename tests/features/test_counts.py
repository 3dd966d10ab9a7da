"""Effective counts: against posteriors that are drawn, by hand, and on real limits."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift import read, surveys
from xsift.errors import XsiftWarning
from xsift.features import derive, warn_of_limits
from xsift.features.counts import faintness_of
from xsift.surveys import Survey

SHARED = Path(__file__).parents[3] / "shared" / "data"
CSC = surveys.load("csc20")
XMM = surveys.load("4xmm")
TWELVE = CSC.feature_set("all")
EDGES = (3, 10, 30, 100, 300, 1000, np.inf)


def found(survey=CSC, **columns):
    return faintness_of(
        pa.table({k: pa.array(v, pa.float64()) for k, v in columns.items()}), survey
    )


def hardness(name, value, low, high):
    return {name: [value], f"{name}_lolim": [low], f"{name}_hilim": [high]}


def ratio(a, b):
    return (a - b) / (a + b)


@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.4), (0.05, 0.35, 0.6), (0.8, 0.15, 0.05)])
@pytest.mark.parametrize("n", [30, 100, 1000])
def test_limits_of_a_posterior_tell_its_counts(n, shares):
    """The oracle: Gamma posteriors of the counts in three bands, their ratios' 68 % limits."""
    rng = np.random.default_rng(n)
    true = np.array(shares) * n
    hard, medium, soft = rng.gamma(true[:, None], size=(3, 200_000))
    ratios = {
        "hard_hm": ratio(hard, medium),
        "hard_hs": ratio(hard, soft),
        "hard_ms": ratio(medium, soft),
    }
    exact, limits = {}, {}
    for name, drawn in ratios.items():
        m, s = drawn.mean(), drawn.std()
        exact |= hardness(name, m, m - s, m + s)
        low, middle, high = np.quantile(drawn, [0.15865, 0.5, 0.84135])
        limits |= hardness(name, middle, low, high)
    assert_allclose(found(**exact).counts, n, rtol=0.02)
    assert_allclose(found(**limits).counts, n, rtol=0.2)


def test_one_pair_by_hand():
    # Middle 0, half-width 0.2: (1 - 0) / 0.04 - 1.
    told = found(**hardness("hard_hm", 0.05, -0.2, 0.2))
    assert_allclose(told.counts, 24)
    assert told.rows == {"hardness": 1, "exact": 0}
    assert told.median == pytest.approx(24)


def test_a_chain_of_bands_counts_each_band_once():
    """4XMM: band 3 is in HR2 and in HR3."""
    n = {1: 40.0, 2: 60.0, 3: 100.0, 4: 50.0, 5: 30.0}
    columns = {}
    for i in range(1, 5):
        m, pair = ratio(n[i + 1], n[i]), n[i] + n[i + 1]
        columns |= {f"hr{i}": [m], f"hr{i}_err": [np.sqrt((1 - m**2) / (pair + 1))]}
    assert_allclose(found(XMM, **columns).counts, sum(n.values()))


def test_an_upper_limit_of_a_band_is_scored_by_the_middle():
    """A band without counts: CSC writes the edge, and limits of which one is the edge."""
    table = pa.table(
        hardness("hard_hm", -1.0, -1.0, -0.7) | hardness("hard_ms", 1.0, 0.9, 1.0) | {"bb_kt": [1]}
    )
    features = derive(table, CSC, TWELVE)
    at = dict(zip(features.names, features.values[0], strict=True))
    assert (at["hard_hm"], at["hard_ms"], at["bb_kt"]) == pytest.approx((-0.85, 0.95, 1))
    assert features.X[0, [0, 2]].tolist() == [-1, 1]
    assert features.counts[0] == pytest.approx(
        sum([0.075 * 11.333333, (0.925 * 11.333333 + 0.975 * 38) / 2, 0.025 * 38]), rel=1e-3
    )


def test_a_limit_alone_is_one_sided():
    low = found(**hardness("hard_hm", -1.0, None, -0.7))
    both = found(**hardness("hard_hm", -1.0, -1.0, -0.7))
    assert_array_equal(low.counts, both.counts)
    assert_array_equal(low.middles["hard_hm"], [-0.85])
    high = found(**hardness("hard_hm", 1.0, 0.7, None))
    assert_array_equal(high.middles["hard_hm"], [0.85])
    assert np.isinf(
        found(flux_aper_b=[1.0], flux_aper_lolim_b=[None], flux_aper_hilim_b=[2]).counts
    )


def test_limits_of_the_whole_range_tell_of_no_counts():
    told = found(**hardness("hard_hm", 0.3, -1.0, 1.0))
    assert told.counts.tolist() == [1.0]
    assert told.middles["hard_hm"].tolist() == [0.0]


def test_errors_that_reach_beyond_the_edge_are_moved_inside():
    told = found(XMM, hr1=[0.99, 0.5, -1.0], hr1_err=[0.1, 3.0, 0.25])
    assert_allclose(told.middles["hr1"], [0.9, 0, -0.75])
    assert_allclose(told.counts, [(1 - 0.81) / 0.01 - 1, 1, (1 - 0.5625) / 0.0625 - 1])


@pytest.mark.parametrize(
    ("survey", "columns", "n"),
    [
        ("csc20", {"flux_aper_b": [10], "flux_aper_lolim_b": [8], "flux_aper_hilim_b": [12]}, 25),
        (
            "csc20",
            {"powlaw_gamma": [2], "powlaw_gamma_lolim": [1.5], "powlaw_gamma_hilim": [2.5]},
            44,
        ),
        ("csc20", {"bb_kt": [1], "bb_kt_lolim": [0.9], "bb_kt_hilim": [1.1]}, 156),
        ("csc20", {"src_cnts_aper_b": [40]}, 30),
        ("csc20", {"flux_significance_b": [6]}, 36),
        ("csc20", {"significance": [6]}, 36),
        ("4xmm", {"flux_8": [10], "flux_8_err": [1]}, 100),
        ("4xmm", {"flux_8": [10], "flux_8_err": [1], "flux_9": [4], "flux_9_err": [2]}, 4),
        ("4xmm", {"det_ml": [1000]}, 0.229 * 1000**0.855),
        ("erass1", {"ml_cts_1": [20], "ml_cts_err_1": [5]}, 16),
        ("erass1", {"ml_cts_1": [20]}, 15),
        ("erass1", {"ml_flux_1": [20], "ml_flux_err_1": [5]}, 16),
        ("erass1", {"det_like_0": [100]}, 0.8 * 100**0.77),
        ("2sxps", {"rate_band0": [6], "rate_band0_pos": [3], "rate_band0_neg": [-1]}, 9),
        ("2sxps", {"hr1": [0.0], "hr1_pos": [0.2], "hr1_neg": [-0.2]}, 24),
        ("csc20", {"flux_aper_b": [0], "flux_aper_lolim_b": [0], "flux_aper_hilim_b": [2]}, 1),
        ("csc20", {"hard_hm": [0.2]}, np.inf),
        ("4xmm", {"hr1": [0.2], "flux_8": [3]}, np.inf),
    ],
)
def test_each_way_by_hand(survey, columns, n):
    assert_allclose(found(surveys.load(survey), **columns).counts, n, rtol=1e-9)


def test_the_most_trusted_way_of_each_row_tells():
    told = found(
        hard_hm=[0.0, 0.0, None, None, None],
        hard_hm_lolim=[-0.2, None, None, None, None],
        hard_hm_hilim=[0.2, None, None, None, None],
        flux_aper_b=[10.0, 10.0, None, None, None],
        flux_aper_lolim_b=[8.0, 8.0, None, None, None],
        flux_aper_hilim_b=[12.0, 12.0, None, None, None],
        src_cnts_aper_b=[4.0, 4.0, 4.0, None, None],
        flux_significance_b=[7.0, 7.0, 7.0, 7.0, None],
    )
    assert_allclose(told.counts, [24, 3, 3, 49, np.inf])
    assert told.rows == {"hardness": 1, "counts": 2, "significance": 1, "exact": 1}


def test_limits_of_another_confidence():
    tree = CSC.model_dump()
    for column in tree["columns"]:
        if column["name"] == "hard_hm":
            column["confidence"] = 0.9
    sigma = 0.2
    told = found(
        Survey.model_validate(tree), **hardness("hard_hm", 0.0, -1.644854 * sigma, 1.644854 * sigma)
    )
    assert_allclose(told.counts, 24, rtol=1e-5)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.3, 0.1), (0.2, 0.2), (0.5, 0.6), (-0.9, -0.5), (-1.2, 0.4), (0.1, np.inf)],
    ids=["upside down", "no width", "far above", "far below", "not possible", "infinite"],
)
def test_limits_that_cannot_be_right_are_not_used_and_said(low, high):
    told = found(**hardness("hard_hm", 0.2, low, high))
    assert np.isinf(told.counts[0])
    assert np.isnan(told.middles["hard_hm"][0])
    assert told.impossible == {"hard_hm": 1}
    with pytest.warns(XsiftWarning, match=r"^t\.csv: limits that cannot be right .*: hard_hm 1 \("):
        warn_of_limits(told, "t.csv")


def test_a_value_outside_its_limits_is_said():
    told = found(**hardness("hard_hm", 0.35, 0.1, 0.3))
    assert told.middles["hard_hm"][0] == pytest.approx(0.2)
    assert (told.outside, told.impossible) == ({"hard_hm": 1}, {})
    with pytest.warns(XsiftWarning, match=r"^t\.csv: values outside their limits: hard_hm 1 \(the"):
        warn_of_limits(told, "t.csv")
    inside = found(**hardness("hard_hm", 0.3, 0.1, 0.3))
    assert not inside.outside
    warn_of_limits(inside, "t.csv")


def test_an_impossible_error_is_not_used():
    told = found(XMM, hr1=[0.1, 0.1], hr1_err=[-0.2, 0.0])
    assert told.impossible == {"hr1": 2}
    assert np.isinf(told.counts).all()


def test_a_value_that_is_missing_or_impossible_stays_so():
    table = pa.table(
        {"hard_hm": [None, 1.4], "hard_hm_lolim": [0.0, 0.0], "hard_hm_hilim": [0.2, 0.2]}
    )
    table = table.set_column(0, "hard_hm", table["hard_hm"].cast(pa.float64()))
    features = derive(table, CSC, TWELVE)
    assert np.isnan(features.values[:, 0]).all()
    assert features.reasons()[1].endswith("hard_hm = 1.4 is not -1 to 1")


def test_some_of_the_features():
    table = pa.table(hardness("hard_ms", 0.5, 0.2, 0.6) | {"bb_kt": [1.0], "hard_hm": [0.1]})
    features = derive(table, CSC, TWELVE)
    some = features.select(["bb_kt", "hard_ms"])
    assert some.values.tolist() == [[1.0, pytest.approx(0.4)]]
    assert_array_equal(some.counts, features.counts)
    assert features.select(["hard_hm"]).values.tolist() == [[0.1]]


def test_a_feature_of_ones_own_keeps_the_counts():
    own = CSC.with_features(["flux_aper_b", "extra"])
    table = pa.table(hardness("hard_hm", 0.0, -0.2, 0.2) | {"flux_aper_b": [1.0], "extra": [2.0]})
    features = derive(table, own, own.feature_set("own"))
    assert features.values.tolist() == [[1.0, 2.0]]
    assert_allclose(features.counts, 24)


@given(
    rows=st.lists(
        st.tuples(*[st.one_of(st.none(), st.floats(), st.floats(-1, 1))] * 5),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_the_limits_say_counts_are_1_and_more(rows):
    value, low, high, flux, flux_high = zip(*rows, strict=True)
    told = found(
        hard_hm=value,
        hard_hm_lolim=low,
        hard_hm_hilim=high,
        flux_aper_b=flux,
        flux_aper_lolim_b=low,
        flux_aper_hilim_b=flux_high,
        significance=flux_high,
    )
    assert (told.counts >= 1).all()
    middle = told.middles["hard_hm"]
    assert ((np.abs(middle) <= 1) | np.isnan(middle)).all()
    assert sum(told.rows.values()) == len(rows)


@pytest.mark.skipif(not SHARED.exists(), reason="the real tables are not at ../shared/data")
def test_real_limits_tell_the_same_share_of_the_net_counts():
    path = SHARED / "csc20_counts.parquet"
    held = read.read_detections(path, CSC, TWELVE, need_all=False)
    features = derive(held.table, CSC, TWELVE)
    net = pq.read_table(path, columns=["src_cnts_aper_b"])["src_cnts_aper_b"].to_numpy()
    for low, high in pairwise(EDGES):
        inside = (net >= low) & (net < high)
        assert inside.sum() > 400
        share = np.median(features.counts[inside] / net[inside])
        assert (0.9 < share < 1.3) if high <= 10 else (0.7 < share < 0.85), (low, high)
    assert features.faintness.rows["hardness"] > 6900
    assert not features.faintness.impossible


@pytest.mark.skipif(not SHARED.exists(), reason="the real tables are not at ../shared/data")
@pytest.mark.parametrize(
    ("way", "columns", "spread"),
    [
        ("counts", ("src_cnts_aper_b",), 0.3),
        ("significance", ("flux_significance_b",), 0.35),
        ("flux", ("flux_aper_b", "flux_aper_lolim_b", "flux_aper_hilim_b"), 0.4),
        ("fit", ("bb_kt", "bb_kt_lolim", "bb_kt_hilim"), 1.0),
        ("fit", ("powlaw_gamma", "powlaw_gamma_lolim", "powlaw_gamma_hilim"), 1.5),
    ],
)
def test_on_real_detections_each_way_agrees_with_the_first(way, columns, spread):
    table = read.read_detections(SHARED / "csc20_counts.parquet", CSC, TWELVE, need_all=False).table
    first, other = faintness_of(table, CSC), faintness_of(table.select(columns), CSC)
    assert set(other.rows) == {way, "exact"}
    both = (first.counts > 50) & (first.counts < 1000) & np.isfinite(other.counts)
    log = np.log(other.counts[both] / first.counts[both])
    assert both.sum() > 800
    assert abs(np.median(log)) < 0.15
    assert np.quantile(np.abs(log), 0.8) < spread
