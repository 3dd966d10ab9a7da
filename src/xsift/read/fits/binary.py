"""FITS binary tables."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from xsift.read import stored
from xsift.read.fits.column import NUMBERS, Column, UnreadableColumn, values_of
from xsift.read.fits.hdu import Hdu
from xsift.read.fits.table import FitsTable

__all__ = ["BinaryTable"]

_BYTES = {"L": 1, "A": 1, "C": 8, "M": 16, "P": 8, "Q": 16} | {
    letter: np.dtype(kind).itemsize for letter, kind in NUMBERS.items()
}
_FORM = re.compile(r"(\d{0,15})([LXBIJKAEDCMPQ])(.*)", re.ASCII)


class BinaryTable(FitsTable):
    """A BINTABLE extension; TableError where its columns do not fill its rows."""

    def __init__(self, hdu: Hdu, content: bytes) -> None:
        super().__init__(hdu)
        self._forms = [self._form(c) for c in self._columns]
        widths = [(n + 7) // 8 if t == "X" else n * _BYTES[t] for n, t, _ in self._forms]
        if sum(widths) != self.width or (self.width == 0 and self.n_rows):
            raise hdu.fail(f"its columns take {sum(widths)} bytes a row, NAXIS1 is {self.width}")
        ends = np.cumsum([0, *widths])
        data = np.frombuffer(content, np.uint8, hdu.size, hdu.start)
        rows = data[: self.width * self.n_rows].reshape(self.n_rows, self.width)
        self._cells = [rows[:, a:b] for a, b in pairwise(ends)]
        gap = hdu.integer("THEAP", self.width * self.n_rows)
        self._heap = data[gap:]
        if self._is_transposed():
            self._transpose()

    def _form(self, column: Column) -> tuple[int, str, str]:
        match = _FORM.fullmatch(column.form)
        if match is None or len(match[3]) > 60:
            raise self._odd_form(column)
        count = int(match[1]) if match[1] else 1
        if match[2] in "PQ" and count > 1:
            raise self._odd_form(column)
        return count, match[2], match[3].strip()

    def _is_transposed(self) -> bool:
        """Whether each column is one array in the only row, as TOPCAT's colfits has it."""
        lengths = {self._length(at) for at in range(len(self._columns))}
        return self.n_rows == 1 and len(lengths) == 1 and lengths.pop() > 1

    def _length(self, at: int) -> int:
        count, letter, _ = self._forms[at]
        sizes = self._columns[at].sizes or [count]
        if letter in "PQX" or math.prod(sizes) != count or (letter == "A" and len(sizes) == 1):
            return 1
        return sizes[-1]

    def _transpose(self) -> None:
        self.n_rows = self._length(0)
        for at, column in enumerate(self._columns):
            count, letter, rest = self._forms[at]
            sizes = (column.sizes or [count])[:-1]
            dim = f"({','.join(map(str, sizes))})" if sizes else ""
            self._columns[at] = replace(column, dim=dim)
            self._forms[at] = count // self.n_rows, letter, rest
            self._cells[at] = self._cells[at].reshape(self.n_rows, -1)

    def _values(self, at: int) -> pa.Array:
        count, letter, rest = self._forms[at]
        column, cells = self._columns[at], self._cells[at]
        if letter in "PQ":
            return self._from_heap(column, cells, letter, rest) if count else pa.nulls(self.n_rows)
        if letter in "CM":
            raise UnreadableColumn("complex numbers")
        if count == 0:
            return pa.nulls(self.n_rows)
        if letter == "A":
            _refuse_several(column, count, rest)
            return stored.text_of(cells)
        if count > 1:
            raise UnreadableColumn(f"arrays of {count} {'bits' if letter == 'X' else 'numbers'}")
        return values_of(column, letter, cells, np.zeros(self.n_rows, dtype=bool))

    def _from_heap(
        self, column: Column, cells: np.ndarray, letter: str, rest: str
    ) -> pa.Array | pa.ChunkedArray:
        """Return cells of any length that lie behind the rows: text, or one number at most."""
        kind = rest[:1]
        if kind not in (*NUMBERS, "A", "L", "X") or not kind:
            raise UnreadableColumn(f"arrays ({column.form[:40]})")
        sizes = np.ascontiguousarray(cells).view(">i4" if letter == "P" else ">i8").astype(np.int64)
        n, start = sizes[:, 0], np.where(sizes[:, 0] == 0, 0, sizes[:, 1])
        if kind != "A" and (n > 1).any():
            raise UnreadableColumn("arrays of numbers")
        width = _BYTES.get(kind, 1)
        room = len(self._heap)
        if (n < 0).any() or (start < 0).any() or (n > room).any() or (start > room).any():
            raise self._outside(column)
        if (start + n * width > room).any():
            raise self._outside(column)
        if int(n.sum()) * width > room:  # a small file could stand for any amount of text
            raise UnreadableColumn("cells that share their bytes")
        if kind == "A":
            heap = self._heap.tobytes()
            ends = zip(start.tolist(), (start + n).tolist(), strict=True)
            return stored.texts([heap[a:b] for a, b in ends])
        raw = np.zeros((self.n_rows, width), dtype=np.uint8)
        there = n == 1
        raw[there] = self._heap[start[there, None] + np.arange(width)]
        return values_of(column, kind, raw, ~there)

    def _outside(self, column: Column) -> Exception:
        return self.hdu.fail(f"column {column.name}: cells that lie outside of the table's data")


def _refuse_several(column: Column, count: int, rest: str) -> None:
    """Refuse several texts in a cell: TDIM (8,5), or the older TFORM 40A8."""
    sizes = column.sizes or [count]
    n = math.prod(sizes[1:])
    if rest.isdecimal() and 0 < int(rest[:9]) < count:
        n = max(n, count // int(rest[:9]))
    if n != 1:
        raise UnreadableColumn(f"arrays of {n} texts")
