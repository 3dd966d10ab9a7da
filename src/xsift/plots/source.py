"""One source against the distributions of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xsift.plots.names import printable
from xsift.plots.style import PerPoint, in_layers, look_of, members_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["feature_distributions", "source_in_plane"]

_BINS = 30
_LOWEST = 1e-5
_FEWEST, _MOST_LINES = 30, 12
"""Values of a group that make a distribution; detections that can be lines of their own."""


def feature_distributions(
    ax: Axes,
    values: ArrayLike,
    group: PerPoint,
    groups: Sequence[str],
    own: ArrayLike,
    name: str,
    is_log: bool = False,
    lowest: float = _LOWEST,
) -> Axes:
    """Draw the distribution of a feature in each group, and a line at each value of one source.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array_like, (n,)
        Values of the members of the groups. NaN is left out.
    group : sequence of str or None, (n,)
    groups : sequence of str
        Groups to draw, in the order of the legend. A group without values is left out.
    own : array_like, (k,)
        Values of the source's detections. NaN gets no line.
    name : str
        Name of the feature, for the axis.
    is_log : bool
        Whether the axis is logarithmic.
    lowest : float
        Smallest value on a logarithmic axis. Smaller values, including 0, are drawn there.

    Returns
    -------
    matplotlib.axes.Axes
        One step line of relative frequency for each group with at least 30 values. Each line sums
        to 1 over the same bins. Each detection has a black vertical line. With more than 12
        detections, each gets a tick above the curves instead. Then a line marks their median, and
        a grey band marks their middle 68 %.
    """
    lowest = lowest if is_log else -np.inf
    theirs = np.maximum(np.asarray(values, dtype=float), lowest)
    lines = np.maximum(np.asarray(own, dtype=float), lowest)
    lines = lines[np.isfinite(lines)]
    group = np.asarray(group, dtype=object)
    fine = np.isfinite(theirs) & np.isin(group, list(groups))
    edges = _edges(theirs[fine], lines, is_log)
    looks = look_of(groups)
    for g in groups:
        chosen = theirs[fine & (group == g)]
        if len(chosen) >= _FEWEST:
            # What lies beyond the axis is counted in its last bin.
            counts, _ = np.histogram(np.clip(chosen, edges[0], edges[-1]), edges)
            label = f"{printable(g)} ({len(chosen):,})"
            ax.stairs(counts / len(chosen), edges, color=looks[g][0], linewidth=1.2, label=label)
    ax.set_ylim(bottom=0)
    _own(ax, lines)
    ax.set(xlim=(edges[0], edges[-1]), xlabel=name)
    if is_log:
        _logarithmic(ax, "x")
    if not len(lines):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
        middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.8, "missing", **middle, bbox=box, fontsize=8)
    return ax


def _own(ax: Axes, values: NDArray[np.float64]) -> None:
    """Draw a line at each value of a source; of many their median, spread and places."""
    if len(values) <= _MOST_LINES:
        for x in values:
            ax.axvline(x, color="black", linewidth=0.9, alpha=0.9)
        return
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
    ax.axvspan(low, high, color="#000000", alpha=0.13, linewidth=0, zorder=0.5)
    ax.axvline(middle, color="black", linewidth=1.2)
    ax.set_ylim(top=1.12 * ax.get_ylim()[1])
    ax.plot(
        values,
        np.full(len(values), 0.95),
        color="black",
        marker="|",
        markersize=4,
        markeredgewidth=0.6,
        alpha=0.5,
        linestyle="none",
        transform=ax.get_xaxis_transform(),
    )


def _logarithmic(ax: Axes, axis: str) -> None:
    """Make an axis logarithmic, with few and plain labels: a page may not parse formulae."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set(**{f"{axis}scale": "log"})
    low, high = (ax.get_xlim if axis == "x" else ax.get_ylim)()
    within_a_decade = high / low < 50
    scale = ax.xaxis if axis == "x" else ax.yaxis
    scale.set_major_locator(
        LogLocator(
            subs=(1, 2, 5) if within_a_decade else (1,), numticks=5 if within_a_decade else 4
        )
    )
    scale.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    scale.set_minor_formatter(NullFormatter())


def _edges(
    values: NDArray[np.float64], own: NDArray[np.float64], is_log: bool
) -> NDArray[np.float64]:
    """Return the bins: over the middle 99 % of the values, and all of the source's."""
    if not len(values) and not len(own):
        return np.geomspace(_LOWEST, 1, _BINS + 1) if is_log else np.linspace(0, 1, _BINS + 1)
    ends = np.percentile(values, [0.5, 99.5]) if len(values) else np.array([own.min(), own.max()])
    low, high = min(ends[0], own.min(initial=np.inf)), max(ends[1], own.max(initial=-np.inf))
    if is_log:
        ratio = max(high / low, 1.5) ** 0.03
        return np.geomspace(low / ratio, high * ratio, _BINS + 1)
    margin = 0.03 * max(high - low, 1e-3)
    return np.linspace(low - margin, high + margin, _BINS + 1)


def source_in_plane(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    group: PerPoint,
    groups: Sequence[str],
    own_x: ArrayLike,
    own_y: ArrayLike,
    names: tuple[str, str],
    is_log: tuple[bool, bool] = (False, False),
) -> Axes:
    """Scatter the groups in a plane of two features, and mark a source's detections as black stars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array_like, (n,)
    group : sequence of str or None, (n,)
    groups : sequence of str
    own_x, own_y : array_like, (k,)
        Points with NaN are left out, in the groups as well.
    names : tuple of two str
    is_log : tuple of two bool

    Returns
    -------
    matplotlib.axes.Axes
    """
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    looks, members = look_of(groups), members_of(across, up, group, groups)
    for g, rows, zorder, _ in in_layers(members):
        colour, marker = looks[g]
        ax.scatter(
            across[rows],
            up[rows],
            s=7,
            c=colour,
            marker=marker,
            alpha=0.5,
            linewidths=0,
            rasterized=True,
            zorder=zorder,
        )
    size = float(np.clip(400 / max(np.size(own_x), 1), 14, 60))
    ax.scatter(
        own_x, own_y, s=size, c="black", marker="*", edgecolors="white", linewidths=0.4, zorder=5
    )
    for axis, log in zip(("x", "y"), is_log, strict=True):
        if log:
            _logarithmic(ax, axis)
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax
