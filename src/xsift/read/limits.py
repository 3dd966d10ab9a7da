"""How long a cell of a Parquet or text table may be."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import TableError
from xsift.read.cells import is_text

__all__ = ["MAX_CELL", "MAX_TEXT", "refuse_long_cells", "text_bytes"]

MAX_CELL = 1_000_000
"""Longest text in a cell, in bytes: far above any name, far below what stops a machine."""

MAX_TEXT = 2**31 - 1
"""Most text in a column, in bytes: Arrow's ordinary text arrays hold no more."""


def refuse_long_cells(table: pa.Table, where: str) -> None:
    """Refuse a text cell of more than `MAX_CELL` bytes, or a column of more than `MAX_TEXT`.

    Raises
    ------
    TableError
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        if (longest := _max_length(column)) > MAX_CELL:
            raise TableError(
                f"{where}: column {name[:40]}, row {_row_of(column, longest)}: a cell of "
                f"{longest:,} bytes; at most {MAX_CELL:,} are read"
            )
        if (total := text_bytes(column)) > MAX_TEXT:
            raise TableError(
                f"{where}: column {name[:40]} holds {total / 1024**3:.1f} GiB of text, and at "
                "most 2 GiB are read: split the table"
            )


def text_bytes(column: pa.ChunkedArray) -> int:
    """Return how many bytes of text a column stands for; 0 where it is of another kind."""
    total = 0
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type) and is_text(chunk.type.value_type):
            lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
        elif is_text(chunk.type):
            lengths = pc.binary_length(chunk)
        else:
            return 0
        total += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    return total


def _max_length(column: pa.ChunkedArray) -> int:
    longest = 0
    for chunk in column.chunks:
        cells = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if not is_text(cells.type):
            return 0
        longest = max(longest, pc.max(pc.binary_length(cells)).as_py() or 0)
    return longest


def _row_of(column: pa.ChunkedArray, length: int) -> int:
    row = 1
    for chunk in column.chunks:
        cells = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        at = pc.index(pc.binary_length(cells), length).as_py()
        if cells is not chunk and at >= 0:
            at = pc.index(chunk.indices, at).as_py()
        if at >= 0:
            return int(row + at)
        row += len(chunk)
    return 0  # in a dictionary, and in no row
