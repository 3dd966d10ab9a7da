"""Maps of the sky."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xsift.plots.legends import legend_beside
from xsift.plots.style import PerPoint, scatter_groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

__all__ = ["UNSEEN", "galactic_density", "galactic_map", "galactic_points", "galactic_unseen"]

UNSEEN = "#d8d8d8"
"""Grey of a map where the survey has found nothing at all."""

_LABEL: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5}


def galactic_map(
    ax: Axes, l_deg: ArrayLike, b_deg: ArrayLike, group: PerPoint, groups: Sequence[str]
) -> Axes:
    """Map sources in Galactic coordinates, coloured by group.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Created with ``projection="mollweide"``. Longitude increases to the left, as seen from
        inside the sphere.
    l_deg, b_deg : array_like, (n,)
        Galactic longitude and latitude, deg. NaN is left out.
    group : sequence of str or None, (n,)
        Sources are left out if their group is None or is not in `groups`.
    groups : sequence of str
        Groups to draw, in the order of the legend.

    Returns
    -------
    matplotlib.axes.Axes
    """
    wrapped = (np.asarray(l_deg, dtype=float) + 180) % 360 - 180
    # Mollweide axes cannot be inverted: the points go to -l and the labels follow.
    scatter_groups(ax, -np.radians(wrapped), np.radians(np.asarray(b_deg, float)), group, groups)
    _graticule(ax)
    ax.set_xlabel("Galactic $l$ (deg)")
    ax.set_ylabel("Galactic $b$ (deg)")
    return legend_beside(ax)


def galactic_density(
    ax: Axes,
    l_deg: ArrayLike,
    b_deg: ArrayLike,
    density: ArrayLike,
    levels: tuple[float, float],
    near: ArrayLike | None = None,
) -> QuadMesh:
    """Map a density on the sky in Galactic coordinates, on a logarithmic scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Created with ``projection="mollweide"``. Longitude increases to the left.
    l_deg, b_deg : array_like, (n,), (m,)
        Centres of the cells, deg, equally spaced over the whole sky.
    density : array_like, (n, m)
    levels : pair of float
        Lowest and highest density of the colour scale. The map is white below the lowest.
    near : array_like of bool, (n, m), optional
        True for cells in which the survey has found any source. The other cells are grey.

    Returns
    -------
    matplotlib.collections.QuadMesh
        Rasterised. Pass it to a colour bar.
    """
    from matplotlib.colors import LogNorm

    edges, z = _mirrored(l_deg, b_deg, np.asarray(density, dtype=float))
    mesh = ax.pcolormesh(
        *edges,
        np.ma.masked_less(z, levels[0]),
        cmap="viridis_r",
        norm=LogNorm(*levels),
        rasterized=True,
        zorder=1,
    )
    if near is not None:
        galactic_unseen(ax, l_deg, b_deg, near)
    _graticule(ax, size=5.5)
    return mesh


def galactic_unseen(ax: Axes, l_deg: ArrayLike, b_deg: ArrayLike, near: ArrayLike) -> Axes:
    """Paint the cells grey in which the survey has found no source, on a Galactic map.

    Parameters
    ----------
    ax, l_deg, b_deg
        As in `galactic_density`.
    near : array_like of bool, (n, m)
        False for the cells to paint grey.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.colors import ListedColormap

    edges, seen = _mirrored(l_deg, b_deg, np.asarray(near, dtype=bool))
    grey = np.ma.masked_array(np.ones(seen.shape), seen)
    cmap = ListedColormap([UNSEEN])
    ax.pcolormesh(*edges, grey, cmap=cmap, rasterized=True, zorder=0.9)
    return ax


def galactic_points(
    ax: Axes,
    l_deg: ArrayLike,
    b_deg: ArrayLike,
    colour: str,
    grid: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
) -> Axes:
    """Map a few sources in Galactic coordinates, with one marker each.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Created with ``projection="mollweide"``. Longitude increases to the left.
    l_deg, b_deg : array_like, (n,)
    colour : str
    grid : tuple of (l_deg, b_deg, near), optional
        As in `galactic_unseen`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if grid is not None:
        galactic_unseen(ax, *grid)
    wrapped = (np.asarray(l_deg, dtype=float) + 180) % 360 - 180
    at = -np.radians(wrapped), np.radians(np.asarray(b_deg, dtype=float))
    ax.scatter(*at, s=12, c=colour, linewidths=0, zorder=6)
    _graticule(ax, size=5.5)
    return ax


def _mirrored(
    l_deg: ArrayLike, b_deg: ArrayLike, values: NDArray[Any]
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], NDArray[Any]]:
    """Return the edges of the cells, rad, and the values of a map whose longitude runs left."""
    lon, lat = np.asarray(l_deg, dtype=float), np.asarray(b_deg, dtype=float)
    x = -((lon + 180) % 360 - 180)
    order = np.argsort(x)
    return (np.radians(_edges(x[order])), np.radians(_edges(lat))), values[order].T


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    step = centres[1] - centres[0]
    return np.append(centres - step / 2, centres[-1] + step / 2)


def _graticule(ax: Axes, size: float = 8) -> None:
    from matplotlib.patheffects import withStroke

    at = np.arange(-150, 151, 30)
    ax.set_xticks(np.radians(at), [""] * len(at))
    for a in at[at % 60 == 0]:
        # Tick labels would lie below the points.
        text = ax.text(np.radians(a), 0, f"{-a % 360}°", **_LABEL, fontsize=size)
        text.set_path_effects([withStroke(linewidth=0.3 * size, foreground="white")])
    up = np.arange(-60, 61, 30)
    ax.set_yticks(
        np.radians(up), [f"{b:+d}°".replace("-", "\N{MINUS SIGN}") if b else "0°" for b in up]
    )
    ax.grid(True, color="#cccccc", linewidth=0.5)
