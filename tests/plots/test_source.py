"""One source against the groups: what is drawn, and where."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from xsift.plots import feature_distributions, source_in_plane

GROUPS = ("AGN", "YSO")
NAN = float("nan")


def verticals(ax):
    """The places of the vertical lines."""
    return [line.get_xdata()[0] for line in ax.lines]


def test_a_line_for_each_detection_at_its_value():
    ax = Figure().add_subplot()
    values, group = np.linspace(0, 1, 100), ["AGN"] * 60 + ["YSO"] * 40
    found = feature_distributions(ax, values, group, GROUPS, [0.25, NAN, 0.5, 3.0], "hard_hm")
    assert found is ax
    assert verticals(ax) == [0.25, 0.5, 3.0]
    assert ax.get_xlim()[1] > 3  # the source is never off the axis
    assert ax.get_xlabel() == "hard_hm"


def test_each_group_sums_to_one_and_is_counted():
    ax = Figure().add_subplot()
    values = np.concatenate([np.random.default_rng(0).normal(size=500), [NAN, 1e6]])
    group = np.array(["AGN"] * 300 + ["YSO"] * 200 + ["AGN", "AGN"], dtype=object)
    feature_distributions(ax, values, group, GROUPS, [0.0], "x")
    steps = {p.get_label(): p.get_data() for p in ax.patches}
    assert set(steps) == {"AGN (301)", "YSO (200)"}
    for data in steps.values():
        assert data.values.sum() == pytest.approx(1)
    counts, edges = steps["YSO (200)"].values, steps["YSO (200)"].edges
    wanted, _ = np.histogram(values[300:500], edges)
    np.testing.assert_allclose(counts[1:-1] * 200, wanted[1:-1])


def test_a_logarithmic_axis_keeps_zero_in_sight():
    ax = Figure().add_subplot()
    feature_distributions(ax, [1e-17, 0.1, 1.0] * 20, ["AGN"] * 60, GROUPS, [0.0, 0.3], "r", True)
    assert ax.get_xscale() == "log"
    assert verticals(ax) == [1e-5, 0.3]
    assert ax.get_xlim()[0] < 1e-5


@pytest.mark.parametrize("is_log", [False, True])
def test_a_missing_feature_says_so(is_log):
    ax = Figure().add_subplot()
    feature_distributions(ax, [0.1, 0.2], ["AGN", "YSO"], GROUPS, [NAN], "x", is_log)
    assert verticals(ax) == []
    assert [t.get_text() for t in ax.texts] == ["missing"]
    nothing = Figure().add_subplot()
    feature_distributions(nothing, [], [], GROUPS, [], "x", is_log)
    assert not nothing.patches


def test_source_in_plane():
    ax = Figure().add_subplot()
    x, y = [1, 2, 3, NAN], [1, 2, 3, 4]
    group = ["AGN", "YSO", "AGN", "AGN"]
    source_in_plane(ax, x, y, group, GROUPS, [0.5, NAN], [0.6, 1], ("a", "b"), (False, True))
    agn, yso, own = (np.asarray(c.get_offsets()) for c in ax.collections)
    np.testing.assert_allclose(agn, [[1, 1], [3, 3]])
    np.testing.assert_allclose(yso, [[2, 2]])
    np.testing.assert_allclose(np.ma.masked_invalid(own)[0], [0.5, 0.6])
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


def test_a_hundred_detections_are_a_median_a_band_and_ticks():
    ax = Figure().add_subplot()
    own = np.random.default_rng(0).normal(0.3, 0.1, 100)
    values = np.linspace(0, 1, 100)
    feature_distributions(ax, values, ["AGN"] * 100, GROUPS, own, "x")
    median, ticks = ax.lines
    assert median.get_xdata()[0] == pytest.approx(np.median(own))
    assert sorted(ticks.get_xdata()) == sorted(own)
    steps, band = ax.patches
    box = band.get_window_extent().transformed(ax.transData.inverted())
    np.testing.assert_allclose([box.x0, box.x1], np.quantile(own, [0.16, 0.84]))
    # The ticks stand above the curves.
    assert steps.get_data().values.max() < 0.95 * ax.get_ylim()[1]


def test_a_group_of_few_has_no_distribution():
    ax = Figure().add_subplot()
    values, group = np.linspace(0, 1, 59), ["AGN"] * 30 + ["YSO"] * 29
    feature_distributions(ax, values, group, GROUPS, [0.5], "x")
    assert [p.get_label() for p in ax.patches] == ["AGN (30)"]
