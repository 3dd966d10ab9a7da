"""What the figures contain; not their pixels."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from xsift.plots import (
    GROUP_COLOURS,
    GROUP_MARKERS,
    confusion_matrix,
    figure_style,
    galactic_map,
    hardness_plane,
    variability_plane,
)
from xsift.plots.style import look_of

GROUPS = ["AGN", "YSO"]
GROUP = np.array(["AGN", "YSO", None, "AGN", "CV", "AGN"], dtype=object)
NAN = np.nan


def drawn(ax):
    """Points of each collection, by the group of its label."""
    return {c.get_label().split(" (")[0]: np.asarray(c.get_offsets()) for c in ax.collections}


def legend(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_galactic_map_puts_longitude_to_the_left():
    ax = Figure().add_subplot(projection="mollweide")
    l_deg = [90, 350, 10, NAN, 0, 180]
    b_deg = [30, -45, 0, 0, 0, 90]
    assert galactic_map(ax, l_deg, b_deg, GROUP, GROUPS) is ax
    points = drawn(ax)
    np.testing.assert_allclose(np.degrees(points["AGN"]), [[-90, 30], [180, 90]])
    np.testing.assert_allclose(np.degrees(points["YSO"]), [[10, -45]])
    assert legend(ax) == ["AGN (2)", "YSO (1)"]
    by_place = {
        round(np.degrees(t.get_position()[0])): t.get_text() for t in ax.texts if t.get_text()
    }
    assert by_place == {-120: "120°", -60: "60°", 0: "0°", 60: "300°", 120: "240°"}


def test_hardness_plane_leaves_out_nan_and_null_groups():
    ax = Figure().add_subplot()
    hs = [0.1, 0.2, 0.3, NAN, 0.5, 0.6]
    hm = [-0.1, -0.2, -0.3, -0.4, -0.5, -0.6]
    assert hardness_plane(ax, hs, hm, GROUP, GROUPS) is ax
    points = drawn(ax)
    assert set(points) == {"AGN", "YSO"}
    np.testing.assert_allclose(points["AGN"], [[0.1, -0.1], [0.6, -0.6]])
    np.testing.assert_allclose(points["YSO"], [[0.2, -0.2]])
    assert "hard to soft" in ax.get_xlabel()
    assert "hard to medium" in ax.get_ylabel()
    assert ax.get_xlim()[0] < -1
    assert ax.get_ylim()[1] > 1


def test_variability_plane_is_logarithmic_and_keeps_constant_sources_in_sight():
    ax = Figure().add_subplot()
    prob = [0.1, 0.9, 0.5, 0.2, 0.5, 1.0]
    ratio = [1e-17, 0.3, 0.1, NAN, 0.1, 30]
    assert variability_plane(ax, prob, ratio, GROUP, GROUPS) is ax
    points = drawn(ax)
    np.testing.assert_allclose(points["AGN"], [[0.1, 1e-5], [1.0, 30]])
    np.testing.assert_allclose(points["YSO"], [[0.9, 0.3]])
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert low < 1e-5
    assert high > 30
    assert "leq" in ax.get_yticklabels()[0].get_text()


def test_confusion_matrix_by_hand():
    truth = ["a", "a", "a", "b", None, "a", "x"]
    predicted = ["a", "b", "a", "b", "a", None, "a"]
    ax = Figure().add_subplot()
    assert confusion_matrix(ax, truth, predicted, ["a", "b", "c"]) is ax
    share = np.ma.filled(ax.images[0].get_array(), NAN)
    np.testing.assert_allclose(share, [[2 / 3, 1 / 3, 0], [0, 1, 0], [NAN, NAN, NAN]])
    cells = {tuple(map(int, t.get_position())): t.get_text() for t in ax.texts}
    assert cells[(0, 0)] == "0.67\n2"
    assert cells[(1, 0)] == "0.33\n1"
    assert cells[(1, 1)] == "1.00\n1"
    assert len(cells) == 6  # the class without members stays empty
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a (3)", "b (1)", "c (0)"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]


def test_confusion_matrix_wants_pairs():
    with pytest.raises(ValueError, match="shorter"):
        confusion_matrix(Figure().add_subplot(), ["a", "b"], ["a"], ["a", "b"])


def test_groups_look_different_and_others_cycle():
    assert len(set(GROUP_COLOURS.values())) == len(GROUP_COLOURS) == 4
    assert len(set(GROUP_MARKERS.values())) == 4
    names = [*GROUP_COLOURS, *(f"g{i}" for i in range(20))]
    looks = look_of(names)
    assert len(set(looks.values())) == len(names)
    assert looks["AGN"] == (GROUP_COLOURS["AGN"], GROUP_MARKERS["AGN"])


def test_legend_is_outside_of_the_data_and_opaque():
    ax = Figure().add_subplot()
    many = np.tile(GROUP, 5000)
    hardness_plane(ax, np.zeros(len(many)), np.zeros(len(many)), many, GROUPS)
    assert all(h.get_alpha() == 1 for h in ax.get_legend().legend_handles)
    assert all(c.get_alpha() < 1 for c in ax.collections)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_the_rarest_group_is_on_top():
    ax = Figure().add_subplot()
    hardness_plane(ax, np.zeros(6), np.zeros(6), GROUP, GROUPS)
    order = {c.get_label().split(" (")[0]: c.get_zorder() for c in ax.collections}
    assert order["YSO"] > order["AGN"]


def test_hundred_thousand_points_are_rasterised_in_a_pdf():
    rng = np.random.default_rng(0)
    n = 100_000
    figure = Figure()
    ax = figure.add_subplot(projection="mollweide")
    group = np.array(GROUPS, dtype=object)[rng.integers(0, 2, n)]
    galactic_map(ax, rng.uniform(0, 360, n), rng.uniform(-90, 90, n), group, GROUPS)
    assert all(c.get_rasterized() for c in ax.collections)
    stream = io.BytesIO()
    figure.savefig(stream, format="pdf")
    assert stream.tell() < 2_000_000


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_or_one_point(n):
    with rc_context(figure_style()):
        figure = Figure(figsize=(9, 9))
        empty, group = np.zeros(n), np.full(n, "AGN", dtype=object)
        galactic_map(figure.add_subplot(221, projection="mollweide"), empty, empty, group, GROUPS)
        hardness_plane(figure.add_subplot(222), empty, empty, group, GROUPS)
        variability_plane(figure.add_subplot(223), empty, empty, group, GROUPS)
        confusion_matrix(figure.add_subplot(224), group, group, GROUPS)
        figure.savefig(io.BytesIO(), format="png")
        assert [ax.get_ylabel() != "" for ax in figure.axes] == [True] * 5
