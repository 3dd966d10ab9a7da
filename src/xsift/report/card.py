"""A source's card as a figure: its detections against the distributions of the groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xsift import plots
from xsift.catalogue.axes import (
    Plane,
    apart,
    is_logarithmic,
    lowest_of,
    planes_of,
)
from xsift.catalogue.card import SourceCard
from xsift.catalogue.standing import Standing
from xsift.errors import SettingError, TableError, need
from xsift.report.drawing import feature_text
from xsift.surveys import Survey
from xsift.write import Staging

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURE_FORMATS", "card_figure", "write_card_figure"]

FIGURE_FORMATS = ("png", "pdf", "svg")
_COLUMNS, _MOST_CLASSES = 4, 8


def write_card_figure(card: SourceCard, path: str | Path) -> None:
    """Draw a card into a PNG, PDF or SVG file. The ending of the name chooses the format.

    Raises
    ------
    SettingError
        If the name has another ending.
    TableError
        If the catalogue has no detections.
    MissingPackageError
        If Matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    form = path.suffix.removeprefix(".").casefold()
    if form not in FIGURE_FORMATS:
        allowed = ", ".join("." + f for f in FIGURE_FORMATS)
        raise SettingError(f"--figure {path}: the name must end in {allowed}")
    need("matplotlib", "no figure")
    import matplotlib as mpl

    style: Any = plots.figure_style() | {"xtick.labelsize": 7, "ytick.labelsize": 7}
    with mpl.rc_context(style), Staging(path.parent, [path.name], "figure") as staging:
        card_figure(card).savefig(staging.path(path.name), format=form)


def card_figure(card: SourceCard) -> Figure:
    """Draw a card: the probabilities, two planes of the survey profile, then every feature.

    Colours show the groups of the catalogue: its known objects, or the classified sources. Black
    shows the detections of the source.

    Raises
    ------
    TableError
        If the catalogue has no detections.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    standing = card.standing
    if standing is None:
        raise TableError(
            "--figure shows the features of detections, and the catalogue has none: give one that "
            "run or classify wrote"
        )
    planes = apart(planes_of(card.survey, standing.features))
    groups = _groups(card, standing)
    rows = -(-len(standing.features) // _COLUMNS)
    figure = Figure(figsize=(7.2, 2.5 + 1.25 * rows + 0.9), layout="constrained")
    ratios = (2.4, 1.3 * rows)
    first, rest = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
    above = first.subplots(1, 1 + len(planes), squeeze=False)[0]
    for ax, plane in zip(above[1:], planes, strict=True):
        _draw_plane(ax, card.survey, standing, groups, plane)
        ax.xaxis.label.set_fontsize(7)
        ax.yaxis.label.set_fontsize(7)
    _draw_probabilities(above[0], card)
    for j, name in enumerate(standing.features):
        ax = rest.add_subplot(rows, _COLUMNS, j + 1)
        is_log = is_logarithmic(card.survey, name)
        plots.feature_distributions(
            ax,
            standing.others[:, j],
            standing.group,
            groups,
            standing.X[:, j],
            feature_text(card.survey, name),
            is_log,
            lowest_of(standing.others[:, j]) if is_log else 0.0,
        )
        ax.xaxis.label.set_fontsize(7)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        if j % _COLUMNS == 0:
            ax.set_ylabel("share", fontsize=7)
    _explain(figure, card, standing, groups)
    return figure


def _draw_probabilities(ax: Axes, card: SourceCard) -> None:
    """Draw the likeliest classes of the source."""
    source = card.source
    if source is None:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no detection voted", transform=ax.transAxes, ha="center", va="center")
        return
    shades = plots.class_colours([c.group for c in card.classes.classes], card.classes.groups)
    known = {
        c.column: (c.code, shade) for c, shade in zip(card.classes.classes, shades, strict=True)
    }
    if source.get("p_none") is not None:
        known["p_none"] = ("none", plots.look_of(["none"])["none"][0])
    p = {column: source[column] for column in known if source.get(column) is not None}
    best = sorted(p, key=lambda column: -p[column])[:_MOST_CLASSES]
    shown = [column for column in known if column in best]
    spread = [source.get(f"{column}_std") for column in shown]
    plots.class_probabilities(
        ax,
        [known[column][0] for column in shown],
        [p[column] for column in shown],
        np.array(spread, dtype=float),
        [known[column][1] for column in shown],
    )
    ax.xaxis.label.set_fontsize(7)


def _groups(card: SourceCard, standing: Standing) -> tuple[str, ...]:
    """Return all groups in the order of the classes: their colours are those of the report."""
    return (*card.classes.groups, *(g for g in standing.groups if g not in card.classes.groups))


def _explain(figure: Figure, card: SourceCard, standing: Standing, groups: tuple[str, ...]) -> None:
    looks = plots.look_of(groups)
    from matplotlib.lines import Line2D

    counts = {g: int(np.sum(standing.group == g)) for g in groups}
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            markersize=5,
            label=f"{plots.printable(g)} ({counts[g]:,})",
        )
        for g, (colour, marker) in looks.items()
        if counts[g]
    ]
    n = len(standing.X)
    label = f"this source ({n:,} detection{'s'[: n != 1]})"
    handles.append(Line2D([], [], color="black", marker="*", markersize=8, label=label))
    basis = {
        "known": "known objects of the catalogue, and the source",
        "classified": "detections of the catalogue, as classified, and the source",
    }
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 5),
        title=basis[standing.basis],
        fontsize=7,
        title_fontsize=7,
    )
    verdict = "no detection voted"
    if card.source is not None:
        code = card.source["class"]
        title = "none of the classes" if code == "none" else card.classes.title_of(code)
        verdict = f"{code} ({title}), {card.source['status']}"
    figure.suptitle(plots.printable(f"{card.name}: {verdict}", 80), fontsize=9)


def _draw_plane(
    ax: Axes, survey: Survey, standing: Standing, groups: tuple[str, ...], plane: Plane
) -> None:
    i, j = (standing.features.index(name) for name in plane)
    x, y = plane
    plots.source_in_plane(
        ax,
        standing.others[:, i],
        standing.others[:, j],
        standing.group,
        groups,
        standing.X[:, i],
        standing.X[:, j],
        (feature_text(survey, x), feature_text(survey, y)),
        (is_logarithmic(survey, x), is_logarithmic(survey, y)),
    )
