"""What each number of clusters has for and against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["against_k"]


def against_k(
    ax: Axes, k: ArrayLike, values: ArrayLike, label: str, *, marker: str = "o", colour: str = "C0"
) -> Axes:
    """Draw a criterion against the number of clusters: each restart, and their mean and spread.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    k, values : array_like, (n,)
        One pair per restart. NaN values are left out.
    label : str
        Label of the vertical axis.
    marker, colour : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.ticker import MaxNLocator

    y = np.asarray(values, dtype=float)
    there = np.isfinite(y)
    x, y = np.asarray(k, dtype=float)[there], y[there]
    different = np.unique(x)
    mean = np.array([y[x == one].mean() for one in different])
    spread = np.array([y[x == one].std() for one in different])
    ax.plot(x, y, ".", color=colour, alpha=0.35, markersize=3, zorder=2)
    ax.fill_between(different, mean - spread, mean + spread, color=colour, alpha=0.15, lw=0)
    ax.plot(different, mean, marker=marker, color=colour, markersize=4, lw=1.2, zorder=3)
    ax.set_xlabel("number of clusters $K$")
    ax.set_ylabel(label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax
