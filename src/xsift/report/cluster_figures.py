"""The figures of clusters: the heaviest in planes, all against features and against classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xsift import plots
from xsift.catalogue.axes import Plane
from xsift.catalogue.view import CatalogueView, DetectionsView
from xsift.report.drawing import Drawing, NotDrawn, columns, feature_text, lacking, largest, pieces
from xsift.report.plane_figures import draw_planes, planes_size, surfaces_in

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "clusters_against_classes",
    "clusters_against_features",
    "clusters_in_hardness",
    "clusters_in_planes",
]

_IN_PLANES, _IN_MATRIX = 6, 60
"""Most clusters whose outlines can be told apart, and whose columns can be read."""


def clusters_in_hardness(view: CatalogueView, hardness: tuple[str, str, str]) -> Drawing | NotDrawn:
    """Draw the outlines of the heaviest clusters in the planes of the hardness ratios."""
    hs, hm, ms = hardness
    planes: list[Plane] = [(hs, hm), (hs, ms), (hm, ms)]
    title = "Clusters in the hardness planes"
    return clusters_in_planes(view, "clusters_hardness", title, planes, "two hardness ratios")


def clusters_in_planes(
    view: CatalogueView, stem: str, title: str, planes: Sequence[Plane], wanted: str
) -> Drawing | NotDrawn:
    """Draw the outlines of the heaviest clusters in several planes.

    `wanted` names what a point needs to be drawn.
    """
    found = _detections(view)
    if isinstance(found, str):
        return NotDrawn(stem, title, found)
    there = [p for p in planes if set(p) <= set(found.features)]
    if not there:
        return NotDrawn(
            stem, title, lacking(view, list(dict.fromkeys(f for p in planes for f in p)))
        )
    order, share = _heaviest(found)
    order = order[:_IN_PLANES]
    names = [f"cluster {k} ({100 * share[k]:.2g} %)" for k in order]
    table, spans = surfaces_in(view, there, found.features, _places(found, order), names)
    if not table.num_rows:
        return NotDrawn(stem, title, f"no cluster has a detection with {wanted}")

    def draw(figure: Figure) -> None:
        draw_planes(view, figure, table, spans, plots.series_looks(names), names)

    n = int((share > 0).sum())
    said = f" The {len(order)} heaviest of {n} clusters." if len(order) < n else ""
    caption = (
        "Contours enclose half of a cluster's detections. Brackets give the cluster's share of the "
        f"detections that have a cluster.{said}"
    )
    return Drawing(stem, title, caption, table, planes_size(len(there)), draw)


def clusters_against_features(view: CatalogueView) -> Drawing | NotDrawn:
    """Draw the rank of each cluster's median among all detections, for each feature."""
    stem, title = "clusters_features", "Features by cluster"
    found = _detections(view)
    if isinstance(found, str):
        return NotDrawn(stem, title, found)
    order, share = _heaviest(found)
    place, n = _places(found, order), len(order)
    parts = []
    for feature, values in found.features.items():
        known = np.isfinite(values)
        ordered = np.sort(values[known])
        mine = [values[known & (place == k)] for k in range(n)]
        median = np.array([np.median(m) if len(m) else np.nan for m in mine])
        # Between the first and the last of equal values: half of them count as below.
        rank = sum(np.searchsorted(ordered, median, side) for side in ("left", "right")) / 2
        parts.append(
            pa.table(
                {
                    "feature": [feature] * n,
                    "cluster": order,
                    "share": share[order],
                    "n": [len(m) for m in mine],
                    "median": median,
                    "below": np.where(np.isfinite(median), rank / max(len(ordered), 1), np.nan),
                }
            )
        )
    table = pa.concat_tables(parts)

    def draw(figure: Figure) -> None:
        drawn = pieces(table, "feature")
        rows = [feature_text(view.survey, f, unit=False).replace("\n", " ") for f in drawn]
        values = np.array([part["below"] for part in drawn.values()])
        said = "detections below the median"
        _draw_matrix(figure, values, rows, order, share, said, "PuOr_r")

    caption = (
        "For each cluster and feature: the share of all detections that lie below the cluster's "
        f"median. 0.5 is the median of all detections. {_said(order, share)}"
    )
    size = (7.2, 1.5 + 0.2 * len(found.features))
    return Drawing(stem, title, caption, table, size, draw)


def clusters_against_classes(view: CatalogueView) -> Drawing | NotDrawn:
    """Draw which classes the detections of each cluster get."""
    stem, title = "clusters_classes", "Classes by cluster"
    found = _detections(view)
    if isinstance(found, str):
        return NotDrawn(stem, title, found)
    # The detections may be of none where no source is.
    every = (*view.classes.codes, "none")
    code, names, _ = largest(found.code, every, found.cluster >= 0, len(every))
    if not names:
        return NotDrawn(stem, title, "no detection with a cluster has a class")
    order, share = _heaviest(found)
    counts = np.zeros((len(names), len(order)), dtype=np.int64)
    place = _places(found, order)
    there = (code >= 0) & (place >= 0)
    np.add.at(counts, (code[there], place[there]), 1)
    total = counts.sum(axis=0)
    part = np.full(counts.shape, np.nan)
    np.divide(counts, total, out=part, where=total > 0)
    table = pa.table(
        {
            "class": pa.array(np.repeat(np.array(names, dtype=object), len(order)), pa.string()),
            "cluster": np.tile(order, len(names)),
            "share": np.tile(share[order], len(names)),
            "n": counts.ravel(),
            "of_cluster": part.ravel(),
        }
    )

    def draw(figure: Figure) -> None:
        values = columns(table)["of_cluster"].reshape(part.shape)
        rows = [plots.printable(name) for name in names]
        _draw_matrix(figure, values, rows, order, share, "share of the cluster", "Blues")

    caption = (
        "Share of each class among a cluster's classified detections. Each column sums to 1. "
        f"{_said(order, share)}"
    )
    return Drawing(stem, title, caption, table, (7.2, 1.5 + 0.17 * len(names)), draw)


def _detections(view: CatalogueView) -> DetectionsView | str:
    """Return the detections, or why clusters cannot be drawn."""
    found = view.detections
    if found is None:
        return "the folder has no table of detections"
    if not found.n_clusters:
        return "no detection has a cluster"
    if not found.features:
        return "no detection has a feature"
    return found


def _heaviest(found: DetectionsView) -> tuple[np.ndarray, np.ndarray]:
    """Return the clusters, the heaviest first, and the share of the detections of each."""
    n = np.bincount(found.cluster[found.cluster >= 0], minlength=found.n_clusters)
    order = np.argsort(-n, kind="stable")[: int((n > 0).sum())][:_IN_MATRIX]
    return order, n / n.sum()


def _places(found: DetectionsView, order: np.ndarray) -> np.ndarray:
    """Return the place of each detection's cluster in the order; -1: not in it."""
    place = np.full(found.n_clusters + 1, -1)
    place[order] = np.arange(len(order))
    return np.asarray(place[found.cluster])


def _said(order: np.ndarray, share: np.ndarray) -> str:
    n = int((share > 0).sum())
    said = "Above: share of the detections, the heaviest cluster first."
    return said + (f" The {len(order)} heaviest of {n} clusters." if len(order) < n else "")


def _draw_matrix(
    figure: Figure,
    values: np.ndarray,
    rows: Sequence[str],
    order: np.ndarray,
    share: np.ndarray,
    label: str,
    cmap: str,
) -> None:
    """Draw clusters as columns below bars of their shares."""
    top, ax = figure.subplots(2, 1, sharex=True, height_ratios=(1, max(0.35 * len(rows), 1)))
    top.bar(np.arange(len(order)), 100 * share[order], color="#8a8f98", width=0.8)
    top.set_ylabel("%", fontsize=8)
    top.tick_params(axis="x", length=0)
    top.grid(False, axis="x")
    image = plots.share_matrix(ax, values, rows, [str(k) for k in order], cmap)
    ax.set_xlabel("cluster", fontsize=8)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01)
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=7)
