"""What the figures of a catalogue contain: the numbers that they were given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from xsift import plots, surveys
from xsift.catalogue.axes import label_of, unit_of

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


def test_a_surface_shows_x_to_the_right_and_y_upwards():
    x, y = np.array([0.0, 1, 2]), np.array([10.0, 20])
    z = np.array([[0.0, 1], [2, 3], [4, 5]])
    ax = plots.density_surface(axes(), x, y, z, [2.5, NAN])
    mesh = ax.collections[0]
    np.testing.assert_array_equal(np.asarray(mesh.get_array()), z.T)
    assert mesh.get_rasterized()
    corners = mesh.get_coordinates()
    np.testing.assert_allclose(corners[0, :, 0], [-0.5, 0.5, 1.5, 2.5])
    np.testing.assert_allclose(corners[:, 0, 1], [5, 15, 25])
    assert ax.collections[1].levels.tolist() == [2.5]


def test_contours_lie_at_their_level():
    x = np.linspace(-3, 3, 61)
    z = np.exp(-(x[:, None] ** 2) / 2 - x[None, :] ** 2 / 0.5)
    ax = plots.density_contours(axes(), {"a": (x, x, z, [0.5]), "b": (x, x, z, [NAN])})
    (drawn,) = ax.collections
    vertices = drawn.get_paths()[0].vertices
    value = np.exp(-(vertices[:, 0] ** 2) / 2 - vertices[:, 1] ** 2 / 0.5)
    np.testing.assert_allclose(value, 0.5, atol=0.02)
    assert legend(ax) == ["a"]


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


def test_latitudes_leave_out_empty_bins():
    shares = {"AGN": ([0.5, NAN], [0.4, NAN], [0.7, NAN]), "YSO": ([0.1, 1], [0, 0.9], [0.2, 1])}
    ax = plots.against_latitude(axes(), [0, 10], [10, 90], shares)
    agn, yso = ax.containers
    assert agn.lines[0].get_ydata().tolist() == [0.5]
    assert yso.lines[0].get_ydata().tolist() == [0.1, 1]
    x = yso.lines[0].get_xdata()
    assert 0 < x[0] < 10 < x[1] < 90
    (bar,) = agn.lines[2][0].get_segments()
    np.testing.assert_allclose(bar[:, 1], [0.4, 0.7])


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
    figure.canvas.draw()
    shown = plots.printable(name)
    assert len(shown.replace("\\$", "$")) <= 24
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("label", "unit", "shown"),
    [
        ("other", "", "other"),
        ("photon index Γ", "", r"photon index $\Gamma$"),
        ("kT", "keV", "kT (keV)"),
        ("flux", "erg.s**-1.cm**-2", "flux (erg s⁻¹ cm⁻²)"),
        ("rate", "10**(-3)count/s", "rate (10⁻³count/s)"),
        ("cost in $", "", r"cost in \$"),
        (
            "a label of more than thirty-four letters",
            "mag",
            "a label of more than thirty-four\nletters (mag)",
        ),
    ],
)
def test_a_label_has_its_unit(label, unit, shown):
    assert plots.feature_label(label, unit) == shown
    figure = Figure()
    figure.add_subplot().set_xlabel(plots.feature_label(label, unit))
    figure.canvas.draw()
    assert "\\" not in plots.feature_label(label, unit, formulae=False)


def test_every_feature_of_chandra_has_a_label_and_kt_its_unit():
    survey = surveys.load("csc20")
    for feature in survey.features:
        assert label_of(survey, feature.name) != feature.name
    assert unit_of(survey, "bb_kt") == "keV"


def test_many_groups_look_different_as_lines():
    names = [f"kind {i}" for i in range(24)]
    assert len(set(plots.line_looks(names).values())) == len(names)
