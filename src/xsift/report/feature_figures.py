"""The figures of a catalogue's features: their distributions, and the planes of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from xsift import plots, surveys
from xsift.catalogue.axes import planes_of
from xsift.catalogue.tables import NONE
from xsift.catalogue.view import CatalogueView
from xsift.report import distributions
from xsift.report.cluster_figures import (
    clusters_against_classes,
    clusters_against_features,
    clusters_in_hardness,
    clusters_in_planes,
)
from xsift.report.drawing import (
    KERNEL,
    Drawing,
    NotDrawn,
    curves_of,
    from_zero,
    grid,
    lacking,
    largest,
    legend_above,
    legend_right,
    looks_in,
    marked,
    marks_of,
    pieces,
    scaled,
    scaled_text,
    span_of,
)
from xsift.report.map_figures import feature_map
from xsift.report.plane_figures import gamma_kt, groups_in_planes, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["feature_drawings"]

_VARIABILITY = ("var_prob_b", "var_prob_s")
_SPECTRUM = ("powlaw_gamma", "bb_kt")
_WIDE = 3


def feature_drawings(view: CatalogueView) -> list[Drawing | NotDrawn]:
    """Compute the numbers of every figure of features that the catalogue allows.

    Figures by class or by group show the uniquely classified sources, as in the paper. The paper
    shows hardness ratios that close, and two pairs of its features. These figures are made for
    surveys that have such features. If a survey has features that the paper lacks, every feature
    and the planes of the survey profile are drawn, too.
    """
    group, code = view.of_unique(view.group), view.of_unique(view.code)
    known = {f.name for f in view.survey.features}
    hardness = _hardness(view)
    found: list[Drawing | NotDrawn] = []
    if hardness:
        found.append(clusters_in_hardness(view, hardness))
    found += [clusters_against_features(view), clusters_against_classes(view)]
    if hardness:
        pair, title = (hardness[0], hardness[1]), "Hardness plane by class"
        found += [_hardness_groups(view, hardness, group), _hardness_classes(view, hardness, code)]
        found.append(panels(view, "hardness_plane", title, pair, code, False))
    if set(_VARIABILITY) <= known:
        stem, title = "variability", "Variability by"
        found.append(panels(view, f"{stem}_groups", f"{title} group", _VARIABILITY, group, True))
        found.append(panels(view, f"{stem}_classes", f"{title} class", _VARIABILITY, code, False))
    if set(_SPECTRUM) <= known:
        found.append(gamma_kt(view, group))
    found.append(feature_map(view))
    if known - {f.name for f in surveys.load("csc20").features}:
        found += _of_any_survey(view, group, code)
    return found


def _hardness(view: CatalogueView) -> tuple[str, str, str] | None:
    """Return the hardness ratios of one spectrum, in the order of the figures, if there are."""
    if view.survey.closure is None:
        return None
    first, second, sum_of_both = view.survey.closure
    return sum_of_both, first, second


def _of_any_survey(
    view: CatalogueView, group: np.ndarray, code: np.ndarray
) -> list[Drawing | NotDrawn]:
    """Draw every feature, and the planes that no other figure shows."""
    elsewhere = [set(_SPECTRUM), set(_hardness(view) or ())]
    planes = planes_of(
        view.survey, [f.name for f in view.survey.features if f.name in view.features]
    )
    planes = tuple(p for p in planes if not any(set(p) <= shown for shown in elsewhere))
    found = [_features_groups(view, group)]
    if planes:
        first, others = planes[0], "both features of a plane"
        found += [
            groups_in_planes(view, "planes_groups", "Planes of features by group", planes, group),
            panels(view, "plane_classes", "Plane of features by class", first, code, False),
            clusters_in_planes(
                view, "clusters_planes", "Clusters in the planes of features", planes, others
            ),
        ]
    return found


def _hardness_groups(
    view: CatalogueView, hardness: tuple[str, ...], group: np.ndarray
) -> Drawing | NotDrawn:
    stem, title = "hardness_groups", "Hardness by group"
    drawn = {f: view.features[f] for f in hardness if f in view.features}
    if not drawn or not (group >= 0).any():
        return NotDrawn(stem, title, lacking(view, hardness))
    every = np.ones(len(group), dtype=bool)
    kept, names, few = largest(group, view.groups, every, what="groups are shown")
    spans = {f: span_of(view, f, v) for f, v in drawn.items()}
    table = distributions.curves(drawn, kept, names, spans)

    # What is none of the classes may heap up at one value: the classes set the scale.
    is_class = table["population"].to_numpy() != NONE
    top = float(np.nanmax(table["density"].to_numpy()[is_class], initial=0))

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(drawn), squeeze=False, sharey=True)[0]
        found = pieces(table, "feature")
        for ax, feature in zip(axes, drawn, strict=True):
            if feature in found:
                plots.density_curves(ax, curves_of(found[feature]), looks_in(view.groups))
            ax.set_xlabel(scaled_text(view, feature), fontsize=8)
            ax.set_xlim(*spans[feature][0])
            ax.label_outer()
        axes[0].set_ylim(0, 1.08 * top or None)
        marked(axes, [marks_of(found[f]) if f in found else {} for f in drawn], view.groups)
        legend_above(figure, *axes)

    of_none = pc.and_(pc.equal(table["population"], NONE), pc.is_finite(table["density"]))
    said = " The curve of none may run out of the frame." if pc.any(of_none).as_py() else ""
    return Drawing(stem, title, KERNEL + said + few, table, (7.4, 2.8), draw)


def _hardness_classes(
    view: CatalogueView, hardness: tuple[str, ...], code: np.ndarray
) -> Drawing | NotDrawn:
    """Draw a row of panels for each group: ten curves in one would not be told apart."""
    stem, title = "hardness_classes", "Hardness by class"
    drawn = {f: view.features[f] for f in hardness if f in view.features}
    if not drawn or not (code >= 0).any():
        return NotDrawn(stem, title, lacking(view, hardness))
    every = np.ones(len(code), dtype=bool)
    kept, names, said = largest(code, view.names, every, what="classes are shown")
    spans = {f: span_of(view, f, v) for f, v in drawn.items()}
    table = distributions.curves(drawn, kept, names, spans)
    of = dict(zip(view.names, view.group_of_name, strict=True))
    members = {g: [n for n in names if of[n] == g] for g in view.groups}
    members = {g: m for g, m in members.items() if m}

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(members), len(drawn), squeeze=False, sharex=True, sharey="row")
        found = pieces(table, "feature")
        marks: list[list[dict[str, np.ndarray]]] = [[] for _ in members]
        shown: list[list[list[str]]] = [[] for _ in members]
        for column, feature in enumerate(drawn):
            part = found.get(feature)
            lines, alone = (curves_of(part), marks_of(part)) if part else ({}, {})
            for row, (group, classes) in enumerate(members.items()):
                ax = axes[row, column]
                looks = plots.class_looks(group, classes, list(view.groups))
                plots.density_curves(ax, {c: lines[c] for c in classes if c in lines}, looks)
                ax.set_xlim(*spans[feature][0])
                shown[row].append([c for c in classes if c in lines])
                marks[row].append({c: alone[c] for c in classes if c in alone})
                ax.set_ylabel(f"{plots.printable(group, 14)}\ndensity", fontsize=8)
                ax.set_xlabel(scaled_text(view, feature), fontsize=8)
                ax.label_outer()
        from_zero(*axes.flat)
        for row, (group, classes) in enumerate(members.items()):
            looks = plots.class_looks(group, classes, list(view.groups))
            marked(axes[row], marks[row], classes, looks)
            if not any(found for found in shown[row]):
                axes[row, 0].set_ylabel(plots.printable(group, 14), fontsize=8)
            if axes[row, -1].lines:
                legend_right(axes[row, -1])

    height = 1.2 * len(members) + 0.6
    return Drawing(stem, title, KERNEL + said, table, (7.4, height), draw)


def _features_groups(view: CatalogueView, group: np.ndarray) -> Drawing | NotDrawn:
    stem, title = "features_groups", "Features by group"
    if not view.features or not (group >= 0).any():
        return NotDrawn(stem, title, lacking(view, [f.name for f in view.survey.features]))
    every = np.ones(len(group), dtype=bool)
    group, names, said = largest(group, view.groups, every, what="groups are shown")
    drawn = {f: scaled(view, f, v) for f, v in view.features.items()}
    spans = {f: span_of(view, f, v) for f, v in drawn.items()}
    table = distributions.curves(drawn, group, names, spans)

    def draw(figure: Figure) -> None:
        found = pieces(table, "feature")
        axes = grid(figure, len(found), _WIDE)
        for i, (ax, (feature, part)) in enumerate(zip(axes, found.items(), strict=True)):
            plots.density_curves(ax, curves_of(part), looks_in(view.groups))
            ax.set_xlabel(scaled_text(view, feature), fontsize=8)
            ax.set_ylabel("density" if i % _WIDE == 0 else "", fontsize=8)
            ax.set_xlim(*spans[feature][0])
        from_zero(*axes)
        for ax, part in zip(axes, found.values(), strict=True):
            marked([ax], [marks_of(part)], view.groups)
        legend_above(figure, *axes)

    height = 1.7 * -(-len(drawn) // _WIDE) + 0.5
    caption = f"{KERNEL} The outer 0.5 per cent of a feature without bounds are not drawn.{said}"
    return Drawing(stem, title, caption, table, (7.4, height), draw)
