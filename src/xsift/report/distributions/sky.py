"""The density of sources on the sky, smoothed on the sphere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xsift.report.distributions.kde import FEWEST

__all__ = ["sky_densities", "sky_density", "sky_near"]

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

    Positions are first binned into cells of 1 deg in longitude and latitude. Therefore the cost
    does not grow with their number. The kernel is wider than a cell.

    Parameters
    ----------
    lon_deg, lat_deg : ndarray of shape (n,)
        NaN is left out.
    code : ndarray of int, shape (n,)
        Population of each source. -1 means none.
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
    """Return the maps of all populations that have a source with a position, as a long table.

    Returns
    -------
    pyarrow.Table
        ``population``, ``n``, ``l_deg``, ``b_deg`` (centres of cells) and ``per_deg2``:
        `N_LON` times `N_LAT` rows per population, with latitude varying fastest. A population with
        fewer than `FEWEST` sources has one row per source, and its density is NaN.
    """
    known = np.isfinite(lon_deg) & np.isfinite(lat_deg) & (code >= 0)
    n = np.bincount(code[known], minlength=len(names))
    many = np.flatnonzero(n >= FEWEST)
    place = np.full(len(names) + 1, -1)
    place[many] = np.arange(len(many))
    density = sky_density(lon_deg, lat_deg, place[code], len(many))
    lon, lat = (g.ravel() for g in np.meshgrid(*map_centres(), indexing="ij"))
    parts = []
    for k in np.flatnonzero(n).tolist():
        mine = known & (code == k)
        at_lon, at_lat, per_deg2 = lon_deg[mine], lat_deg[mine], np.full(n[k], np.nan)
        if place[k] >= 0:
            at_lon, at_lat, per_deg2 = lon, lat, density[place[k]].ravel()
        columns = {"l_deg": at_lon, "b_deg": at_lat, "per_deg2": per_deg2}
        singles = {c: v.astype(np.float32) for c, v in columns.items()}
        size = len(at_lon)
        parts.append(pa.table({"population": [names[k]] * size, "n": [n[k]] * size, **singles}))
    return pa.concat_tables(parts)


def sky_near(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Tell in which cells of the map the catalogue has any source nearby.

    Returns
    -------
    ndarray of bool, shape (N_LON, N_LAT)
        Within some 8 degrees (1.6 times `SMOOTHING_DEG`) of a lone source, farther from many.
    """
    every = np.zeros(len(lon_deg), dtype=np.int64)
    alone = 1 / (2 * np.pi * SMOOTHING_DEG**2)
    return np.asarray(sky_density(lon_deg, lat_deg, every, 1)[0] > 0.3 * alone)


def map_centres() -> tuple[np.ndarray, np.ndarray]:
    """Return longitudes (-180 to 180 deg) and latitudes of the map's cells."""
    lon = (np.arange(N_LON) + 0.5) * 360 / N_LON - 180
    lat = (np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90
    return lon, lat


def _unit(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
