"""How far few labels go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xsift.plots.legends import legend_beside
from xsift.plots.names import printable
from xsift.plots.style import look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["against_labels"]


def against_labels(
    ax: Axes,
    shares: Sequence[float],
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    label: str,
) -> Axes:
    """Draw a measure of each method against the share of sources that have a label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    shares : sequence of float, (k,)
        0 to 1.
    values : mapping of str to pair of sequences of float, (k,)
        For each method: mean and spread over the draws. NaN is left out.
    label : str
        Name of the measure, for the axis.

    Returns
    -------
    matplotlib.axes.Axes
    """
    looks = look_of(list(values))
    x = 100 * np.asarray(shares)
    for i, (method, (mean, spread)) in enumerate(values.items()):
        colour, marker = looks[method]
        # A little aside, so that the bars of two methods can be told apart.
        at = x * 1.03 ** (i - (len(values) - 1) / 2)
        error = np.nan_to_num(np.asarray(spread, dtype=float))
        ax.errorbar(
            at,
            np.asarray(mean, dtype=float),
            yerr=error,
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.2,
            capsize=2,
            label=printable(method),
        )
    ax.set_xscale("log")
    ax.set_xticks(x, [f"{v:g} %" for v in x])
    ax.minorticks_off()
    ax.set(xlabel="share of the training sources that keep their labels", ylabel=label)
    return legend_beside(ax)
