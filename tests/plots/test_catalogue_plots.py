"""What the figures of a catalogue contain: the numbers that they were given."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from xsift import plots, surveys
from xsift.catalogue.axes import is_logarithmic, label_of, symbol_of, unit_of
from xsift.report.drawing import feature_text

NAN = np.nan


def axes(**options):
    return Figure().add_subplot(**options)


def legend(ax):
    return ax.get_legend_handles_labels()[1]


def test_density_curves_are_the_given_ones():
    x, curves = np.linspace(0, 1, 5), {"AGN": np.arange(5.0), "none": np.ones(5)}
    ax = plots.density_curves(axes(), {n: (x, y) for n, y in curves.items()})
    for line, (name, y) in zip(ax.lines, curves.items(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.column_stack([x, y]))
        assert line.get_label() == name
    assert ax.lines[0].get_color() == plots.GROUP_COLOURS["AGN"]
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()


def test_histogram_steps_are_the_given_ones():
    edges = np.array([0, 1, 3.0])
    ax = plots.histogram_steps(axes(), edges, {"a": [0.25, 0.75], "b": [NAN, NAN]})
    values, at, _ = ax.patches[0].get_data()
    np.testing.assert_array_equal(values, [0.25, 0.75])
    np.testing.assert_array_equal(at, edges)
    assert legend(ax) == ["a", "b"]


def normal(n=41):
    """A grid, and a density on it that is far from symmetric."""
    x, y = np.linspace(-3, 3, n), np.linspace(10, 16, n)
    return x, y, np.exp(-(x[:, None] ** 2) / 2 - (y[None, :] - 12) ** 2 / 0.5)


def closed(contours):
    """Tell whether every line of a set of contours ends where it begins."""
    lines = [p for path in contours.get_paths() for p in path.to_polygons(closed_only=False)]
    return bool(lines) and all(np.allclose(line[0], line[-1]) for line in lines)


def test_a_surface_is_filled_contours_and_no_pixels():
    x, y, z = normal()
    ax = plots.density_surface(axes(), x, y, z, [0.5, NAN])
    assert not ax.images
    filled, line = ax.collections
    assert not filled.get_rasterized()
    assert filled.levels[-1] == pytest.approx(z.max())
    assert line.levels.tolist() == [0.5]
    highest = filled.get_paths()[-1].get_extents()
    assert (highest.x0 + highest.x1) / 2 == pytest.approx(0, abs=0.1)
    assert (highest.y0 + highest.y1) / 2 == pytest.approx(12, abs=0.1)


def test_what_a_contour_encloses_is_shaded():
    x, y, z = normal()
    ax = plots.density_surface(axes(), x, y, z, [1e-4, 0.5])
    filled, lines = ax.collections
    assert filled.levels[0] < lines.levels[0]


def test_a_density_of_nothing_is_empty():
    ax = plots.density_surface(axes(), [0, 1], [0, 1], np.zeros((2, 2)), [NAN])
    assert not ax.collections


@pytest.mark.parametrize("edge", [(-0.5, 3), (-3, 0.5), (-0.5, 0.5)])
def test_contours_are_closed_where_the_axes_end(edge):
    x = np.linspace(*edge, 31)
    z = np.exp(-(x[:, None] ** 2) / 2 - x[None, :] ** 2 / 2)
    one = plots.density_contours(axes(), {"a": (x, x, z, [0.5, 0.8])})
    assert all(closed(c) for c in one.collections)
    assert closed(plots.density_surface(axes(), x, x, z, [0.5]).collections[1])
    step = x[1] - x[0]
    box = one.collections[0].get_paths()[0].get_extents()
    assert box.x1 <= x[-1] + 0.51 * step
    assert box.x0 >= x[0] - 0.51 * step


def test_contours_lie_at_their_level():
    x = np.linspace(-3, 3, 61)
    z = np.exp(-(x[:, None] ** 2) / 2 - x[None, :] ** 2 / 0.5)
    ax = plots.density_contours(axes(), {"a": (x, x, z, [0.5]), "b": (x, x, z, [NAN])})
    (drawn,) = ax.collections
    vertices = drawn.get_paths()[0].vertices
    value = np.exp(-(vertices[:, 0] ** 2) / 2 - vertices[:, 1] ** 2 / 0.5)
    np.testing.assert_allclose(value, 0.5, atol=0.02)
    assert legend(ax) == ["a"]


def test_the_key_of_levels_has_the_widths_of_the_contours():
    x, y, z = normal()
    ax = plots.density_contours(axes(), {"a": (x, y, z, [0.9, 0.2])})
    widths = ax.collections[0].get_linewidths()
    plots.level_key(ax, ("90 %", "50 %"))
    key = {line.get_label(): line.get_linewidth() for line in ax.lines[1:]}
    assert key == {"90 %": widths[0], "50 %": widths[1]}
    assert widths[0] < widths[1]


def test_marks_stand_above_the_curves():
    ax = axes()
    x = np.linspace(0, 1, 5)
    plots.density_curves(ax, {"AGN": (x, np.full(5, 2.0))})
    ax.set_ylim(0, 2.1)
    looks = plots.line_looks(["AGN", "CV", "none"])
    plots.source_marks(ax, {"CV": [0.2, 0.4], "none": [0.9]}, looks)
    curve, *marks = ax.lines
    assert [m.get_xdata().tolist() for m in marks] == [[0.2, 0.4], [0.9]]
    assert legend(ax) == ["AGN", "CV", "none"]
    top = ax.get_ylim()[1]
    heights = [m.get_ydata()[0] for m in marks]  # shares of the axes
    assert heights[0] > heights[1]
    assert curve.get_ydata().max() < top * (1.5 * heights[1] - 0.5 * heights[0])


def test_marks_stand_above_the_steps_of_a_logarithmic_axis():
    ax = plots.histogram_steps(axes(), [0, 1, 2], {"AGN": [0.9, 1e-3]})
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    plots.source_marks(ax, {"CV": [0.5]}, plots.line_looks(["CV"]))
    assert ax.get_ylim()[0] == low
    share = np.log(high / low) / np.log(ax.get_ylim()[1] / low)
    assert share < ax.lines[0].get_ydata()[0]


def test_a_matrix_of_forty_columns_is_one_image_without_numbers():
    shares = np.linspace(0, 1, 80).reshape(2, 40)
    ax = axes()
    image = plots.share_matrix(ax, shares, ["a", "b"], [str(k) for k in range(40)])
    np.testing.assert_array_equal(image.get_array(), shares)
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    assert not ax.texts
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert len(ax.get_xticklabels()) == 40
    ax.figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in ax.get_xticklabels()]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_probabilities_of_a_source_have_their_numbers():
    ax = plots.class_probabilities(axes(), ["a", "b"], [0.9, 0.1], [0.2, NAN], ["red", "blue"])
    assert [b.get_width() for b in ax.patches] == [0.9, 0.1]
    assert [t.get_text() for t in ax.texts] == ["0.90", "0.10"]
    (bars,) = [c for c in ax.collections if hasattr(c, "get_segments")]
    ends = [segment[:, 0] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [[0.7, 1.0], [0.1, 0.1]])  # never above 1
    ax.figure.draw_without_rendering()
    assert all(t.get_window_extent().x1 <= ax.bbox.x1 for t in ax.texts)


def test_the_sky_is_grey_where_nothing_was_found_at_all():
    lon, lat = np.array([-135.0, -45, 45, 135]), np.array([-45.0, 45])
    density, near = np.zeros((4, 2)), np.zeros((4, 2), dtype=bool)
    density[0, 1], near[0, 1], near[1, 1] = 5.0, True, True
    ax = axes(projection="mollweide")
    mesh = plots.galactic_density(ax, lon, lat, density, (0.5, 7), near)
    grey = next(c for c in ax.collections if c is not mesh)
    coloured = ~np.ma.getmaskarray(mesh.get_array())
    painted = ~np.ma.getmaskarray(grey.get_array())
    assert coloured.sum() == 1
    assert painted.sum() == 6  # what is near and empty stays white
    assert not (coloured & painted).any()
    assert to_hex(grey.cmap(0.0)) == plots.UNSEEN


def test_a_few_sources_are_points_on_the_sky():
    ax = plots.galactic_points(axes(projection="mollweide"), [90.0, 350.0], [30.0, 0.0], "red")
    np.testing.assert_allclose(
        np.degrees(ax.collections[0].get_offsets()), [[-90, 30], [10, 0]], atol=1e-9
    )


def test_the_map_puts_longitude_to_the_left():
    lon, lat = np.array([-135.0, -45, 45, 135]), np.array([-45.0, 45])
    density = np.arange(8.0).reshape(4, 2)
    mesh = plots.galactic_density(axes(projection="mollweide"), lon, lat, density, (0.5, 7))
    drawn = np.ma.filled(mesh.get_array().astype(float), NAN)
    np.testing.assert_array_equal(drawn[0], [6, 4, 2, NAN])  # b = -45, from the left: l = 135 first
    np.testing.assert_array_equal(drawn[1], [7, 5, 3, 1])
    corners = np.degrees(mesh.get_coordinates())
    np.testing.assert_allclose(corners[0, :, 0], [-180, -90, 0, 90, 180])
    assert mesh.get_rasterized()
    assert mesh.norm.vmin == 0.5


def test_class_fractions_add_up():
    ax = plots.class_fractions(axes(), ["a", "$b$"], [6, 1], [2, 1], ["#000000", "#777777"])
    unique, ambiguous = ax.containers
    assert [b.get_width() for b in unique] == pytest.approx([60, 10])
    assert [b.get_width() for b in ambiguous] == pytest.approx([20, 10])
    assert [b.get_x() for b in ambiguous] == pytest.approx([60, 10])
    assert [t.get_text() for t in ax.texts] == ["8", "2"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", r"\$b\$"]
    assert ax.get_xlim()[1] > 100  # room for the numbers


def test_detections_per_source_are_bars_on_logarithmic_axes():
    ax = plots.detections_per_source(axes(), [1, 2, 4], [1, 3, 9], [100, 20, 3])
    assert [b.get_height() for b in ax.patches] == [100, 20, 3]
    assert [b.get_x() for b in ax.patches] == [0.5, 1.5, 3.5]
    assert [b.get_width() for b in ax.patches] == [1, 2, 6]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_shares_above_are_the_given_ones():
    shares = {"p > 0.5": [0.9, NAN], "p > 0.9": [0.2, 0.1]}
    ax = plots.shares_above(axes(), ["a", "b"], shares, ["#000000", "#777777"])
    drawn = [c.get_offsets() for c in ax.collections if len(c.get_offsets())]
    assert np.ma.filled(drawn[0], NAN)[0].tolist() == [0.9, 0]
    np.testing.assert_array_equal(drawn[1], [[0.2, 0], [0.1, 1]])
    assert legend(ax) == list(shares)


def test_latitudes_are_steps_that_fill_their_bins():
    shares = {"AGN": ([0.5, NAN], [0.4, NAN], [0.7, NAN]), "YSO": ([0.1, 1], [0, 0.9], [0.2, 1])}
    ax = plots.against_latitude(axes(), [0, 10], [10, 90], shares)
    band, agn, _, yso = ax.patches
    for steps in ax.patches:
        assert steps.get_data().edges.tolist() == [0, 10, 90]  # nothing is shifted
    np.testing.assert_array_equal(agn.get_data().values, [0.5, NAN])
    assert yso.get_data().values.tolist() == [0.1, 1]
    np.testing.assert_array_equal(band.get_data().baseline, [0.4, NAN])
    np.testing.assert_array_equal(band.get_data().values, [0.7, NAN])
    assert legend(ax) == ["AGN", "YSO"]


def test_effects_stand_at_their_statements():
    versions = {
        "by class": ([0.3, NAN], [0.1, NAN], [0.5, NAN]),
        "label": ([0, 1], [-1, 1], [1, 1]),
    }
    ax = plots.effects(axes(), ["first", "second"], versions, 0.05)
    by_class, label = ax.containers
    assert by_class.lines[0].get_xdata().tolist() == [0.3]
    assert by_class.lines[0].get_ydata() == pytest.approx([-0.13])
    assert label.lines[0].get_ydata() == pytest.approx([0.13, 1.13])
    np.testing.assert_allclose(by_class.lines[2][0].get_segments()[0][:, 0], [0.1, 0.5])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top


def test_classes_have_shades_of_their_group():
    colours = plots.class_colours(["AGN", "AGN", "XB"], ["AGN", "XB"])
    assert colours[0].upper() == plots.GROUP_COLOURS["AGN"].upper()
    assert colours[2].upper() == plots.GROUP_COLOURS["XB"].upper()
    assert len(set(colours)) == 3
    looks = plots.class_looks("AGN", ["a", "b", "c"], ["AGN"])
    assert len(set(looks.values())) == 3
    assert len(set(plots.series_looks([f"{i}" for i in range(8)]).values())) == 8


@pytest.mark.parametrize("name", ["$\\frac$", "a$b", "x\ny\x00", "\\$", "é" * 99])
def test_any_name_can_be_printed(name):
    figure = Figure()
    ax = figure.add_subplot()
    ax.set_title(plots.printable(name))
    figure.draw_without_rendering()
    shown = plots.printable(name)
    assert len(shown.replace("\\$", "$")) <= 24
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("label", "unit", "symbol", "shown"),
    [
        ("other", "", "", "other"),
        ("photon index", "", "Γ", r"photon index: $\Gamma$"),
        ("", "keV", "kT", "$kT$ (keV)"),
        (
            "hardness, hard to soft",
            "",
            "HR_hs",
            r"hardness, hard to soft: $\mathrm{HR}_\mathrm{hs}$",
        ),
        ("flux", "erg.s**-1.cm**-2", "F_b", r"flux: $F_\mathrm{b}$ (erg s⁻¹ cm⁻²)"),
        ("rate", "10**(-3)count/s", "", "rate (10⁻³count/s)"),
        (
            "largest / mean rate",
            "",
            "log R_max/R",
            "largest / mean rate: log$_{10}$ $R_\\mathrm{max}$/$R$",
        ),
        ("cost in $", "", "", r"cost in \$"),
        ("hostile", "", r"$\frac_x", None),
        (
            "a label of more than thirty-four letters",
            "mag",
            "",
            "a label of more than thirty-four\nletters (mag)",
        ),
        (
            "a label of thirty-two letters, ab",
            "mag",
            "W_1",
            "a label of thirty-two letters, ab:\n$W_\\mathrm{1}$ (mag)",
        ),
    ],
)
def test_an_axis_says_words_symbol_and_unit(label, unit, symbol, shown):
    said = plots.feature_label(label, unit, symbol)
    assert shown is None or said == shown
    figure = Figure()
    figure.add_subplot().set_xlabel(said)
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", surveys.names())
def test_every_feature_has_words_a_symbol_of_its_own_and_a_unit(name):
    survey = surveys.load(name)
    symbols = [symbol_of(survey, f.name) for f in survey.features]
    assert len(set(symbols)) == len(symbols)
    for feature, symbol in zip(survey.features, symbols, strict=True):
        assert symbol != feature.name
        assert label_of(survey, feature.name) == f"{feature.label}: {symbol}"
        said = feature_text(survey, feature.name, is_logarithmic(survey, feature.name))
        assert max(len(line) for line in said.replace("\\mathrm", "").split("\n")) <= 50
        figure = Figure()
        figure.add_subplot().set_xlabel(said)
        figure.draw_without_rendering()


def test_units_of_features():
    survey = surveys.load("csc20")
    assert unit_of(survey, "bb_kt") == "keV"
    assert unit_of(survey, "hard_hs") == ""
    # The logarithm of a flux is that of a number with the flux's unit.
    assert unit_of(surveys.load("4xmm"), "log_flux_8") == "erg.s**-1.cm**-2"
    assert unit_of(surveys.load("4xmm"), "flux_range") == ""
    assert symbol_of(survey, "no_such") == label_of(survey, "no_such") == "no_such"


def test_many_groups_look_different_as_lines():
    names = [f"kind {i}" for i in range(24)]
    assert len(set(plots.line_looks(names).values())) == len(names)
