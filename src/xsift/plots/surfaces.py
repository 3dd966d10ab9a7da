"""Densities in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xsift.plots.names import printable
from xsift.plots.style import look_of, ramp_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["density_contours", "density_surface", "level_key", "source_points"]

_SHADES = 12
_THIN, _THICK = 0.6, 1.6


def density_surface(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    density: ArrayLike,
    levels: Sequence[float] = (),
    colour: str = "#0072B2",
) -> Axes:
    """Draw a density as shades of one colour, on a square-root scale, with contours.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array_like, (n,), (m,)
        Centres of the cells, equally spaced.
    density : array_like, (n, m)
        ``[i, j]`` is the density at the i-th x and the j-th y.
    levels : sequence of float
        Densities at which to draw a contour. NaN is left out.
    colour : str

    Returns
    -------
    matplotlib.axes.Axes
        Filled contours, which stay sharp at any size, and closed contour lines above them.
    """
    at_x, at_y, z = _framed(x, y, density)
    highest, at = float(z.max(initial=0.0)), _rising(levels)
    if highest > 0:
        # White below a 100th of the highest, or half of the lowest contour: a lone source is no
        # streak, and what a contour encloses is not white.
        lowest = min([0.01, *(0.5 * v / highest for v in at[:1])])
        shades = highest * np.linspace(np.sqrt(lowest), 1.0, _SHADES) ** 2
        shades[-1] *= 1 + 1e-9
        colours = ramp_of(colour)(np.linspace(0.06, 1, _SHADES - 1))
        ax.contourf(at_x, at_y, z.T, levels=shades, colors=colours, zorder=1)
    if at:
        ax.contour(at_x, at_y, z.T, levels=at, colors="#222222", linewidths=0.7, zorder=2)
    return ax


def density_contours(
    ax: Axes,
    surfaces: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike, Sequence[float]]],
    looks: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw the contours of several populations in one plane.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    surfaces : mapping of str to (x, y, density, levels)
        As in `density_surface`. The highest level gets the thickest line.
    looks : mapping of str to pair of str, optional
        Colour and line style. [default: those of the groups]

    Returns
    -------
    matplotlib.axes.Axes
        Each population that has a level gets closed contours, and an empty line with its name for
        the legend.
    """
    own = look_of(list(surfaces))
    for name, (x, y, density, levels) in surfaces.items():
        colour, style = looks[name] if looks else (own[name][0], "-")
        at = _rising(levels)
        if not at:
            continue
        widths = np.linspace(_THIN, _THICK, len(at)).tolist() if len(at) > 1 else [1.4]
        at_x, at_y, z = _framed(x, y, density)
        ax.contour(at_x, at_y, z.T, levels=at, colors=colour, linestyles=style, linewidths=widths)
        ax.plot([], [], color=colour, linestyle=style, linewidth=1.4, label=printable(name))
    return ax


def level_key(ax: Axes, labels: Sequence[str]) -> Axes:
    """Add one legend entry for each contour width, thinnest first.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    labels : sequence of str
        The share that each contour encloses, such as "90 %" and "50 %".
    """
    widths = np.linspace(_THIN, _THICK, len(labels)).tolist() if len(labels) > 1 else [1.4]
    for label, width in zip(labels, widths, strict=True):
        ax.plot([], [], color="#222222", linewidth=width, label=label)
    return ax


def source_points(
    ax: Axes,
    points: Mapping[str, tuple[ArrayLike, ArrayLike]],
    groups: Sequence[str],
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the single sources of populations that are too small for a density.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    points : mapping of str to (x, y)
        Points of each population.
    groups : sequence of str
        All populations. They give each name the same colour and marker in every figure.
    colours : mapping of str to str, optional
        [default: those of the groups]
    """
    looks = look_of(list(groups))
    for name, (x, y) in points.items():
        colour, marker = looks[name]
        colour = colours[name] if colours else colour
        ax.scatter(
            x, y, s=22, c=colour, marker=marker, linewidths=0, zorder=4, label=printable(name)
        )
    return ax


def _framed(
    x: ArrayLike, y: ArrayLike, density: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frame a density with zeros, at the outer edges of its cells, so that contours are closed."""
    at_x, at_y = (_to_edges(np.asarray(v, dtype=float)) for v in (x, y))
    z = np.pad(np.asarray(density, dtype=float), 2, mode="edge")
    z[[0, -1], :] = 0.0
    z[:, [0, -1]] = 0.0
    return at_x, at_y, z


def _to_edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add two places at either end: the edge, to which the density reaches, and its frame."""
    first, last = centres[1] - centres[0], centres[-1] - centres[-2]
    low, high = centres[0] - first / 2, centres[-1] + last / 2
    return np.array([low - 1e-3 * first, low, *centres, high, high + 1e-3 * last])


def _rising(levels: Sequence[float]) -> list[float]:
    return sorted({v for v in levels if np.isfinite(v) and v > 0})
