"""Counts and shares of classes, and of sources by their number of detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.names import printable
from xsift.plots.style import look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["against_latitude", "class_fractions", "detections_per_source", "shares_above"]


def class_fractions(
    ax: Axes,
    names: Sequence[str],
    unique: ArrayLike,
    ambiguous: ArrayLike,
    colours: Sequence[str],
) -> Axes:
    """Draw the share of each class as a bar: uniquely classified, then ambiguous sources.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names, colours : sequence of str, (k,)
        From top to bottom.
    unique, ambiguous : array_like of int, (k,)

    Returns
    -------
    matplotlib.axes.Axes
        Two bars per class, in per cent of all sources; the number of sources beside them.
    """
    unique, ambiguous = np.asarray(unique, dtype=float), np.asarray(ambiguous, dtype=float)
    per_cent = 100 / max(float((unique + ambiguous).sum()), 1.0)
    at = np.arange(len(names))
    colours = list(colours)
    ax.barh(at, per_cent * unique, color=colours, edgecolor=colours, linewidth=0.8)
    ax.barh(
        at,
        per_cent * ambiguous,
        left=per_cent * unique,
        color="white",
        edgecolor=colours,
        hatch="////",
        linewidth=0.8,
    )
    total = unique + ambiguous
    for i, n in enumerate(total):
        ax.annotate(
            f"{int(n):,}", (per_cent * n, i), (4, 0), textcoords="offset points", va="center"
        )
    _name_rows(ax, names)
    ax.set_xlim(0, 1.3 * max(float(total.max(initial=0)) * per_cent, 1.0))
    ax.set_xlabel("share of the sources (per cent); number of sources")
    ax.grid(False, axis="y")
    return ax


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows of a figure, from top to bottom."""
    ax.set_yticks(np.arange(len(names)), [printable(n) for n in names])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()


def detections_per_source(ax: Axes, first: ArrayLike, last: ArrayLike, sources: ArrayLike) -> Axes:
    """Draw how many sources have so many detections, on logarithmic axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    first, last : array_like of int, (k,)
        Bins of the number of detections, both ends inside.
    sources : array_like of int, (k,)

    Returns
    -------
    matplotlib.axes.Axes
        One bar per bin.
    """
    from matplotlib.ticker import FuncFormatter

    low = np.asarray(first, dtype=float) - 0.5
    high = np.asarray(last, dtype=float) + 0.5
    n = np.asarray(sources, dtype=float)
    ax.bar(
        low, n, width=high - low, align="edge", color="#0072B2", edgecolor="white", linewidth=0.6
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.6, 2 * max(float(n.max(initial=1)), 2.0))
    ax.set_xlim(0.45, max(1.1 * float(high.max(initial=2)), 3.0))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
    ax.set_xlabel("detections per source")
    ax.set_ylabel("sources")
    return ax


def shares_above(
    ax: Axes, names: Sequence[str], shares: Mapping[str, ArrayLike], colours: Sequence[str]
) -> Axes:
    """Draw, for each class, which share of its sources lies above each of some thresholds.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names, colours : sequence of str, (k,)
        From top to bottom.
    shares : mapping of str to array_like, (k,)
        By threshold, as the legend names it; NaN is left out.

    Returns
    -------
    matplotlib.axes.Axes
        A row of markers per threshold, each labelled.
    """
    at = np.arange(len(names))
    for marker, (label, values) in zip("osD^v", shares.items(), strict=False):
        ax.scatter(values, at, marker=marker, c=list(colours), s=26, zorder=3)
        ax.scatter([], [], marker=marker, c="#444444", s=26, label=label)
    _name_rows(ax, names)
    ax.set_xlim(-0.03, 1.03)
    ax.set_xlabel("share of the class")
    return ax


def against_latitude(
    ax: Axes,
    low: ArrayLike,
    high: ArrayLike,
    shares: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
) -> Axes:
    """Draw the share of each population against absolute Galactic latitude, with its interval.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    low, high : array_like, (k,)
        Edges of the bins, deg.
    shares : mapping of str to (share, low, high)
        By population; NaN is left out.

    Returns
    -------
    matplotlib.axes.Axes
        One line with error bars per population.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    middle = (low + high) / 2
    looks = look_of(list(shares))
    for i, (name, (share, below, above)) in enumerate(shares.items()):
        colour, marker = looks[name]
        y = np.asarray(share, dtype=float)
        error = [y - np.asarray(below, dtype=float), np.asarray(above, dtype=float) - y]
        there = np.isfinite(y)
        shift = 0.06 * (i - (len(shares) - 1) / 2) * (high - low)
        ax.errorbar(
            (middle + shift)[there],
            y[there],
            yerr=np.maximum(error, 0)[:, there],
            color=colour,
            marker=marker,
            markersize=4.5,
            linewidth=1.1,
            capsize=2,
            label=printable(name),
        )
    ax.set_xlim(0, 90)
    ax.set_ylim(0, 1)
    ax.set_xticks(np.append(low, high[-1:]))
    ax.set_xticklabels([f"{v:g}" for v in np.append(low, high[-1:])])
    ax.set_xlabel("absolute Galactic latitude |b| (deg)")
    ax.set_ylabel("share of the sources")
    return ax
