"""The rows of a VOTable as bytes: BINARY and BINARY2."""

from __future__ import annotations

from array import array

import numpy as np
import pyarrow as pa

from xsift.errors import TableError
from xsift.read import stored
from xsift.read.unreadable import unreadable
from xsift.read.votable.field import Field

__all__ = ["Packed"]


class Packed:
    """Rows of bytes, and the columns that they hold.

    Rows and cells are found in the bytes that there are, whatever sizes the file declares.

    Parameters
    ----------
    where : str
        The file, for messages.
    fields : list of Field
    data : bytes
    has_flags : bool
        Whether each row begins with a bit for each column, set where it is null (BINARY2).

    Raises
    ------
    TableError
        If the bytes do not hold whole rows of these columns.
    """

    def __init__(self, where: str, fields: list[Field], data: bytes, has_flags: bool) -> None:
        self.where, self.fields, self.data, self.has_flags = where, fields, data, has_flags
        for field in fields:
            if not field.is_understood:
                raise TableError(
                    f"{where}: column {field.name}: datatype {field.datatype[:40]!r} with "
                    f"arraysize {field.arraysize[:40]!r} cannot be read from binary data: save "
                    "the table as TABLEDATA"
                )
        self._flags = (len(fields) + 7) // 8 if has_flags else 0
        # Where a column begins: after which column of variable length, and how far behind its end.
        self._places: list[tuple[int, int]] = []
        gaps: list[int] = []
        offset = self._flags
        for field in fields:
            self._places.append((len(gaps), offset))
            if field.is_variable:
                gaps.append(offset)
                offset = 0
            else:
                offset += field.n_bytes()
        self._variable = [f for f in fields if f.is_variable]
        if gaps:
            self._find_rows(gaps, offset)
        else:
            self._cut_rows(offset)

    def _cut_rows(self, width: int) -> None:
        """Cut the data into rows of one width."""
        n_bytes = len(self.data)
        if n_bytes and (width == 0 or n_bytes % width):
            raise TableError(
                f"{self.where}: the data have {n_bytes:,} bytes, which is no whole number of rows "
                f"of {width:,} bytes"
            )
        self.n_rows = n_bytes // width if width else 0
        self._anchors = np.arange(self.n_rows, dtype=np.int64)[:, None] * width
        self._lengths = np.empty((self.n_rows, 0), dtype=np.int64)

    def _find_rows(self, gaps: list[int], tail: int) -> None:
        """Follow the lengths that the rows themselves give."""
        data, end, at = self.data, len(self.data), 0
        anchors, lengths, row = array("q"), array("q"), 0
        steps = list(zip(gaps, self._variable, strict=True))
        while at < end:
            row += 1
            anchors.append(at)
            for gap, field in steps:
                at += gap + 4
                n = int.from_bytes(data[at - 4 : at], "big")
                if at > end or n > 8 * end or at + (n_bytes := field.n_bytes(n)) > end:
                    raise TableError(
                        f"{self.where}: the data end within row {row:,}, in column {field.name}"
                    )
                lengths.append(n)
                at += n_bytes
                anchors.append(at)
            at += tail
        if at > end:
            raise TableError(f"{self.where}: the data end within row {row:,}")
        self.n_rows = row
        k = len(steps)
        self._anchors = np.frombuffer(anchors, dtype=np.int64).reshape(row, k + 1)
        self._lengths = np.frombuffer(lengths, dtype=np.int64).reshape(row, k)

    def columns(self) -> list[tuple[pa.Field, pa.Array]]:
        """Return the columns in their order."""
        made = []
        for at, field in enumerate(self.fields):
            why = field.why_unreadable
            values = None if why else self._values(at)
            if values is None:
                why = why or f"arrays or other bytes than {field.datatype}"
                made.append(unreadable(field.name, self.n_rows, why))
                continue
            made.append((pa.field(field.name, values.type, metadata={"unit": field.unit}), values))
        return made

    def _values(self, at: int) -> pa.Array | None:
        """Return a column in its kind; None where its cells do not fit it."""
        field = self.fields[at]
        missing = self._is_null(at)
        if field.is_text and field.is_variable:
            return self._text(at, missing)
        if not field.is_variable:
            cells = self._cells(at, 0, field.n_bytes())
        else:
            n = self._lengths[:, self._places[at][0]]
            if (n > 1).any():
                return None
            missing |= n == 0
            cells = self._cells(at, 4, field.n_bytes(1), missing)
        if field.is_text:
            return self._fixed_text(cells, field, missing)
        if field.kind is None:
            codes = cells[:, 0]
            if field.datatype == "bit":
                return pa.array(codes != 0, mask=missing)
            return stored.logical(codes, missing)
        # Not the type's `to_pandas_dtype`: older Arrow asks pandas.
        dtype = pa.array([], field.kind).to_numpy(zero_copy_only=False).dtype
        values = cells.view(dtype.newbyteorder(">"))[:, 0]
        if (null := field.null_number) is not None:
            missing |= values == null.as_py()
        return stored.number(values, missing)

    def _cells(
        self, at: int, skip: int, width: int, missing: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the bytes of a column, shape (n, width); zeros where missing."""
        if self.n_rows == 0 or width == 0:
            return np.zeros((self.n_rows, width), dtype=np.uint8)
        group, offset = self._places[at]
        starts = self._anchors[:, group] + offset + skip
        if missing is not None:  # an empty cell at the very end has no bytes
            starts = np.where(missing, 0, starts)
        bytes_ = np.frombuffer(self.data, dtype=np.uint8)
        if width > len(bytes_):
            return np.zeros((self.n_rows, width), dtype=np.uint8)
        return np.lib.stride_tricks.sliding_window_view(bytes_, width)[starts]

    def _text(self, at: int, missing: np.ndarray) -> pa.ChunkedArray:
        field, data = self.fields[at], self.data
        group, offset = self._places[at]
        starts = self._anchors[:, group] + offset + 4
        ends = starts + self._lengths[:, group] * field.n_bytes(1)
        where = zip(starts.tolist(), ends.tolist(), missing.tolist(), strict=True)
        return self._told(field, [None if m else data[a:b] for a, b, m in where])

    def _fixed_text(self, cells: np.ndarray, field: Field, missing: np.ndarray) -> pa.ChunkedArray:
        if field.datatype == "char" and field.null is None and not missing.any():
            return stored.text_of(cells)
        rows = zip(cells, missing.tolist(), strict=True)
        return self._told(field, [None if m else c.tobytes() for c, m in rows])

    @staticmethod
    def _told(field: Field, cells: list[bytes | None]) -> pa.ChunkedArray:
        if field.datatype == "unicodeChar":
            # Half a character is written out, so that no two names become one.
            cells = [c and c.decode("utf-16-be", "backslashreplace").encode() for c in cells]
        null = (field.null or "").strip().encode()
        return stored.texts([None if null and c and c.strip() == null else c for c in cells])

    def _is_null(self, at: int) -> np.ndarray:
        if not self.has_flags or self.n_rows == 0:
            return np.zeros(self.n_rows, dtype=bool)
        byte, bit = divmod(at, 8)
        bytes_ = np.frombuffer(self.data, dtype=np.uint8)
        flags: np.ndarray = (bytes_[self._anchors[:, 0] + byte] & (0x80 >> bit)) != 0
        return flags
