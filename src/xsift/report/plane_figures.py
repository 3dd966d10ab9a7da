"""The figures of two features against each other: by class, by group, by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import plots
from xsift.catalogue.axes import Plane
from xsift.catalogue.view import CatalogueView
from xsift.report import distributions
from xsift.report.drawing import (
    LEVELS,
    MOST_PANELS,
    OUTLINES,
    Drawing,
    NotDrawn,
    Span,
    axis_text,
    colours_of,
    grid,
    in_rows,
    lacking,
    largest,
    legend_above,
    legend_right,
    looks_in,
    outlines,
    pieces,
    plain_ticks,
    points_of,
    scaled,
    scaled_text,
    span_of,
    square,
    three_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "draw_planes",
    "gamma_kt",
    "groups_in_planes",
    "panels",
    "planes_size",
    "surfaces_in",
]

_WIDE = 3


def panels(
    view: CatalogueView,
    stem: str,
    title: str,
    pair: Plane,
    code: np.ndarray,
    by_group: bool,
) -> Drawing | NotDrawn:
    """Draw one plane, with one panel for each population."""
    if not set(pair) <= set(view.features):
        return NotDrawn(stem, title, lacking(view, pair))
    (x, y), spans, bounded = _in_plane(view, pair, view.features)
    every, what = (view.groups, "groups") if by_group else (view.names, "classes")
    both = np.isfinite(x) & np.isfinite(y)
    code, names, said = largest(code, every, both, what=f"{what} are shown")
    if not names:
        why = f"none of the {what} has a uniquely classified source with both features"
        return NotDrawn(stem, title, why)
    table = distributions.surfaces(x, y, code, names, spans, bounded)
    wide = in_rows(len(names))
    panel = 7.0 / max(wide, 4)

    def draw(figure: Figure) -> None:
        found, alone, colours = outlines(table), points_of(table), colours_of(view, by_group)
        counted = {n: int(p["n"][0]) for n, p in pieces(table).items()}
        axes = grid(figure, len(counted), wide)
        for i, (ax, name) in enumerate(zip(axes, counted, strict=True)):
            if name in found:
                plots.density_surface(ax, *found[name], colours[name])
            else:
                plots.source_points(ax, {name: alone[name]}, every, colours)
                ax.collections[-1].set_clip_on(False)  # half of a point at the frame is lost
            ax.set_title(f"{plots.printable(name, 16)} ({counted[name]:,})", fontsize=8)
            square(ax, spans)
            three_ticks(ax, spans)
            # Only the outer panels need their numbers.
            ax.tick_params(labelbottom=i + wide >= len(counted), labelleft=i % wide == 0)
        figure.supxlabel(scaled_text(view, pair[0]), fontsize=9)
        figure.supylabel(scaled_text(view, pair[1]), fontsize=9)

    caption = (
        "Kernel density of the uniquely classified sources (features of the first detection), each "
        f"panel on its own square-root scale. {OUTLINES.format(what='sources')}{said}"
    )
    size = (panel * wide + 0.4, (panel + 0.08) * -(-len(names) // wide) + 0.45)
    return Drawing(stem, title, caption, table, size, draw)


def groups_in_planes(
    view: CatalogueView, stem: str, title: str, planes: Sequence[Plane], group: np.ndarray
) -> Drawing | NotDrawn:
    """Draw the outlines of the groups in several planes."""
    there = [p for p in planes if set(p) <= set(view.features)]
    if not there:
        return NotDrawn(
            stem, title, lacking(view, list(dict.fromkeys(f for p in planes for f in p)))
        )
    every = np.ones(len(group), dtype=bool)
    group, names, said = largest(group, view.groups, every, what="groups are shown")
    table, spans = surfaces_in(view, there, view.features, group, names)
    if not table.num_rows:
        why = "no group has a uniquely classified source with both features"
        return NotDrawn(stem, title, why)

    def draw(figure: Figure) -> None:
        draw_planes(view, figure, table, spans, looks_in(view.groups), view.groups, LEVELS)

    caption = (
        "Uniquely classified sources (features of the first detection). "
        f"{OUTLINES.format(what='sources of a group')}{said}"
    )
    return Drawing(stem, title, caption, table, planes_size(len(there)), draw)


def gamma_kt(view: CatalogueView, group: np.ndarray) -> Drawing | NotDrawn:
    """Draw the outlines of the groups in the plane of the two spectral fits."""
    stem, title, pair = "gamma_kt", "Photon index against temperature", ("powlaw_gamma", "bb_kt")
    if not set(pair) <= set(view.features):
        return NotDrawn(stem, title, lacking(view, pair))
    x, y = (scaled(view, f, view.features[f]) for f in pair)
    both = np.isfinite(x) & np.isfinite(y)
    group, names, said = largest(group, view.groups, both, what="groups are shown")
    if not names:
        why = "no group has a uniquely classified source with both features"
        return NotDrawn(stem, title, why)
    shown = both & (group >= 0)
    wide = tuple(_holding(v[shown], group[shown], len(names)) for v in (x, y))
    rough = distributions.surfaces(x, y, group, names, (wide[0], wide[1]), (False, False))
    spans = _around(rough)
    table = distributions.surfaces(x, y, group, names, spans, (False, False))
    table = table.rename_columns(["population", "n", "powlaw_gamma", "log10_bb_kt", "density"])

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        found = outlines(table, "powlaw_gamma", "log10_bb_kt")
        in_kev = {n: (at_x, 10**at_y, z, at) for n, (at_x, at_y, z, at) in found.items()}
        plots.density_contours(ax, in_kev, looks_in(view.groups))
        alone = points_of(table, "powlaw_gamma", "log10_bb_kt")
        plots.source_points(ax, {n: (px, 10**py) for n, (px, py) in alone.items()}, view.groups)
        if found:
            plots.level_key(ax, LEVELS)
        ax.set_yscale("log")
        ax.set(xlim=spans[0], ylim=tuple(10**v for v in spans[1]))
        ax.set_xlabel(axis_text(view, pair[0]))
        ax.set_ylabel(axis_text(view, pair[1]))
        plain_ticks(ax.yaxis)
        legend_right(ax)

    out = len(x[shown]) - sum({n: int(p["n"][0]) for n, p in pieces(table).items()}.values())
    caption = (
        "Kernel density of the uniquely classified sources, per unit of the photon index and of "
        f"log10 kT. {OUTLINES.format(what='sources of a group')} {out:,} of {int(shown.sum()):,} "
        f"sources lie outside the axes.{said}"
    )
    return Drawing(stem, title, caption, table, (6.2, 4.0), draw)


def _holding(values: np.ndarray, group: np.ndarray, n_groups: int) -> Span:
    """Return a span that holds the middle 99 % of every group, and the foot of its kernel."""
    ends = []
    for k in range(n_groups):
        mine = values[group == k]
        low, high = np.quantile(mine, [0.005, 0.995])
        room = max(3 * distributions.bandwidth(mine, 2), 0.05 * (high - low), 0.05)
        ends.append((low - room, high + room))
    return float(min(e[0] for e in ends)), float(max(e[1] for e in ends))


def _around(table: pa.Table) -> Spans:
    """Return the ranges that hold every contour, and every source that stands for itself."""
    at = [np.column_stack(points) for points in points_of(table).values()]
    for x, y, z, levels in outlines(table).values():
        i, j = np.nonzero(z >= min(levels))
        at.append(np.column_stack([x[i], y[j]]))
    low, high = np.concatenate(at).min(axis=0), np.concatenate(at).max(axis=0)
    room = np.maximum(0.08 * (high - low), 0.05)
    (x0, y0), (x1, y1) = low - room, high + room
    return (float(x0), float(x1)), (float(y0), float(y1))


Spans = tuple[Span, Span]


def _in_plane(
    view: CatalogueView, pair: Plane, features: dict[str, np.ndarray]
) -> tuple[tuple[np.ndarray, np.ndarray], Spans, tuple[bool, bool]]:
    """Return the scaled values of two features, the ranges of their axes, and which have ends."""
    x, y = (scaled(view, f, features[f]) for f in pair)
    (span_x, ends_x), (span_y, ends_y) = span_of(view, pair[0], x), span_of(view, pair[1], y)
    return (x, y), (span_x, span_y), (ends_x, ends_y)


def surfaces_in(
    view: CatalogueView,
    planes: Sequence[Plane],
    features: dict[str, np.ndarray],
    code: np.ndarray,
    names: Sequence[str],
) -> tuple[pa.Table, dict[Plane, Spans]]:
    """Return the densities in every plane, each row with its plane, and the ranges of the axes."""
    parts, spans = [], {}
    for pair in planes[:MOST_PANELS]:
        (x, y), spans[pair], bounded = _in_plane(view, pair, features)
        part = distributions.surfaces(x, y, code, names, spans[pair], bounded)
        where = pa.array([" ".join(pair)] * part.num_rows, pa.string())
        parts.append(part.add_column(0, "plane", where))
    table = pa.concat_tables(parts)
    drawn = set(pc.unique(table["plane"]).to_pylist())
    return table, {pair: spans[pair] for pair in spans if " ".join(pair) in drawn}


def draw_planes(
    view: CatalogueView,
    figure: Figure,
    table: pa.Table,
    spans: dict[Plane, Spans],
    looks: dict[str, tuple[str, str]],
    names: Sequence[str],
    levels: Sequence[str] = (),
) -> None:
    """Draw contours in each plane: at both shares if `levels` names them, else at one half."""
    wide = min(len(spans), _WIDE)
    axes: list[Axes] = list(figure.subplots(-(-len(spans) // wide), wide, squeeze=False).flat)
    for ax, (pair, ends) in zip(axes, spans.items(), strict=False):
        part = table.filter(pc.equal(table["plane"], " ".join(pair)))
        found = outlines(part)
        if not levels:
            found = {n: (at_x, at_y, z, at[:1]) for n, (at_x, at_y, z, at) in found.items()}
        plots.density_contours(ax, found, looks)
        plots.source_points(ax, points_of(part), names, {n: looks[n][0] for n in names})
        if levels and found:
            plots.level_key(ax, levels)
        square(ax, ends)
        three_ticks(ax, ends)
        ax.set_xlabel(scaled_text(view, pair[0]), fontsize=8)
        ax.set_ylabel(scaled_text(view, pair[1]), fontsize=8)
    for ax in axes[len(spans) :]:
        ax.remove()
    legend_above(figure, *axes[: len(spans)])


def planes_size(n: int) -> tuple[float, float]:
    """Return the size in inches of a figure with a number of planes."""
    return (2.5 * min(n, _WIDE), 2.5 * -(-n // _WIDE) + 0.5)
