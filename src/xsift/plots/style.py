"""Colours and markers of the groups, and the style of all figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xsift.plots.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

__all__ = [
    "GROUP_COLOURS",
    "GROUP_MARKERS",
    "figure_style",
    "scatter_groups",
    "scatter_values",
]

GROUP_COLOURS = {
    **{"AGN": "#0072B2", "Seyfert": "#E69F00", "XB": "#009E73", "YSO": "#CC3311"},
    **{"Star": "#CC79A7", "CV": "#56B4E9", "Galaxy": "#882255", "ULX": "#332288"},
}
"""Colour of each group: told apart with any colour vision (Okabe & Ito; P. Tol)."""

NONE_COLOUR = "#777777"
"""Colour of what is none of the classes."""

NONE_MARKER = "D"
"""Its marker: one that is filled, as points are drawn without edges."""

GROUP_MARKERS = {
    **{"AGN": "^", "Seyfert": "X", "XB": "s", "YSO": "o"},
    **{"Star": "*", "CV": "P", "Galaxy": "v", "ULX": "<"},
}
"""Marker of each group."""

PerPoint = Sequence[str | None] | NDArray[np.object_]
"""A name for each point, such as its group; None where it has none."""

_LAYERS, _CROWD = 12, 500
"""Parts into which a group is cut, where there are more points than can lie side by side."""

_MORE_COLOURS = (
    *("#CC79A7", "#56B4E9", "#332288", "#999933", "#882255", "#555555"),
    *("#44AA99", "#DDAA33", "#117733", "#AA4499", "#663300", "#6699CC"),
)
_MORE_MARKERS = ("v", "P", "<", ">", "*", "p", "h", "d")


def figure_style() -> dict[str, Any]:
    """Return Matplotlib settings for printed figures: ``with rc_context(figure_style()): ...``."""
    return {
        "font.size": 9,
        "axes.labelsize": 10,
        "axes.titlesize": 10,
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.5,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "figure.dpi": 100,
        "savefig.dpi": 200,
        "savefig.bbox": "tight",
        "pdf.fonttype": 42,
    }


def class_colours(group: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Give each class, by the group that it belongs to, a shade of the group's colour.

    Parameters
    ----------
    group : sequence of str, (k,)
        Group of each class.
    groups : sequence of str
        All groups, in the order of the legend.
    """
    looks, found = look_of(groups), []
    for i, name in enumerate(group):
        shades = shades_of(looks[name][0], list(group).count(name))
        found.append(shades[list(group[:i]).count(name)])
    return found


def shades_of(colour: str, n: int) -> list[str]:
    """Return `n` shades of a colour, from itself to a lighter one."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    lighter = [0.55 * i / max(n - 1, 1) for i in range(n)]
    return [
        str(to_hex((red + (1 - red) * t, green + (1 - green) * t, blue + (1 - blue) * t)))
        for t in lighter
    ]


def ramp_of(colour: str) -> Any:
    """Return a colour map from white through a colour to a dark shade of it."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    dark = to_hex((0.45 * red, 0.45 * green, 0.45 * blue))
    return LinearSegmentedColormap.from_list(f"ramp {colour}", ["white", colour, str(dark)])


def look_of(groups: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give each group its colour and marker; a group without its own takes the next free pair."""
    own = {name: (GROUP_COLOURS[name], GROUP_MARKERS[name]) for name in GROUP_COLOURS}
    own["none"] = (NONE_COLOUR, NONE_MARKER)
    taken = {sign for name in groups if name in own for sign in own[name]}
    colours = [c for c in _MORE_COLOURS if c not in taken]
    markers = [m for m in _MORE_MARKERS if m not in taken]
    others = dict.fromkeys(name for name in groups if name not in own)
    for n, name in enumerate(others):
        # When every colour is taken, the next group has the first one's and another marker.
        shift = n // len(colours)
        own[name] = (colours[n % len(colours)], markers[(n + shift) % len(markers)])
    return {name: own[name] for name in groups}


def scatter_groups(
    ax: Axes, x: ArrayLike, y: ArrayLike, group: PerPoint, groups: Sequence[str]
) -> int:
    """Scatter points by group, and label each group with its number of points.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array_like, (n,)
        NaN and infinity are left out.
    group, groups
        As in `galactic_map`.

    Returns
    -------
    int
        Number of points drawn.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    looks, members = look_of(groups), members_of(x, y, group, groups)
    n = int(sum(rows.sum() for rows in members.values()))
    size, alpha = weight_of(n)
    for name, rows, zorder, is_first in in_layers(members):
        colour, marker = looks[name]
        label = f"{printable(name)} ({members[name].sum():,})"
        ax.scatter(
            x[rows],
            y[rows],
            s=size,
            c=colour,
            marker=marker,
            alpha=alpha,
            linewidths=0,
            rasterized=True,
            zorder=zorder,
            label=label if is_first and len(rows) else "_nolegend_",
        )
    return n


def scatter_values(ax: Axes, x: ArrayLike, y: ArrayLike, values: ArrayLike) -> PathCollection:
    """Scatter points coloured by a number from 0 to 1, in a reproducible random order.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y, values : array_like, (n,)
        A point with a NaN is left out.

    Returns
    -------
    matplotlib.collections.PathCollection
        Pass it to a colour bar.
    """
    x, y, values = (np.asarray(v, dtype=float) for v in (x, y, values))
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(values))
    np.random.default_rng(0).shuffle(rows)
    size, _ = weight_of(len(rows))
    return ax.scatter(
        x[rows],
        y[rows],
        s=size,
        c=values[rows],
        cmap="viridis",
        vmin=0,
        vmax=1,
        linewidths=0,
        rasterized=True,
    )


def in_layers(
    members: dict[str, NDArray[np.bool_]],
) -> list[tuple[str, NDArray[np.intp], float, bool]]:
    """Cut the groups into layers that alternate, so that none hides another.

    Rows are shuffled in the same way each time. A group of fewer than a 20th of the points lies on
    top as a whole: the crowd would hide it.

    Returns
    -------
    list of (name, rows, zorder, is_first)
        By group in the order of the legend; the first part of a group carries its label.
    """
    n = int(sum(rows.sum() for rows in members.values()))
    above = rarest_last(members)
    layers = _LAYERS if n > _CROWD else 1
    found = []
    for name, inside in members.items():
        rows, rank = np.flatnonzero(inside), above.index(name)
        np.random.default_rng(0).shuffle(rows)
        cut = 1 if len(rows) < 0.05 * n else layers
        for i in range(cut):
            layer = layers if cut == 1 else i
            found.append(
                (name, np.sort(rows[i::cut]), 2 + 0.5 * layer / layers + rank / 1e4, not i)
            )
    return found


def members_of(
    x: NDArray[np.float64], y: NDArray[np.float64], group: PerPoint, groups: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """Return which points belong to each group and can be drawn."""
    group, finite = np.asarray(group, dtype=object), np.isfinite(x) & np.isfinite(y)
    return {name: finite & (group == name) for name in groups}


def rarest_last(members: dict[str, NDArray[np.bool_]]) -> list[str]:
    """Order groups so that the rarest is drawn on top: the crowd would hide it."""
    return sorted(members, key=lambda name: -int(members[name].sum()))


def weight_of(n: int) -> tuple[float, float]:
    """Return marker area (points squared) and opacity that keep `n` points readable."""
    crowd = np.clip(np.log10(max(n, 1)), 2, 5)
    size = np.interp(crowd, [2, 3, 4, 5], [26, 14, 6, 2])
    alpha = np.interp(crowd, [2, 3, 4, 5], [0.9, 0.75, 0.5, 0.25])
    return float(size), float(alpha)
