"""What the figures contain; not their pixels."""

import io
from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

from xsift import plots
from xsift.classes import named_classes
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
    names = [*GROUP_COLOURS, "none", *(f"g{i}" for i in range(20))]
    looks = look_of(names)
    assert len(set(looks.values())) == len(names)
    assert len({looks[g][1] for g in [*GROUP_COLOURS, "none"]}) == len(GROUP_COLOURS) + 1
    assert looks["AGN"] == (GROUP_COLOURS["AGN"], GROUP_MARKERS["AGN"])
    first = names[9:17]
    assert len({looks[g][0] for g in [*GROUP_COLOURS, *first]}) == len(GROUP_COLOURS) + len(first)


def test_every_group_of_a_shipped_set_has_a_look_of_its_own():
    wide = named_classes("wide").groups
    assert set(wide) == set(GROUP_COLOURS) == set(GROUP_MARKERS)
    for name in ("wide", "xmm", "muwclass"):
        groups = [*named_classes(name).groups, "none"]
        looks = look_of(groups)
        for signs in zip(*looks.values(), strict=True):
            assert len(set(signs)) == len(groups), name


def test_a_look_does_not_hang_on_whether_anything_is_of_none():
    names = ["AGN", "mine", "yours"]
    both = look_of([*names, "none"])
    assert look_of(names) == {n: both[n] for n in names}


# Linear RGB as seen without red, green or blue cones (Machado et al. 2009, severity 1).
VISION = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(colour, vision):
    """CIE Lab of a colour, as seen."""
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    t = np.array(TO_XYZ) @ seen / [0.9505, 1, 1.089]
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_groups_are_told_apart_with_any_colour_vision(vision):
    colours = {g: colour for g, (colour, _) in look_of([*GROUP_COLOURS, "none"]).items()}
    for (a, one), (b, other) in combinations(colours.items(), 2):
        assert np.linalg.norm(lab(one, vision) - lab(other, vision)) > 10, (a, b)


def test_what_is_of_none_is_drawn():
    """Points have no edges: a marker that is all edge would leave nothing to see."""
    ax = Figure().add_subplot()
    hardness_plane(ax, [0.0], [0.0], ["none"], ["AGN", "none"])
    assert all(MarkerStyle(marker).is_filled() for _, marker in look_of([*GROUPS, "none"]).values())
    assert drawn(ax)["none"].tolist() == [[0.0, 0.0]]


def test_legend_is_outside_of_the_data_and_opaque():
    ax = Figure().add_subplot()
    many = np.tile(GROUP, 5000)
    hardness_plane(ax, np.zeros(len(many)), np.zeros(len(many)), many, GROUPS)
    assert all(h.get_alpha() == 1 for h in ax.get_legend().legend_handles)
    assert all(c.get_alpha() < 1 for c in ax.collections)
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_the_rarest_group_is_on_top():
    ax = Figure().add_subplot()
    hardness_plane(ax, np.zeros(6), np.zeros(6), GROUP, GROUPS)
    order = {c.get_label().split(" (")[0]: c.get_zorder() for c in ax.collections}
    assert order["YSO"] > order["AGN"]


def by_order(ax):
    """The groups of the collections, from the lowest to the highest, and the rows in each."""
    names = {tuple(to_rgb(look_of(GROUPS)[g][0])): g for g in GROUPS}
    found = sorted(ax.collections, key=lambda c: c.get_zorder())
    return [(names[tuple(c.get_facecolor()[0][:3])], len(c.get_offsets())) for c in found]


def test_no_group_is_hidden_by_the_order_of_drawing():
    n = 4000
    group = np.array(["AGN", "YSO"], dtype=object)[(np.arange(n) % 5 < 2).astype(int)]
    x = np.linspace(-1, 1, n)
    ax = Figure().add_subplot()
    hardness_plane(ax, x, x, group, GROUPS)
    order = by_order(ax)
    # The layers alternate: in any two that follow each other both groups are drawn.
    assert len(order) == 24
    assert all({a[0], b[0]} == set(GROUPS) for a, b in pairwise(order))
    assert sum(k for g, k in order if g == "AGN") == np.sum(group == "AGN")
    # A layer is no stretch of the table, and always the same.
    first = ax.collections[0].get_offsets()
    assert np.ptp(first[:, 0]) > 1.9
    again = Figure().add_subplot()
    hardness_plane(again, x, x, group, GROUPS)
    np.testing.assert_array_equal(first, again.collections[0].get_offsets())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["AGN (2,400)", "YSO (1,600)"]


def test_a_rare_group_lies_on_top_of_a_crowd_as_a_whole():
    group = np.array(["AGN"] * 3000 + ["YSO"] * 20, dtype=object)
    ax = Figure().add_subplot()
    hardness_plane(ax, np.zeros(3020), np.zeros(3020), group, GROUPS)
    assert by_order(ax)[-1] == ("YSO", 20)


def test_points_coloured_by_a_number_are_shuffled_in_the_same_way():
    x = np.linspace(0, 1, 100)
    values = np.where(x > 0.98, NAN, x)
    points, again = (plots.scatter_values(Figure().add_subplot(), x, x, values) for _ in range(2))
    at = points.get_offsets()[:, 0]
    assert sorted(at) == x[np.isfinite(values)].tolist()
    np.testing.assert_array_equal(points.get_array(), at)
    assert abs(np.corrcoef(at, np.arange(len(at)))[0, 1]) < 0.3
    np.testing.assert_array_equal(at, again.get_offsets()[:, 0])
    assert points.get_clim() == (0, 1)


def test_a_group_has_its_look_whether_or_not_others_have_points():
    one, both = Figure().add_subplot(), Figure().add_subplot()
    groups = ["mine", "yours"]
    hardness_plane(both, [0.0, 0.1], [0.0, 0.1], groups, groups)
    hardness_plane(one, [0.1], [0.1], ["yours"], groups)
    assert legend(one) == ["yours (1)"]
    yours = [next(c for c in ax.collections if c.get_label() == "yours (1)") for ax in (one, both)]
    np.testing.assert_array_equal(*(c.get_facecolor() for c in yours))


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
