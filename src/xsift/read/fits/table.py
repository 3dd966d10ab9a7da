"""What binary and ASCII tables have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pyarrow as pa

from xsift.errors import TableError
from xsift.read.fits.column import Column, UnreadableColumn, columns_of
from xsift.read.fits.hdu import Hdu
from xsift.read.unreadable import unreadable

__all__ = ["FitsTable"]


class FitsTable(ABC):
    """A table extension.

    Parameters
    ----------
    hdu : Hdu

    Attributes
    ----------
    number : int
        Of the HDU in its file.
    names : tuple of str
    n_rows : int
    width : int
        Bytes of a row.
    """

    def __init__(self, hdu: Hdu) -> None:
        self.hdu, self.number = hdu, hdu.number
        self._columns = columns_of(hdu)
        self.names = tuple(c.name for c in self._columns)
        self.width, self.n_rows = hdu.integer("NAXIS1"), hdu.integer("NAXIS2")

    def columns(self) -> list[tuple[pa.Field, pa.Array]]:
        """Return the columns in their order."""
        made = []
        for at, column in enumerate(self._columns):
            try:
                values = self._values(at)
            except UnreadableColumn as error:
                made.append(unreadable(column.name, self.n_rows, str(error)))
                continue
            field = pa.field(column.name, values.type, metadata={"unit": column.unit})
            made.append((field, values))
        return made

    @abstractmethod
    def _values(self, at: int) -> pa.Array:
        """Return the values of a column; UnreadableColumn where they cannot be read."""

    def _odd_form(self, column: Column) -> TableError:
        return self.hdu.fail(f"column {column.name}: TFORM {column.form[:40]!r} is none of FITS")
