"""Counts and shares of classes, and of sources by their number of detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.curves import line_looks
from xsift.plots.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "against_latitude",
    "class_fractions",
    "class_probabilities",
    "detections_per_source",
    "shares_above",
]


def class_fractions(
    ax: Axes,
    names: Sequence[str],
    unique: ArrayLike,
    ambiguous: ArrayLike,
    colours: Sequence[str],
) -> Axes:
    """Draw the share of each class as a stacked bar: uniquely classified and ambiguous sources.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names, colours : sequence of str, (k,)
        Listed from top to bottom.
    unique, ambiguous : array_like of int, (k,)

    Returns
    -------
    matplotlib.axes.Axes
        Two stacked bars per class, in per cent of all sources. A number beside them gives the
        sources of the class.
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


def class_probabilities(
    ax: Axes,
    names: Sequence[str],
    p: ArrayLike,
    spread: ArrayLike,
    colours: Sequence[str],
) -> Axes:
    """Draw the probability of each class of one source as a bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names, colours : sequence of str, (k,)
        Listed from top to bottom.
    p : array_like, (k,)
    spread : array_like, (k,)
        Scatter over the detections. A value that is NaN gets no error bar.

    Returns
    -------
    matplotlib.axes.Axes
        One bar per class from 0 to 1, labelled with the probability.
    """
    p, spread = np.asarray(p, dtype=float), np.asarray(spread, dtype=float)
    at = np.arange(len(names))
    ends = [np.minimum(np.nan_to_num(spread), p), np.minimum(np.nan_to_num(spread), 1 - p)]
    ax.barh(at, p, color=list(colours), height=0.7)
    ax.errorbar(p, at, xerr=ends, fmt="none", ecolor="#222222", elinewidth=0.8, capsize=0)
    for y, (value, end) in enumerate(zip(p, p + ends[1], strict=True)):
        ax.annotate(
            f"{value:.2f}", (end, y), (3, 0), textcoords="offset points", va="center", fontsize=7
        )
    _name_rows(ax, names)
    # Room for the number of a probability of 1.
    ax.set(xlim=(0, 1.25), xticks=[0, 0.5, 1], xlabel="probability")
    ax.grid(False, axis="y")
    return ax


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows of a figure, from top to bottom."""
    ax.set_yticks(np.arange(len(names)), [printable(n) for n in names])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()


def detections_per_source(ax: Axes, first: ArrayLike, last: ArrayLike, sources: ArrayLike) -> Axes:
    """Draw a histogram of the number of detections per source, on logarithmic axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    first, last : array_like of int, (k,)
        First and last number of detections of each bin, both inclusive.
    sources : array_like of int, (k,)

    Returns
    -------
    matplotlib.axes.Axes
        One bar per bin.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if v >= 1 else ""))
    ax.set_xlabel("detections per source")
    ax.set_ylabel("sources")
    return ax


def shares_above(
    ax: Axes, names: Sequence[str], shares: Mapping[str, ArrayLike], colours: Sequence[str]
) -> Axes:
    """Draw the share of each class's sources that lie above each threshold.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names, colours : sequence of str, (k,)
        Listed from top to bottom.
    shares : mapping of str to array_like, (k,)
        One array per threshold; the key is the name in the legend. NaN is left out.

    Returns
    -------
    matplotlib.axes.Axes
        One labelled series of markers per threshold.
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
    """Draw the share of each population, with its interval, against absolute Galactic latitude.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    low, high : array_like, (k,)
        Edges of the bins, deg.
    shares : mapping of str to (share, low, high)
        One entry per population. NaN is left out.

    Returns
    -------
    matplotlib.axes.Axes
        One stepped line per population, with its interval as a stepped band. The line breaks where
        a bin is left out.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    edges = np.append(low, high[-1:])
    looks = line_looks(list(shares))
    for name, found in shares.items():
        colour, style = looks[name]
        share, below, above = (np.asarray(v, dtype=float) for v in found)
        ax.stairs(above, edges, baseline=below, fill=True, color=colour, alpha=0.15, linewidth=0)
        ax.stairs(
            share,
            edges,
            baseline=None,
            color=colour,
            linestyle=style,
            linewidth=1.4,
            label=printable(name),
        )
    ax.set_xlim(0, 90)
    ax.set_ylim(0, 1)
    # The lowest bins are narrow: 0, 5, 10 and so on can be told apart.
    shown = [e for i, e in enumerate(edges) if i == 0 or e >= 5]
    ax.set_xticks(shown, [f"{v:g}" for v in shown])
    ax.set_xlabel("absolute Galactic latitude: $|b|$ (deg)")
    ax.set_ylabel("share of the sources")
    return ax
