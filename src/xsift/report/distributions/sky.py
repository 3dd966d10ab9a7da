"""The density of sources on the sky, smoothed on the sphere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

__all__ = ["sky_densities", "sky_density"]

_FINE = (360, 180)
_CHUNK = 500
SMOOTHING_DEG = 5.0
"""Radius of the kernel (its standard deviation in each direction)."""
N_LON, N_LAT = 180, 90
"""Cells of a map, equal in longitude and in latitude."""


def sky_density(
    lon_deg: np.ndarray,
    lat_deg: np.ndarray,
    code: np.ndarray,
    n_populations: int,
    smoothing_deg: float = SMOOTHING_DEG,
) -> np.ndarray:
    """Smooth the positions of each population with a von Mises-Fisher kernel.

    Positions are first put into cells of 1 deg in longitude and latitude, so that the cost does
    not grow with their number; the kernel is wider than a cell.

    Parameters
    ----------
    lon_deg, lat_deg : ndarray of shape (n,)
        NaN is left out.
    code : ndarray of int, shape (n,)
        Population; -1: none.
    n_populations : int
    smoothing_deg : float

    Returns
    -------
    ndarray of shape (n_populations, N_LON, N_LAT)
        Sources per square degree at the centres of the map's cells, longitudes from -180 deg.
        Its integral over the sphere is the number of sources.
    """
    known = np.isfinite(lon_deg) & np.isfinite(lat_deg) & (code >= 0)
    lon = (lon_deg[known] + 180) % 360
    column = np.minimum(lon.astype(np.int64), _FINE[0] - 1)
    row = np.clip((lat_deg[known] + 90).astype(np.int64), 0, _FINE[1] - 1)
    cells, at = np.unique(column * _FINE[1] + row, return_inverse=True)
    counts = np.zeros((len(cells), n_populations))
    np.add.at(counts, (at, code[known]), 1)
    # Of each cell its middle; with few sources their own places would do no better at this width.
    cell_lon = np.radians(cells // _FINE[1] + 0.5 - 180)
    cell_lat = np.radians(cells % _FINE[1] + 0.5 - 90)
    centres = _unit(cell_lon, cell_lat)
    lon_grid, lat_grid = map_centres()
    targets = _unit(
        *(np.radians(g).ravel() for g in np.meshgrid(lon_grid, lat_grid, indexing="ij"))
    )
    kappa = np.degrees(1.0) ** 2 / smoothing_deg**2
    norm = kappa / (2 * np.pi * -np.expm1(-2 * kappa)) * np.radians(1.0) ** 2
    out = np.empty((len(targets), n_populations))
    for start in range(0, len(targets), _CHUNK):
        cosine = targets[start : start + _CHUNK] @ centres.T
        out[start : start + _CHUNK] = norm * np.exp(kappa * (cosine - 1)) @ counts
    return np.moveaxis(out.reshape(N_LON, N_LAT, n_populations), 2, 0)


def sky_densities(
    lon_deg: np.ndarray, lat_deg: np.ndarray, code: np.ndarray, names: Sequence[str]
) -> pa.Table:
    """Return the map of each population that has a source with a position, as a long table.

    Returns
    -------
    pyarrow.Table
        ``population``, ``n``, ``l_deg``, ``b_deg`` (centres of cells) and ``per_deg2``:
        `N_LON` times `N_LAT` rows per population, latitude running fastest.
    """
    known = np.isfinite(lon_deg) & np.isfinite(lat_deg) & (code >= 0)
    n = np.bincount(code[known], minlength=len(names))
    drawn = np.flatnonzero(n)
    density = sky_density(lon_deg, lat_deg, code, len(names))[drawn]
    lon, lat = (g.ravel() for g in np.meshgrid(*map_centres(), indexing="ij"))
    size, named = N_LON * N_LAT, np.asarray(names, dtype=object)
    return pa.table(
        {
            "population": pa.array(named[np.repeat(drawn, size)], pa.string()),
            "n": np.repeat(n[drawn], size),
            "l_deg": np.tile(lon.astype(np.float32), len(drawn)),
            "b_deg": np.tile(lat.astype(np.float32), len(drawn)),
            "per_deg2": density.ravel().astype(np.float32),
        }
    )


def map_centres() -> tuple[np.ndarray, np.ndarray]:
    """Return longitudes (-180 to 180 deg) and latitudes of the map's cells."""
    lon = (np.arange(N_LON) + 0.5) * 360 / N_LON - 180
    lat = (np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90
    return lon, lat


def _unit(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
