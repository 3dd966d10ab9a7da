"""One-dimensional distributions of several populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.names import printable
from xsift.plots.style import look_of, shades_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["density_curves", "histogram_steps", "source_marks"]

_SERIES = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC3311",
    "#332288",
    "#CC79A7",
    "#56B4E9",
    "#555555",
)
_STYLES = ("-", "--", "-.", ":")
_ROW = 0.09
"""Height of a row of marks, as a share of the axes."""


def density_curves(
    ax: Axes,
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    looks: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw the density of each population as a line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to pair of array_like, (k,)
        For each population: x, and the density at x.
    looks : mapping of str to pair of str, optional
        Colour and line style of each population. [default: those of the groups]

    Returns
    -------
    matplotlib.axes.Axes
        One line per population, labelled with its name. There is no legend.
    """
    looks = looks or line_looks(list(curves))
    for name, (x, density) in curves.items():
        colour, style = looks[name]
        ax.plot(x, density, color=colour, linestyle=style, linewidth=1.4, label=printable(name))
    ax.set_ylabel("density")
    return ax


def histogram_steps(
    ax: Axes,
    edges: ArrayLike,
    shares: Mapping[str, ArrayLike],
    looks: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw a histogram of each population as a stepped line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    edges : array_like, (k + 1,)
    shares : mapping of str to array_like, (k,)
    looks : mapping of str to pair of str, optional
        Colour and line style of each population.

    Returns
    -------
    matplotlib.axes.Axes
        One step patch per population, labelled with its name. There is no legend.
    """
    looks = looks or line_looks(list(shares))
    for name, heights in shares.items():
        colour, style = looks[name]
        ax.stairs(
            heights, edges, color=colour, linestyle=style, linewidth=1.2, label=printable(name)
        )
    return ax


def source_marks(
    ax: Axes,
    values: Mapping[str, ArrayLike],
    looks: Mapping[str, tuple[str, str]],
    rows: int = 0,
) -> Axes:
    """Mark the sources of populations that are too small for a density, in rows above the curves.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The curves must already be drawn. The vertical axis may be linear or logarithmic. Its upper
        limit is raised so that no curve reaches the rows.
    values : mapping of str to array_like
        Values of each population. Each population gets one row.
    looks : mapping of str to pair of str
        Colour and line style of each population.
    rows : int
        Number of rows to keep free, if larger than the number of populations. Panels that share
        their axis need the same number.

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = max(rows, len(values))
    room = min(_ROW * rows, 0.6)
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(low, low * (high / low) ** (1 / (1 - room)))
    else:
        ax.set_ylim(low, low + (high - low) / (1 - room))
    across = ax.get_xaxis_transform()
    for i, (name, x) in enumerate(values.items()):
        at = np.asarray(x, dtype=float)
        ax.plot(
            at,
            np.full(len(at), 1 - room * (i + 0.5) / rows),
            color=looks[name][0],
            linestyle="none",
            marker="|",
            markersize=6,
            markeredgewidth=1.1,
            transform=across,
            label=printable(name),
        )
    return ax


def series_looks(names: list[str]) -> dict[str, tuple[str, str]]:
    """Give populations that have no colour of their own, such as clusters, one of eight."""
    return {n: (_SERIES[i % 8], _STYLES[i % len(_STYLES)]) for i, n in enumerate(names)}


def line_looks(names: list[str]) -> dict[str, tuple[str, str]]:
    """Give each population a colour and a line style: groups have their own colours."""
    looks: dict[str, tuple[str, str]] = {}
    for i, (name, (colour, _)) in enumerate(look_of(names).items()):
        # Where there are more populations than colours, the style tells those of one colour apart.
        at = i + sum(colour == other for other, _ in looks.values())
        looks[name] = (colour, _STYLES[at % len(_STYLES)])
    return looks


def class_looks(group: str, classes: list[str], groups: list[str]) -> dict[str, tuple[str, str]]:
    """Give the classes of a group shades of its colour, and line styles of their own."""
    colour = look_of(groups)[group][0]
    shades = shades_of(colour, len(classes))
    return {name: (shades[i], _STYLES[i % len(_STYLES)]) for i, name in enumerate(classes)}
