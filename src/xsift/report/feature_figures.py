"""The figures of a catalogue's features: clusters, hardness, variability, spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import plots
from xsift.catalogue.view import CatalogueView, DetectionsView
from xsift.report import distributions
from xsift.report.drawing import (
    KERNEL,
    LOWEST_LOG,
    OUTLINES,
    Drawing,
    NotDrawn,
    colours_of,
    curves_of,
    from_zero,
    grid,
    in_rows,
    label_axis,
    lacking,
    largest,
    legend_above,
    legend_right,
    looks_in,
    outlines,
    pieces,
    plain_ticks,
    scaled,
    span_of,
    three_ticks,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["feature_drawings"]

_HARDNESS = ("hard_hs", "hard_hm", "hard_ms")
_PLANES = (("hard_hs", "hard_hm"), ("hard_hs", "hard_ms"), ("hard_hm", "hard_ms"))
_VARIABILITY = ("var_prob_b", "var_prob_s")
_MOST_CLUSTERS = 8


def feature_drawings(view: CatalogueView) -> list[Drawing | NotDrawn]:
    """Make the numbers of every figure of features that the catalogue allows.

    By class or by group: the uniquely classified sources, as in the paper.
    """
    group, code = view.of_unique(view.group), view.of_unique(view.code)
    return [
        _clusters_hardness(view),
        _clusters_features(view),
        _hardness_groups(view, group),
        _hardness_classes(view, code),
        _plane(view, "hardness_plane", "Hardness plane by class", _HARDNESS[:2], code, False),
        _plane(view, "variability_groups", "Variability by group", _VARIABILITY, group, True),
        _plane(view, "variability_classes", "Variability by class", _VARIABILITY, code, False),
        _gamma_kt(view, group),
    ]


def _clusters(
    view: CatalogueView,
) -> tuple[DetectionsView, np.ndarray, tuple[str, ...], str] | str:
    """Return the detections, their clusters and what to say of those left out; or why not."""
    found = view.detections
    if found is None:
        return "the folder has no table of detections"
    if not found.n_clusters:
        return "no detection has a cluster"
    if not found.features:
        return "no detection has a feature"
    names = [f"cluster {k}" for k in range(found.n_clusters)]
    every = np.ones(len(found.cluster), dtype=bool)
    cluster, kept, said = largest(
        found.cluster, names, every, most=_MOST_CLUSTERS, what="clusters are shown"
    )
    return found, cluster, kept, said


def _clusters_hardness(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "clusters_hardness", "Clusters in the hardness planes"
    clusters = _clusters(view)
    if isinstance(clusters, str):
        return NotDrawn(stem, title, clusters)
    found, cluster, names, said = clusters
    planes = [p for p in _PLANES if set(p) <= set(found.features)]
    if not planes:
        return NotDrawn(stem, title, lacking(view, _HARDNESS))
    parts = []
    for pair in planes:
        x, y = (found.features[f] for f in pair)
        part = distributions.surfaces(x, y, cluster, names, ((-1, 1), (-1, 1)), (True, True))
        where = pa.array([" ".join(pair)] * part.num_rows, pa.string())
        parts.append(part.add_column(0, "plane", where))
    table = pa.concat_tables(parts)
    if not table.num_rows:
        return NotDrawn(stem, title, "no cluster has five detections with two hardness ratios")

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(planes), squeeze=False)[0]
        for ax, pair in zip(axes, planes, strict=True):
            part = table.filter(pc.equal(table["plane"], " ".join(pair)))
            plots.density_contours(ax, outlines(part), plots.series_looks(list(names)))
            ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
            three_ticks(ax, ((-1, 1), (-1, 1)))
            ax.set_xlabel(plots.feature_label(pair[0]), fontsize=8)
            ax.set_ylabel(plots.feature_label(pair[1]), fontsize=8)
        legend_above(figure, *axes)

    caption = f"{OUTLINES.format(what='detections of a cluster')} All detections with one.{said}"
    return Drawing(stem, title, caption, table, (2.5 * len(planes), 3.0), draw)


def _clusters_features(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "clusters_features", "Features by cluster"
    clusters = _clusters(view)
    if isinstance(clusters, str):
        return NotDrawn(stem, title, clusters)
    found, cluster, names, said = clusters
    drawn = {f: scaled(view, f, v) for f, v in found.features.items()}
    spans = {f: span_of(view, f, v)[0] for f, v in drawn.items()}
    table = distributions.feature_histograms(drawn, cluster, names, spans)

    def draw(figure: Figure) -> None:
        axes = grid(figure, len(drawn), 3)
        for i, (feature, part) in enumerate(pieces(table, "feature").items()):
            of = part["population"]
            one = of == names[0]
            edges = np.append(part["low"][one], part["high"][one][-1:])
            shares = {n: part["share"][of == n] for n in names}
            plots.histogram_steps(axes[i], edges, shares, plots.series_looks(list(names)))
            label_axis(view, axes[i], feature)
            axes[i].set_xlim(edges[0], edges[-1])
            axes[i].set_ylim(bottom=0)
            if i % 3 == 0:
                axes[i].set_ylabel("share of the cluster", fontsize=8)
        legend_above(figure, *axes)

    caption = (
        "Share of a cluster's detections in equal bins of each feature. Not counted: the outer 0.5 "
        "per cent of a feature without bounds, and a ratio below "
        f"1e{LOWEST_LOG:g}, 0 included.{said}"
    )
    height = 1.6 * -(-len(drawn) // 3) + 0.5
    return Drawing(stem, title, caption, table, (7.4, height), draw)


def _hardness_groups(view: CatalogueView, group: np.ndarray) -> Drawing | NotDrawn:
    stem, title = "hardness_groups", "Hardness by group"
    drawn = {f: view.features[f] for f in _HARDNESS if f in view.features}
    if not drawn or not (group >= 0).any():
        return NotDrawn(stem, title, lacking(view, _HARDNESS))
    spans = dict.fromkeys(drawn, ((-1.0, 1.0), True))
    table = distributions.curves(drawn, group, view.groups, spans)

    # What is none of the classes may heap up at one value: the classes set the scale.
    rows = [name != "none" for name in table["population"].to_pylist()]
    top = pc.max(table["density"].filter(pa.array(rows, pa.bool_()))).as_py()

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(drawn), squeeze=False, sharey=True)[0]
        found = pieces(table, "feature")
        for ax, feature in zip(axes, drawn, strict=True):
            if feature in found:
                plots.density_curves(ax, curves_of(found[feature]), looks_in(view.groups))
            label_axis(view, ax, feature)
            ax.set_xlim(-1, 1)
            ax.label_outer()
        axes[0].set_ylim(0, 1.08 * top if top else None)
        legend_above(figure, *axes)

    said = " The curve of none may run out of the frame." if "none" in view.groups else ""
    return Drawing(stem, title, KERNEL + said, table, (7.4, 2.8), draw)


def _hardness_classes(view: CatalogueView, code: np.ndarray) -> Drawing | NotDrawn:
    """Draw a row of panels for each group: ten curves in one would not be told apart."""
    stem, title = "hardness_classes", "Hardness by class"
    drawn = {f: view.features[f] for f in _HARDNESS if f in view.features}
    if not drawn or not (code >= 0).any():
        return NotDrawn(stem, title, lacking(view, _HARDNESS))
    every = np.ones(len(code), dtype=bool)
    kept, names, said = largest(code, view.names, every, at_least=5, what="classes are shown")
    if not names:
        return NotDrawn(stem, title, "no class has five uniquely classified sources")
    table = distributions.curves(drawn, kept, names, dict.fromkeys(drawn, ((-1.0, 1.0), True)))
    of = dict(zip(view.names, view.group_of_name, strict=True))
    members = {g: [n for n in names if of[n] == g] for g in view.groups}
    members = {g: m for g, m in members.items() if m}

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(members), len(drawn), squeeze=False, sharex=True, sharey="row")
        found = pieces(table, "feature")
        for column, feature in enumerate(drawn):
            lines = curves_of(found[feature]) if feature in found else {}
            for row, (group, classes) in enumerate(members.items()):
                ax = axes[row, column]
                looks = plots.class_looks(group, classes, list(view.groups))
                plots.density_curves(ax, {c: lines[c] for c in classes if c in lines}, looks)
                ax.set_xlim(-1, 1)
                ax.set_ylabel(f"{plots.printable(group, 14)}\ndensity", fontsize=8)
                label_axis(view, ax, feature)
                ax.label_outer()
                if column == len(drawn) - 1 and ax.lines:
                    legend_right(ax)
        from_zero(*axes.flat)

    height = 1.2 * len(members) + 0.6
    return Drawing(stem, title, KERNEL + said, table, (7.4, height), draw)


def _plane(
    view: CatalogueView,
    stem: str,
    title: str,
    pair: tuple[str, ...],
    code: np.ndarray,
    by_group: bool,
) -> Drawing | NotDrawn:
    """Draw one panel for each population."""
    if not set(pair) <= set(view.features):
        return NotDrawn(stem, title, lacking(view, pair))
    x, y = (view.features[f] for f in pair)
    every, what = (view.groups, "groups") if by_group else (view.names, "classes")
    both = np.isfinite(x) & np.isfinite(y)
    code, names, said = largest(code, every, both, at_least=5, what=f"{what} are shown")
    if not names:
        why = f"none of the {what} has five uniquely classified sources with both features"
        return NotDrawn(stem, title, why)
    spans = (span_of(view, pair[0], x)[0], span_of(view, pair[1], y)[0])
    table = distributions.surfaces(x, y, code, names, spans, (True, True))
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
            ax.set(xlim=spans[0], ylim=spans[1], aspect="equal")
            three_ticks(ax, spans)
            # Only the outer panels need their numbers.
            ax.tick_params(labelbottom=i + wide >= len(found), labelleft=i % wide == 0)
        figure.supxlabel(plots.feature_label(pair[0]), fontsize=9)
        figure.supylabel(plots.feature_label(pair[1]), fontsize=9)

    caption = (
        "Kernel density of the uniquely classified sources (features of the first detection), each "
        f"panel on its own scale of square roots. {OUTLINES.format(what='sources')}{said}"
    )
    size = (panel * wide + 0.4, (panel + 0.08) * -(-len(names) // wide) + 0.45)
    return Drawing(stem, title, caption, table, size, draw)


def _gamma_kt(view: CatalogueView, group: np.ndarray) -> Drawing | NotDrawn:
    stem, title, pair = "gamma_kt", "Photon index against temperature", ("powlaw_gamma", "bb_kt")
    if not set(pair) <= set(view.features):
        return NotDrawn(stem, title, lacking(view, pair))
    x, y = view.features[pair[0]], scaled(view, pair[1], view.features[pair[1]])
    spans = (span_of(view, pair[0], x)[0], span_of(view, pair[1], y)[0])
    both = np.isfinite(x) & np.isfinite(y)
    group, names, said = largest(group, view.groups, both, at_least=5, what="groups are shown")
    if not names:
        why = "no group has five uniquely classified sources with both features"
        return NotDrawn(stem, title, why)
    table = distributions.surfaces(x, y, group, names, spans, (False, False))
    table = table.rename_columns(["population", "n", "powlaw_gamma", "log10_bb_kt", "density"])

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        found = outlines(table, "powlaw_gamma", "log10_bb_kt")
        in_kev = {n: (at_x, 10**at_y, z, at) for n, (at_x, at_y, z, at) in found.items()}
        plots.density_contours(ax, in_kev, looks_in(view.groups))
        ax.set_yscale("log")
        ax.set(xlim=spans[0], ylim=tuple(10**v for v in spans[1]))
        ax.set_xlabel(plots.feature_label(pair[0]))
        ax.set_ylabel(plots.feature_label(pair[1]))
        plain_ticks(ax.yaxis)
        legend_right(ax)

    caption = (
        "Kernel density of the uniquely classified sources, per unit of the photon index and of "
        f"log10 kT. {OUTLINES.format(what='sources of a group')} The outer 0.5 per cent of either "
        f"are not drawn.{said}"
    )
    return Drawing(stem, title, caption, table, (6.2, 4.0), draw)
