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
    MOST_PANELS,
    OUTLINES,
    Drawing,
    NotDrawn,
    Span,
    axis_text,
    clusters_of,
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
    scaled,
    scaled_text,
    span_of,
    square,
    three_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["clusters_in_planes", "gamma_kt", "groups_in_planes", "panels"]

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
    code, names, said = largest(code, every, both, at_least=5, what=f"{what} are shown")
    if not names:
        why = f"none of the {what} has five uniquely classified sources with both features"
        return NotDrawn(stem, title, why)
    table = distributions.surfaces(x, y, code, names, spans, bounded)
    wide = in_rows(len(names))
    panel = 7.0 / max(wide, 4)

    def draw(figure: Figure) -> None:
        found, colours = outlines(table), colours_of(view, by_group)
        counted = {n: int(p["n"][0]) for n, p in pieces(table).items()}
        axes = grid(figure, len(found), wide)
        for i, (name, (at_x, at_y, z, levels)) in enumerate(found.items()):
            ax = axes[i]
            plots.density_surface(ax, at_x, at_y, z, levels, colours[name])
            ax.set_title(f"{plots.printable(name, 16)} ({counted[name]:,})", fontsize=8)
            square(ax, spans)
            three_ticks(ax, spans)
            # Only the outer panels need their numbers.
            ax.tick_params(labelbottom=i + wide >= len(found), labelleft=i % wide == 0)
        figure.supxlabel(scaled_text(view, pair[0]), fontsize=9)
        figure.supylabel(scaled_text(view, pair[1]), fontsize=9)

    caption = (
        "Kernel density of the uniquely classified sources (features of the first detection), each "
        f"panel on its own scale of square roots. {OUTLINES.format(what='sources')}{said}"
    )
    size = (panel * wide + 0.4, (panel + 0.08) * -(-len(names) // wide) + 0.45)
    return Drawing(stem, title, caption, table, size, draw)


def clusters_in_planes(
    view: CatalogueView, stem: str, title: str, planes: Sequence[Plane], wanted: str
) -> Drawing | NotDrawn:
    """Draw the outlines of the clusters in several planes; `wanted` says what a point needs."""
    clusters = clusters_of(view)
    if isinstance(clusters, str):
        return NotDrawn(stem, title, clusters)
    found, cluster, names, said = clusters
    there = [p for p in planes if set(p) <= set(found.features)]
    if not there:
        return NotDrawn(
            stem, title, lacking(view, list(dict.fromkeys(f for p in planes for f in p)))
        )
    table, spans = _surfaces(view, there, found.features, cluster, names)
    if not table.num_rows:
        return NotDrawn(stem, title, f"no cluster has five detections with {wanted}")

    def draw(figure: Figure) -> None:
        _draw_planes(view, figure, table, spans, plots.series_looks(list(names)))

    caption = f"{OUTLINES.format(what='detections of a cluster')} All detections with one.{said}"
    return Drawing(stem, title, caption, table, _size(len(there)), draw)


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
    group, names, said = largest(group, view.groups, every, at_least=5, what="groups are shown")
    table, spans = _surfaces(view, there, view.features, group, names)
    if not table.num_rows:
        why = "no group has five uniquely classified sources with both features"
        return NotDrawn(stem, title, why)

    def draw(figure: Figure) -> None:
        _draw_planes(view, figure, table, spans, looks_in(view.groups))

    caption = (
        "Uniquely classified sources (features of the first detection). "
        f"{OUTLINES.format(what='sources of a group')}{said}"
    )
    return Drawing(stem, title, caption, table, _size(len(there)), draw)


def gamma_kt(view: CatalogueView, group: np.ndarray) -> Drawing | NotDrawn:
    """Draw the outlines of the groups in the plane of the two spectral fits."""
    stem, title, pair = "gamma_kt", "Photon index against temperature", ("powlaw_gamma", "bb_kt")
    if not set(pair) <= set(view.features):
        return NotDrawn(stem, title, lacking(view, pair))
    (x, y), spans, bounded = _in_plane(view, pair, view.features)
    both = np.isfinite(x) & np.isfinite(y)
    group, names, said = largest(group, view.groups, both, at_least=5, what="groups are shown")
    if not names:
        why = "no group has five uniquely classified sources with both features"
        return NotDrawn(stem, title, why)
    table = distributions.surfaces(x, y, group, names, spans, bounded)
    table = table.rename_columns(["population", "n", "powlaw_gamma", "log10_bb_kt", "density"])

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        found = outlines(table, "powlaw_gamma", "log10_bb_kt")
        in_kev = {n: (at_x, 10**at_y, z, at) for n, (at_x, at_y, z, at) in found.items()}
        plots.density_contours(ax, in_kev, looks_in(view.groups))
        ax.set_yscale("log")
        ax.set(xlim=spans[0], ylim=tuple(10**v for v in spans[1]))
        ax.set_xlabel(axis_text(view, pair[0]))
        ax.set_ylabel(axis_text(view, pair[1]))
        plain_ticks(ax.yaxis)
        legend_right(ax)

    caption = (
        "Kernel density of the uniquely classified sources, per unit of the photon index and of "
        f"log10 kT. {OUTLINES.format(what='sources of a group')} The outer 0.5 per cent of either "
        f"are not drawn.{said}"
    )
    return Drawing(stem, title, caption, table, (6.2, 4.0), draw)


Spans = tuple[Span, Span]


def _in_plane(
    view: CatalogueView, pair: Plane, features: dict[str, np.ndarray]
) -> tuple[tuple[np.ndarray, np.ndarray], Spans, tuple[bool, bool]]:
    """Return the scaled values of two features, the ranges of their axes, and which have ends."""
    x, y = (scaled(view, f, features[f]) for f in pair)
    (span_x, ends_x), (span_y, ends_y) = span_of(view, pair[0], x), span_of(view, pair[1], y)
    return (x, y), (span_x, span_y), (ends_x, ends_y)


def _surfaces(
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


def _draw_planes(
    view: CatalogueView,
    figure: Figure,
    table: pa.Table,
    spans: dict[Plane, Spans],
    looks: dict[str, tuple[str, str]],
) -> None:
    wide = min(len(spans), _WIDE)
    axes: list[Axes] = list(figure.subplots(-(-len(spans) // wide), wide, squeeze=False).flat)
    for ax, (pair, ends) in zip(axes, spans.items(), strict=False):
        part = table.filter(pc.equal(table["plane"], " ".join(pair)))
        plots.density_contours(ax, outlines(part), looks)
        square(ax, ends)
        three_ticks(ax, ends)
        ax.set_xlabel(scaled_text(view, pair[0]), fontsize=8)
        ax.set_ylabel(scaled_text(view, pair[1]), fontsize=8)
    for ax in axes[len(spans) :]:
        ax.remove()
    legend_above(figure, *axes[: len(spans)])


def _size(n: int) -> tuple[float, float]:
    return (2.5 * min(n, _WIDE), 2.5 * -(-n // _WIDE) + 0.5)
