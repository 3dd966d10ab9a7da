"""The rows of a VOTable as XML writes them: TABLEDATA."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import TableError
from xsift.read.unreadable import unreadable
from xsift.read.votable.field import Field
from xsift.read.written import numbers_or_text, or_null, stripped

__all__ = ["TableData"]

# Rows are packed into Arrow as they come: Python's text takes five times as much.
_ROWS, _CHARACTERS = 5_000, 1 << 24
_LONGEST = 1_000_000
_WORDS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class TableData:
    """Rows of text cells, and the columns that they make.

    Parameters
    ----------
    where : str
        The file, for messages.
    fields : list of Field
    """

    def __init__(self, where: str, fields: list[Field]) -> None:
        self.where, self.fields = where, fields
        self.n_rows = 0
        self._kept = [i for i, f in enumerate(fields) if not f.why_unreadable]
        self._chunks: list[list[pa.Array]] = [[] for _ in fields]
        self._rows: list[list[str]] = []
        self._size = 0

    def add(self, row: list[str]) -> None:
        """Add a row.

        Raises
        ------
        TableError
            If it has not one cell for each column, or a cell that is too long.
        """
        self.n_rows += 1
        if len(row) != len(self.fields):
            raise TableError(
                f"{self.where}: row {self.n_rows} has {len(row)} cells, "
                f"the table has {len(self.fields)} columns"
            )
        self._rows.append(row)
        self._size += sum(map(len, row))
        if len(self._rows) >= _ROWS or self._size > _CHARACTERS:
            self._pack()

    def columns(self) -> list[tuple[pa.Field, pa.ChunkedArray]]:
        """Return the columns in their order.

        One that is declared as numbers and holds something else is text, and its metadata say what
        is ``declared``.
        """
        self._pack()
        made = []
        for at, field in enumerate(self.fields):
            if why := field.why_unreadable:
                made.append(unreadable(field.name, self.n_rows, why))
                continue
            cells = pa.chunked_array(self._chunks[at], type=pa.string())
            values = _values(field, stripped(cells))
            if values is None:
                made.append(unreadable(field.name, self.n_rows, f"arrays of {field.datatype}"))
                continue
            metadata = {"unit": field.unit}
            if field.kind is not None and pa.types.is_string(values.type):
                metadata["declared"] = field.datatype
            made.append((pa.field(field.name, values.type, metadata=metadata), values))
        return made

    def _pack(self) -> None:
        first = self.n_rows - len(self._rows) + 1
        cells = list(zip(*self._rows, strict=True))
        for at in self._kept if cells else ():
            if self._size > _LONGEST and max(map(len, cells[at])) > _LONGEST:
                row = first + next(r for r, c in enumerate(cells[at]) if len(c) > _LONGEST)
                raise TableError(
                    f"{self.where}: column {self.fields[at].name}, row {row}: "
                    f"a cell of more than {_LONGEST:,} characters"
                )
            self._chunks[at].append(pa.array(cells[at], type=pa.string()))
        self._rows, self._size = [], 0


def _values(field: Field, cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column in its kind; None where its cells are arrays after all."""
    if field.null:
        cells = or_null(cells, pc.equal(cells, field.null.strip()))
    if field.is_text:
        return cells
    if field.is_variable and pc.any(pc.match_substring_regex(cells, r"\s")).as_py():
        return None
    if field.kind is None:
        return _truth(cells)
    return numbers_or_text(cells, field.kind, field.null_number)


def _truth(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return truth values, or the text where there is another word."""
    found = pc.unique(cells).to_pylist()
    if len(found) > 100:
        return cells
    known = {word: _WORDS.get(word.lower()) for word in found if word not in (None, "?")}
    if None in known.values():
        return cells
    true = pa.array([word for word, says in known.items() if says], type=pa.string())
    return or_null(
        pc.is_in(cells, value_set=true), pc.is_null(or_null(cells, pc.equal(cells, "?")))
    )
