"""HATS: a table cut into files by HEALPix cell, so that a tool reads only the sky it needs.

Layout and properties: IVOA note HATS 1.0 (LSDB, CDS), without margins and thumbnails.

Written by hand: the library `hats` reads such folders and validates them, as the tests have it do,
but it cuts no tables (that takes LSDB, on Dask), and loads for seconds to write two small files.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from xsift.errors import need
from xsift.publish.coverage import positions
from xsift.publish.resource import Resource, ResourceTable, printable

__all__ = ["INDEX", "hats_properties", "partition_info", "partitions"]

INDEX = "_healpix_29"
"""Column that each partition is sorted by: the HEALPix cell (nested) at order 29."""

_ROWS = 1_000_000
_TOP = 29
_MAX_ORDER = 10


def partitions(table: pa.Table, max_rows: int = _ROWS) -> dict[tuple[int, int], pa.Table]:
    """Cut a table into the largest cells that hold at most `max_rows` rows each.

    Parameters
    ----------
    table : pyarrow.Table
        With ra and dec, deg. Rows without a position have no cell, and are left out.
    max_rows : int
        A cell of order 10 (3.4 arcmin) may hold more.

    Returns
    -------
    dict
        By HEALPix order and cell number: the rows, with the column `INDEX`, in its order.

    Raises
    ------
    MissingPackageError
        If cdshealpix is not installed.
    """
    ra, dec, placed = positions(table)
    cells = _cells(ra, dec)
    order = np.argsort(cells, kind="stable")
    rows = table.filter(pa.array(placed)).take(pa.array(order))
    index = pa.field(INDEX, pa.int64(), metadata={"ucd": "pos.healpix"})
    rows = rows.add_column(0, index, pa.array(cells[order]))
    found = {}
    for at, number, start, stop in _split(cells[order], max_rows):
        found[at, number] = rows.slice(start, stop - start)
    return found


def _split(cells: np.ndarray, max_rows: int) -> list[tuple[int, int, int, int]]:
    """List order, number, first row and end of each partition of sorted cells of order 29."""
    pending = [(0, number) for number in range(11, -1, -1)]
    found = []
    while pending:
        order, number = pending.pop()
        shift = 2 * (_TOP - order)
        start, stop = np.searchsorted(cells, [number << shift, (number + 1) << shift]).tolist()
        if stop - start > max_rows and order < _MAX_ORDER:
            pending += [(order + 1, 4 * number + child) for child in (3, 2, 1, 0)]
        elif stop > start:
            found.append((order, number, start, stop))
    return found


def _cells(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    need("cdshealpix", "cannot publish")
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    if not len(ra):
        return np.empty(0, dtype=np.int64)
    cells = lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), _TOP)
    return np.asarray(cells, dtype=np.int64)


def partition_info(found: dict[tuple[int, int], pa.Table]) -> str:
    """Return ``partition_info.csv``: which partitions there are."""
    lines = [f"{order},{number}" for order, number in sorted(found)]
    return "\n".join(["Norder,Npix", *lines, ""])


def hats_properties(
    resource: Resource, table: ResourceTable, found: dict[tuple[int, int], pa.Table]
) -> str:
    """Return ``hats.properties``."""
    said = {
        "obs_collection": f"{resource.schema}_{table.name}",
        "obs_title": f"{resource.title}: {table.name}",
        "obs_regime": "X-ray",
        "dataproduct_type": "object" if table.key else "source",
        "hats_nrows": sum(len(rows) for rows in found.values()),
        "hats_col_ra": "ra",
        "hats_col_dec": "dec",
        "hats_col_healpix": INDEX,
        "hats_col_healpix_order": _TOP,
        "hats_max_rows": _ROWS,
        "hats_order": max((order for order, _ in found), default=0),
        "hats_npix_suffix": ".parquet",
        "hats_creation_date": resource.created,
        "hats_builder": "xsift",
        "hats_version": "v1.0",
    }
    return "".join(f"{key}={_one_line(str(value))}\n" for key, value in said.items())


def _one_line(text: str) -> str:
    # A backslash begins an escape in a file of properties, or carries the value into the next line.
    return " ".join(printable(text).split()).replace("\\", "\\\\")
