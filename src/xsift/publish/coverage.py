"""Where on the sky a table has something."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import need

__all__ = ["ORDER", "coverage", "positions"]

ORDER = 7
"""HEALPix order of the coverage: cells of 27 arcmin, about the field of an X-ray telescope."""


def coverage(table: pa.Table) -> str:
    """Return the cells that hold a position of the table, as an ASCII MOC; empty without any.

    Raises
    ------
    MissingPackageError
        If MOCPy is not installed.
    """
    ra, dec, _ = positions(table)
    if not len(ra):
        return ""
    need("mocpy", "cannot publish")
    from astropy import units as u
    from mocpy import MOC

    moc = MOC.from_lonlat(ra * u.deg, dec * u.deg, max_norder=ORDER)
    return " ".join(moc.to_string("ascii").split())


def positions(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ra and dec (deg) of the rows that have a position, and which rows these are."""
    if not {"ra", "dec"} <= set(table.column_names):
        return np.empty(0), np.empty(0), np.zeros(table.num_rows, dtype=bool)
    ra, dec = (pc.fill_null(table[c], np.nan).to_numpy() for c in ("ra", "dec"))
    placed = np.isfinite(ra) & (np.abs(dec) <= 90)
    return ra[placed], dec[placed], placed
