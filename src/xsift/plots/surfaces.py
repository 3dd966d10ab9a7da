"""Densities in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.names import printable
from xsift.plots.style import look_of, ramp_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["density_contours", "density_surface"]


def density_surface(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    density: ArrayLike,
    levels: Sequence[float] = (),
    colour: str = "#0072B2",
) -> Axes:
    """Draw a density as shades of a colour, on a scale of square roots, with contours.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array_like, (n,), (m,)
        Centres of the cells.
    density : array_like, (n, m)
        ``[i, j]`` at the i-th x and j-th y.
    levels : sequence of float
        Densities at which to draw a contour; NaN is left out.
    colour : str

    Returns
    -------
    matplotlib.axes.Axes
        A mesh (rasterised), then the contours.
    """
    from matplotlib.colors import PowerNorm

    z = np.asarray(density, dtype=float)
    highest = float(z.max(initial=0.0)) or 1.0
    ax.pcolormesh(
        np.asarray(x, dtype=float),
        np.asarray(y, dtype=float),
        z.T,
        cmap=ramp_of(colour),
        norm=PowerNorm(0.5, 0, highest),
        shading="nearest",
        rasterized=True,
        zorder=1,
    )
    at = _rising(levels)
    if at:
        ax.contour(x, y, z.T, levels=at, colors="#222222", linewidths=0.7, zorder=2)
    return ax


def density_contours(
    ax: Axes,
    surfaces: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike, Sequence[float]]],
    looks: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw contours of several populations over each other.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    surfaces : mapping of str to (x, y, density, levels)
        As in `density_surface`; the highest level is drawn thickest.
    looks : mapping of str to pair of str, optional
        Colour and line style. [default: those of the groups]

    Returns
    -------
    matplotlib.axes.Axes
        One contour set per population that has a level, and an empty line with its name for the
        legend.
    """
    own = look_of(list(surfaces))
    for name, (x, y, density, levels) in surfaces.items():
        colour, style = looks[name] if looks else (own[name][0], "-")
        at = _rising(levels)
        if not at:
            continue
        widths = np.linspace(0.6, 1.6, len(at)).tolist() if len(at) > 1 else [1.4]
        z = np.asarray(density, dtype=float).T
        ax.contour(x, y, z, levels=at, colors=colour, linestyles=style, linewidths=widths)
        ax.plot([], [], color=colour, linestyle=style, linewidth=1.4, label=printable(name))
    return ax


def _rising(levels: Sequence[float]) -> list[float]:
    return sorted({v for v in levels if np.isfinite(v) and v > 0})
