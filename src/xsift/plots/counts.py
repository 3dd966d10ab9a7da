"""How figures change as detections get fainter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xsift.plots.names import printable
from xsift.plots.style import look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["against_counts"]


def against_counts(
    ax: Axes,
    counts: Sequence[float],
    values: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    label: str,
) -> Axes:
    """Draw a measure of each method against the counts of the detections.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : sequence of float, (k,)
        In increasing order. They are drawn at equal distances.
    values : mapping of str to three sequences of float, (k,)
        For each method: the value, and the low and high end of its interval. NaN is left out.
    label : str
        Name of the measure, for the axis.

    Returns
    -------
    matplotlib.axes.Axes
        One line per method, labelled with its name. There is no legend.
    """
    looks = look_of(list(values))
    at = np.arange(len(counts))
    for i, (method, told) in enumerate(values.items()):
        value, low, high = (np.asarray(v, dtype=float) for v in told)
        colour, marker = looks[method]
        ax.errorbar(
            # A little aside, so that the bars of two methods can be told apart.
            at + 0.08 * (i - (len(values) - 1) / 2),
            value,
            yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)],
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=printable(method),
        )
    ax.set_xticks(at, [f"{n:,.0f}" for n in counts])
    ax.set_ylim(bottom=0)
    ax.set(xlabel="counts", ylabel=label)
    return ax
