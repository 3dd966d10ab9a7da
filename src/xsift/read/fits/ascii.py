"""FITS ASCII tables."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.read import stored
from xsift.read.fits.column import Column, UnreadableColumn
from xsift.read.fits.hdu import Hdu
from xsift.read.fits.table import FitsTable
from xsift.read.written import numbers_or_text, or_null

__all__ = ["AsciiTable"]

_FORM = re.compile(r"([AIFED])(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


class AsciiTable(FitsTable):
    """A TABLE extension; TableError where a column does not lie within its rows."""

    def __init__(self, hdu: Hdu, content: bytes) -> None:
        super().__init__(hdu)
        if self.width == 0 and self.n_rows:
            raise hdu.fail(f"NAXIS1 is 0, NAXIS2 is {self.n_rows:,}")
        data = np.frombuffer(content, np.uint8, self.width * self.n_rows, hdu.start)
        rows = data.reshape(self.n_rows, self.width)
        self._forms = [self._form(c) for c in self._columns]
        self._cells = []
        for at, column in enumerate(self._columns):
            begin, length = hdu.integer(f"TBCOL{at + 1}") - 1, int(self._forms[at][2])
            if begin < 0 or length == 0 or begin + length > self.width:
                raise hdu.fail(
                    f"column {column.name}: {length} characters from TBCOL {begin + 1} on do not "
                    f"lie within rows of {self.width}"
                )
            self._cells.append(rows[:, begin : begin + length])

    def _form(self, column: Column) -> re.Match[str]:
        match = _FORM.fullmatch(column.form)
        if match is None:
            raise self._odd_form(column)
        return match

    def _values(self, at: int) -> pa.ChunkedArray:
        column, (letter, _, decimals) = self._columns[at], self._forms[at].groups()
        text = stored.text_of(self._cells[at])
        if column.null is not None:
            text = or_null(text, pc.equal(text, str(column.null).strip()))
        if letter == "A":
            return text
        if letter == "I":
            numbers = numbers_or_text(text, pa.int64())
        else:
            # By Fortran, 12345 in F8.3 is 12.345; few writers mean it.
            bare = pc.match_substring_regex(text, r"^[+-]?[0-9]+([eEdD][+-]?[0-9]+)?$")
            if int(decimals or 0) and pc.any(bare).as_py():
                raise UnreadableColumn(f"numbers without a decimal point ({column.form})")
            plain = pc.replace_substring_regex(text, r"([0-9.])[dD]([+-]?[0-9]+)$", r"\1E\2")
            numbers = numbers_or_text(plain, pa.float64())
        if pa.types.is_string(numbers.type):
            return text
        return _scaled(numbers, *column.scaling())


def _scaled(numbers: pa.ChunkedArray, scale: int | float, zero: int | float) -> pa.ChunkedArray:
    if scale == 1 and zero == 0:
        return numbers
    return pc.add(pc.multiply(numbers.cast(pa.float64()), float(scale)), float(zero))
