"""Legends keep clear of the data and in the place of their axes, on anyone's figure."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from xsift import plots

GROUPS = [*plots.GROUP_COLOURS, "none", "a class of a longer name", "x", "y$z"]
ONE_EACH = np.array(GROUPS, dtype=object)
EPS = 1.0
SIZES = [((6.4, 4.8), (1, 1)), ((3.5, 3.0), (1, 1)), ((7.0, 5.0), (2, 2))]


def spread():
    return np.random.default_rng(0).uniform(0, 1, (2, len(GROUPS)))


def hardness(ax):
    return plots.hardness_plane(ax, *(2 * spread() - 1), ONE_EACH, GROUPS)


def variability(ax):
    return plots.variability_plane(ax, *spread(), ONE_EACH, GROUPS)


def sky(ax):
    x, y = spread()
    return plots.galactic_map(ax, 360 * x, 120 * (y - 0.5), ONE_EACH, GROUPS)


def labels(ax):
    return plots.against_labels(ax, [0.1, 1], {g: ([0, 1], [0, 0]) for g in GROUPS}, "accuracy")


def effects(ax):
    told = ([0.5, 0.1], [0.1, 0], [0.9, 0.2])
    return plots.effects(ax, ["a", "b"], dict.fromkeys(["by class", "by known label"], told), 0.05)


def places(figure, ax, slot):
    """The legend's box, the axes' box and their place, as they are drawn."""
    figure.draw_without_rendering()
    return ax.get_legend().get_window_extent(), ax.get_window_extent(), slot


@pytest.mark.parametrize(("size", "grid"), SIZES)
@pytest.mark.parametrize("draw", [hardness, variability, sky, labels, effects])
def test_a_legend_stays_in_the_place_of_its_axes_and_off_the_data(draw, size, grid):
    figure = Figure(figsize=size)
    projection = {"projection": "mollweide"} if draw is sky else {}
    axes = figure.subplots(*grid, squeeze=False, subplot_kw=projection)
    for ax in axes.flat:
        slot = ax.get_position(original=True).transformed(figure.transFigure)
        draw(ax)
        legend, data, slot = places(figure, ax, slot)
        assert not legend.overlaps(data), "the legend covers the data"
        for end in ("x0", "y0"):
            assert getattr(legend, end) >= getattr(slot, end) - EPS
        for end in ("x1", "y1"):
            assert getattr(legend, end) <= getattr(slot, end) + EPS
        assert data.width > 0.25 * slot.width
    boxes = [ax.get_legend().get_window_extent() for ax in axes.flat]
    assert not any(a.overlaps(b.get_window_extent()) for a in boxes for b in axes.flat)


@pytest.mark.parametrize("draw", [hardness, sky])
def test_a_layout_engine_makes_the_room_itself(draw):
    with mpl.rc_context(plots.figure_style()):
        figure = Figure(figsize=(5, 3), layout="constrained")
        projection = {"projection": "mollweide"} if draw is sky else {}
        ax = figure.add_subplot(**projection)
        draw(ax)
        legend, data, page = places(figure, ax, figure.bbox)
    assert not legend.overlaps(data)
    assert legend.x1 <= page.x1 + EPS


def test_names_in_a_legend_are_printed_to_the_letter():
    ax = hardness(Figure().add_subplot())
    assert ax.get_legend().get_texts()[-1].get_text() == r"y\$z (1)"


def test_no_entry_no_legend():
    ax = Figure().add_subplot()
    assert plots.legend_beside(ax).get_legend() is None
    assert plots.legend_over(ax).get_legend() is None
