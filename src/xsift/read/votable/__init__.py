"""VOTable: as TAP services, the Chandra command line, TOPCAT and astropy write it.

The reader is our own, on Python's XML parser. astropy's opens the addresses that a file names, cuts
text to declared sizes, and sets aside memory for what a file only declares.
"""

from __future__ import annotations

import warnings

import pyarrow as pa

from xsift.errors import TableError, XsiftWarning, first_line
from xsift.read.choose import Offered, assembled, choose_table
from xsift.read.damage import refuse_damage
from xsift.read.source import Source
from xsift.read.votable.walk import Walk

__all__ = ["read_votable"]


def read_votable(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a table of a VOTable; what it declares as null, NaN and blank text become null.

    Columns carry the FIELD's `name`, not its ID: the Chandra command line writes IDs ``col1``,
    ``col2``. Text is whole, whatever length is declared. Numbers written as text stay text where
    one of the column is none (see `xsift.read.written`). Nothing outside the file is opened. An
    error message of a TAP service is refused; an answer that a row limit cut off (OVERFLOW) is read
    with a warning.

    Arguments are those of `read_fits`. TableError where the file is damaged, hostile (entities,
    references to other files) or has no table.
    """
    with refuse_damage(source.path, "VOTable"):
        walk = Walk(source.path, source.content)
        _heed_query_status(source, walk.said)
        if not walk.tables:
            raise TableError(f"{source.path}: the VOTable holds no table")
        offered = [
            Offered(t.name, tuple(f.name for f in t.fields), t.rows.n_rows if t.rows else 0)
            for t in walk.tables
        ]
        table = walk.tables[choose_table(source.path, offered, columns or ())]
        if table.rows is None:
            empty = [pa.field(f.name, f.kind or pa.string()) for f in table.fields]
            return pa.schema(empty).empty_table()
        return assembled(table.rows.columns())


def _heed_query_status(source: Source, said: list[tuple[str, str]]) -> None:
    for value, text in said:
        if value == "ERROR":
            why = f": {first_line(text)}" if text.strip() else ""
            raise TableError(f"{source.path}: not a table but a service's error message{why}")
    if any(value == "OVERFLOW" for value, _ in said):
        warnings.warn(
            f"{source.path}: the service cut this table off at its row limit",
            XsiftWarning,
            stacklevel=3,
        )
