"""Whether probabilities are what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["purity_completeness", "reliability"]

_RIGHT = "share that is right"


def reliability(
    ax: Axes,
    n: ArrayLike,
    confidence: ArrayLike,
    accuracy: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    group: str = "",
) -> Axes:
    """Draw how often the top class, or a group, is right at each probability, in equal bins.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    n : array_like of int, (bins,)
        Detections in each bin. Empty bins are left out. Bars show the share of each bin.
    confidence, accuracy : array_like, (bins,)
        Mean top probability, and share of detections that are right.
    low, high : array_like, (bins,)
        Interval of the accuracy.
    group : str
        Group whose probability is drawn. If empty, the probability of the top class is drawn.

    Returns
    -------
    matplotlib.axes.Axes
        The first line is the diagonal. Perfectly calibrated probabilities lie on it.
    """
    n, confidence, accuracy, low, high = (
        np.asarray(v, dtype=float) for v in (n, confidence, accuracy, low, high)
    )
    there = n > 0
    edges = np.linspace(0, 1, len(n) + 1)
    ax.bar(
        edges[:-1], n / max(n.sum(), 1), width=1 / len(n), align="edge", color="#d9d9d9", zorder=1
    )
    ax.plot([0, 1], [0, 1], color="#555555", linewidth=0.8, linestyle="--", zorder=2)
    # An interval of a resample may lie beside the value where a bin holds a handful.
    below = np.maximum(accuracy - low, 0)[there]
    above = np.maximum(high - accuracy, 0)[there]
    ax.errorbar(
        confidence[there],
        accuracy[there],
        yerr=[below, above],
        fmt="o-",
        color="#0072B2",
        markersize=4,
        linewidth=1.2,
        capsize=2,
        zorder=3,
    )
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    if group:
        ax.set_title(printable(group))
    what = ("probability", "share that is of it") if group else ("top probability", _RIGHT)
    ax.set(xlabel=what[0], ylabel=what[1])
    return ax


def purity_completeness(
    ax: Axes,
    threshold: ArrayLike,
    purity: ArrayLike,
    completeness: ArrayLike,
    expected: ArrayLike,
) -> Axes:
    """Draw the purity and completeness of a selection by probability against the threshold.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    threshold : array_like, (k,)
    purity, completeness : array_like, (k,)
        NaN is left out.
    expected : array_like, (k,)
        Purity expected in another table.

    Returns
    -------
    matplotlib.axes.Axes
        Three labelled lines. There is no legend.
    """
    lines = (
        ("purity", purity, "#0072B2", "-"),
        ("completeness", completeness, "#E69F00", "-."),
        ("expected purity here", expected, "#0072B2", "--"),
    )
    for label, values, colour, style in lines:
        ax.plot(threshold, values, color=colour, linestyle=style, linewidth=1.4, label=label)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    ax.set(xlabel="threshold", ylabel="share")
    return ax
