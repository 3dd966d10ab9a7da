"""The map of the feature space: the sources by group, and by typicality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xsift import plots
from xsift.catalogue.axes import symbol_of
from xsift.catalogue.view import CatalogueView
from xsift.report import distributions
from xsift.report.drawing import Drawing, NotDrawn, columns, lacking, legend_above, scaled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["feature_map"]

_MOST_POINTS = 10_000
_NAMED = 3


def feature_map(view: CatalogueView) -> Drawing | NotDrawn:
    """Draw every source in the plane of the two principal components of the features."""
    stem, title = "feature_map", "Map of the feature space"
    if not view.features:
        return NotDrawn(stem, title, lacking(view, [f.name for f in view.survey.features]))
    found = distributions.feature_map({f: scaled(view, f, v) for f, v in view.features.items()})
    if found is None:
        return NotDrawn(stem, title, "fewer than three sources have the same two features")
    chosen = np.arange(len(found.rows))
    if len(chosen) > _MOST_POINTS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _MOST_POINTS, replace=False))
    rows = found.rows[chosen]
    named = np.array([*view.groups, None], dtype=object)
    typicality = np.full(len(rows), np.nan)
    if view.typicality is not None:
        typicality = view.typicality[rows]
    table = pa.table(
        {
            "group": pa.array(named[view.group[rows]], pa.string()),
            "first": found.xy[chosen, 0],
            "second": found.xy[chosen, 1],
            "typicality": typicality,
        }
    )

    def draw(figure: Figure) -> None:
        c = columns(table)
        told = np.isfinite(c["typicality"]).any()
        axes = figure.subplots(1, 1 + told, squeeze=False, sharex=True, sharey=True)[0]
        plots.scatter_groups(axes[0], c["first"], c["second"], c["group"], view.groups)
        if told:
            points = plots.scatter_values(axes[1], c["first"], c["second"], c["typicality"])
            figure.colorbar(points, ax=axes[1], label="typicality")
        for ax in axes:
            ax.set_xlabel(f"first component ({100 * found.explained[0]:.0f} % of the variance)")
        axes[0].set_ylabel(f"second component ({100 * found.explained[1]:.0f} %)")
        legend_above(figure, axes[0])

    return Drawing(stem, title, _caption(view, found, len(rows)), table, (7.2, 3.6), draw)


def _caption(view: CatalogueView, found: distributions.FeatureMap, n_drawn: int) -> str:
    n = len(view.group)
    said = [
        f"The two principal components of {len(found.features)} features (of the first detection; "
        "centred on the median, by the middle 68 per cent).",
        *(f"{place}: {_weights(view, found, k)}." for k, place in enumerate(("First", "Second"))),
        f"No value is filled in: {len(found.rows):,} of {n:,} sources have all these features and "
        "are on the map; the others are not.",
    ]
    if found.left_out:
        symbols = ", ".join(symbol_of(view.survey, f) for f in found.left_out)
        said.append(f"Left out, as most sources lack them or all are equal: {symbols}.")
    if n_drawn < len(found.rows):
        said.append(f"{n_drawn:,} of them are drawn, chosen at random.")
    said.append("The components are chosen to spread the sources, not to separate the classes.")
    return " ".join(said)


def _weights(view: CatalogueView, found: distributions.FeatureMap, k: int) -> str:
    """Name the features that weigh most in a component."""
    order = np.argsort(-np.abs(found.weights[k]))[:_NAMED]
    return ", ".join(
        f"{found.weights[k, j]:+.2f} {symbol_of(view.survey, found.features[j])}" for j in order
    ).replace("-", "\N{MINUS SIGN}")
