"""Figures of the model's own validation: reliability, purity and completeness of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xsift import plots
from xsift.catalogue.view import CatalogueView
from xsift.model.validation import N_BINS, ValidationTree
from xsift.report.caveats import faint_share
from xsift.report.drawing import Drawing, NotDrawn, grid, in_rows, legend_above, pieces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["expected_purity", "purity_table", "reliability_table", "validation_drawings"]

_FEWEST = 10.0
"""Effective sources that a bin, or a threshold, needs to be drawn."""

_TITLES = {
    "reliability": "Reliability of each group",
    "purity_completeness": "Purity and completeness against threshold",
}
_WHOSE = {
    "all": "labelled detections",
    "bright": "labelled detections",
    "faint": "labelled detections with fewer than 130 effective counts (bright ones made fainter "
    "are among them)",
}


def validation_drawings(view: CatalogueView) -> list[Drawing | NotDrawn]:
    """Make the figures of the model's validation for each group."""
    tree = view.found.tree
    why = ""
    if tree is None:
        why = "the folder has no model"
    elif tree.method == "paper":
        why = "the paper's method does not validate itself (xsift evaluate does)"
    elif not tree.validation:
        why = "the model file is of an earlier xsift, which did not keep it: train the model again"
    if tree is None or why:
        return [NotDrawn(stem, title, why) for stem, title in _TITLES.items()]
    # The first are curves of faint detections.
    found = tree.validation[0 if _is_faint(view) else -1]
    if not found.groups:
        return [NotDrawn(stem, title, "no group was validated") for stem, title in _TITLES.items()]
    return [_reliability(found, view), _purity(found, view)]


def reliability_table(found: ValidationTree) -> pa.Table:
    """Return the non-empty probability bins of each group.

    Returns
    -------
    pyarrow.Table
        ``population`` (the group), ``low_edge``, ``high_edge``, ``sources`` (effective number, as
        in `ValidationTree`), ``probability`` (its mean), ``share`` (of the group), ``low`` and
        ``high`` (Wilson's interval, 95 %).
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    parts = []
    for g, name in enumerate(found.groups):
        n, right = found.n[g], found.right[g]
        there = n > 0
        n, right = n[there], right[there]
        low, high = _wilson(right / n, n)
        parts.append(
            pa.table(
                {
                    "population": [name] * len(n),
                    "low_edge": edges[:-1][there],
                    "high_edge": edges[1:][there],
                    "sources": n,
                    "probability": found.p[g][there] / n,
                    "share": right / n,
                    "low": low,
                    "high": high,
                }
            )
        )
    return pa.concat_tables(parts)


def purity_table(found: ValidationTree, view: CatalogueView) -> pa.Table:
    """Return the purity, completeness and expected purity of each group at each threshold.

    Returns
    -------
    pyarrow.Table
        ``population`` (the group) and ``threshold``. From the validation: ``sources`` (with a
        probability of the threshold or more), ``purity`` and ``completeness``. From the catalogue:
        ``catalogue_sources`` and ``expected_purity``. NaN if no source reaches the threshold.
    """
    parts = []
    for g, name in enumerate(found.groups):
        above, right = found.above[g], found.right_above[g]
        n, purity = expected_purity(_probability(view, name), found.thresholds)
        parts.append(
            pa.table(
                {
                    "population": [name] * len(above),
                    "threshold": found.thresholds,
                    "sources": above,
                    "purity": _ratio(right, above),
                    "completeness": right / right[0],
                    "catalogue_sources": n,
                    "expected_purity": purity,
                }
            )
        )
    return pa.concat_tables(parts)


def expected_purity(p: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of sources that reach each threshold, and their mean probability.

    Parameters
    ----------
    p : ndarray of shape (n,)
        NaN is left out.
    thresholds : ndarray of shape (T,)
        In increasing order.

    Returns
    -------
    n : ndarray of int, shape (T,)
    purity : ndarray of shape (T,)
        NaN if no source reaches the threshold.
    """
    p = np.sort(p[np.isfinite(p)])
    n = len(p) - np.searchsorted(p, thresholds, "left")
    total = np.append(0.0, np.cumsum(p[::-1]))[n]  # the largest first
    return n, _ratio(total, n)


def _is_faint(view: CatalogueView) -> bool:
    """Tell whether most detections are faint."""
    return faint_share(view)[0] > 0.5


def _probability(view: CatalogueView, group: str) -> np.ndarray:
    if group not in view.all_groups:
        return np.full(len(view.p), np.nan)
    return view.p_group[:, view.all_groups.index(group)]


def _reliability(found: ValidationTree, view: CatalogueView) -> Drawing:
    table = reliability_table(found)

    def draw(figure: Figure) -> None:
        by_group = pieces(table)
        axes = grid(figure, len(by_group), wide := in_rows(len(by_group)))
        for i, (ax, (name, part)) in enumerate(zip(axes, by_group.items(), strict=True)):
            bins = np.zeros((5, N_BINS))
            drawn = part["sources"] >= _FEWEST
            at = np.round(part["low_edge"][drawn] * N_BINS).astype(int)
            for row, what in zip(
                bins, ("sources", "probability", "share", "low", "high"), strict=True
            ):
                row[at] = part[what][drawn]
            n, p, *share = bins
            plots.reliability(ax, n, p, share[0], share[1], share[2], name)
            ax.set(xlabel="probability", ylabel="share of the group" if i % wide == 0 else "")

    caption = (
        "How often held-out detections are of a group, against the probability that the model "
        "gave them. Perfectly calibrated probabilities lie on the dashed line. Bars: 95 per cent "
        "Wilson intervals. Grey: share of the detections in each bin. Bins with fewer than "
        f"{_FEWEST:.0f} effective sources are left out. {_measured_on(found, view)}"
    )
    return Drawing("reliability", _TITLES["reliability"], caption, table, _size(found), draw)


def _purity(found: ValidationTree, view: CatalogueView) -> Drawing:
    table = purity_table(found, view)

    def draw(figure: Figure) -> None:
        by_group = pieces(table)
        axes = grid(figure, len(by_group), wide := in_rows(len(by_group)))
        for i, (ax, (name, part)) in enumerate(zip(axes, by_group.items(), strict=True)):
            enough, here = part["sources"] >= _FEWEST, part["catalogue_sources"] > 0
            plots.purity_completeness(
                ax,
                part["threshold"],
                np.where(enough, part["purity"], np.nan),
                part["completeness"],
                np.where(here, part["expected_purity"], np.nan),
            )
            ax.set_title(plots.printable(name))
            ax.set(xlabel="threshold", ylabel="share" if i % wide == 0 else "")
        legend_above(figure, axes[0])

    caption = (
        "Select the sources whose probability of a group reaches the threshold. Purity: the share "
        "of the selected sources that belong to the group. Completeness: the share of the group "
        "that is selected. Both are measured on held-out sources, with the class shares of "
        "training. Dashed: the purity expected in this catalogue, the mean probability of its "
        "sources above the threshold. "
        f"Purity of fewer than {_FEWEST:.0f} effective sources is left out. "
        + _measured_on(found, view)
    )
    stem = "purity_completeness"
    return Drawing(stem, _TITLES[stem], caption, table, _size(found), draw)


def _measured_on(found: ValidationTree, view: CatalogueView) -> str:
    fields = "" if view.survey.field is None else ", and by field on the sky"
    return (
        f"Measured in training on {found.detections:,} {_WHOSE[found.of]} of {found.sources:,} "
        f"sources, in {found.folds} folds by source{fields}. Detections weigh as in training. The "
        "blend of each fold was fitted on the other folds."
    )


def _size(found: ValidationTree) -> tuple[float, float]:
    n = len(found.groups)
    return 7.2, 0.4 + 0.92 * 7.2 / in_rows(n) * -(-n // in_rows(n))


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's interval of shares, 95 %: n need not be whole."""
    z = 1.959963984540054
    middle, scale = share + z**2 / (2 * n), 1 + z**2 / n
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum((middle - half) / scale, 0), np.minimum((middle + half) / scale, 1)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0))
