"""FITS binary and ASCII tables.

astropy parses the headers. The rows are read here: astropy compares TNULL with scaled values, cuts
text to TDIM, and believes the sizes that a header declares.
"""

from __future__ import annotations

import pyarrow as pa

from xsift.errors import TableError
from xsift.read.choose import Offered, assembled, choose_table
from xsift.read.damage import refuse_damage
from xsift.read.fits.ascii import AsciiTable
from xsift.read.fits.binary import BinaryTable
from xsift.read.fits.hdu import hdus_of
from xsift.read.fits.table import FitsTable
from xsift.read.source import Source

__all__ = ["read_fits", "tables"]


def tables(where: str, content: bytes) -> list[FitsTable]:
    """Find the tables of a FITS file that have columns.

    Raises
    ------
    TableError
        If the file is cut off or damaged.
    """
    found: list[FitsTable] = []
    for hdu in hdus_of(where, content):
        kind = hdu.text("XTENSION")
        if kind not in ("BINTABLE", "TABLE") or hdu.get("ZIMAGE") is True:
            continue
        if hdu.get("BITPIX") != 8 or hdu.integer("NAXIS") != 2 or hdu.integer("GCOUNT", 1) != 1:
            raise hdu.fail(f"a {kind} with other BITPIX, NAXIS or GCOUNT than 8, 2 and 1")
        if hdu.get("ZTABLE") is True:
            raise hdu.fail("a compressed table: uncompress it with funpack")
        if hdu.integer("TFIELDS"):
            found.append((BinaryTable if kind == "BINTABLE" else AsciiTable)(hdu, content))
    return found


def read_fits(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a table of a FITS file; NaN, TNULL and blank text become null.

    Integers keep their kind, text is whole; TOPCAT's column-oriented tables are turned.

    Parameters
    ----------
    source : Source
    columns : list of str, optional
        Of several tables, the one with the most of these is read.

    Raises
    ------
    TableError
        If the file is cut off or damaged, or has no table.
    """
    with refuse_damage(source.path, "FITS table"):
        found = tables(source.path, source.content)
        if not found:
            raise TableError(f"{source.path}: the FITS file holds no table, only images")
        offered = [Offered(_label(t), t.names, t.n_rows) for t in found]
        return assembled(found[choose_table(source.path, offered, columns or ())].columns())


def _label(table: FitsTable) -> str:
    name = table.hdu.text("EXTNAME")
    return f"{table.number} ({name[:60]})" if name else str(table.number)
