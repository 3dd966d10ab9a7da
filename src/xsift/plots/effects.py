"""Effects with their intervals, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.legends import legend_over
from xsift.plots.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["effects"]

_COLOURS = ("#0072B2", "#CC3311", "#009E73")
_MARKERS = ("o", "s", "D")


def effects(
    ax: Axes,
    statements: Sequence[str],
    versions: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    margin: float,
) -> Axes:
    """Draw the effect of each statement and its interval, in one colour per version.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    statements : sequence of str, (k,)
        From top to bottom.
    versions : mapping of str to (value, low, high), each (k,)
        Values from -1 to 1. NaN is left out.
    margin : float
        Smallest effect that matters. The region above it is shaded.

    Returns
    -------
    matplotlib.axes.Axes
        One row of points with error bars per version.
    """
    at = np.arange(len(statements), dtype=float)
    ax.axvspan(margin, 1.05, color="#eef4ee", zorder=0, linewidth=0)
    ax.axvline(0, color="#555555", linewidth=0.8, zorder=1)
    ax.axvline(margin, color="#555555", linewidth=0.8, linestyle=":", zorder=1)
    for i, (version, found) in enumerate(versions.items()):
        value, low, high = (np.asarray(v, dtype=float) for v in found)
        there = np.isfinite(value)
        error = np.maximum([value - low, high - value], 0)[:, there]
        ax.errorbar(
            value[there],
            (at + 0.26 * (i - (len(versions) - 1) / 2))[there],
            xerr=error,
            fmt=_MARKERS[i % 3],
            color=_COLOURS[i % 3],
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=version,
            zorder=3,
        )
    ax.set_yticks(at, [fill(printable(s, 120), 44) for s in statements])
    ax.set_ylim(len(statements) - 0.4, -0.6)
    ax.set_xlim(-1.05, 1.05)
    ax.set_xticks(np.linspace(-1, 1, 5))
    ax.set_xlabel("effect: Cliff's delta, or difference of shares")
    ax.tick_params(axis="y", length=0)
    return legend_over(ax)
