"""Where on the sky a table has something."""

from __future__ import annotations

import pyarrow as pa

from xsift.errors import need
from xsift.write.hats import positions

__all__ = ["ORDER", "coverage"]

ORDER = 7
"""HEALPix order of the coverage: cells of 27 arcmin, about the field of an X-ray telescope."""


def coverage(table: pa.Table) -> str:
    """Return the sky cells that hold a position of the table, as an ASCII MOC.

    The text is empty if the table has no position.

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
