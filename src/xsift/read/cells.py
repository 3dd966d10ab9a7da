"""What a cell of a Parquet or text table may be: no longer than a name, and not masked."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import TableError

__all__ = ["MAX_CELL", "MAX_TEXT", "hide_masked", "refuse_long_cells", "text_bytes"]

MAX_CELL = 1_000_000
"""Longest text in a cell, in bytes: far above any name, far below what stops a machine."""

MAX_TEXT = 2**31 - 1
"""Most text in a column, in bytes: Arrow's ordinary text arrays hold no more."""

_MASK = ".mask"


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
        if pa.types.is_dictionary(chunk.type) and _is_text(chunk.type.value_type):
            lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
        elif _is_text(chunk.type):
            lengths = pc.binary_length(chunk)
        else:
            return 0
        total += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    return total


def _max_length(column: pa.ChunkedArray) -> int:
    longest = 0
    for chunk in column.chunks:
        cells = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if not _is_text(cells.type):
            return 0
        longest = max(longest, pc.max(pc.binary_length(cells)).as_py() or 0)
    return longest


def hide_masked(table: pa.Table) -> pa.Table:
    """Make null what a column ``NAME.mask`` of true and false masks in NAME, and drop the mask.

    astropy writes masked columns so, in Parquet and in ECSV. Any other column of such a name is
    left as it is.
    """
    names = table.column_names
    for mask_name in [n for n in names if n.endswith(_MASK)]:
        name = mask_name.removesuffix(_MASK)
        if names.count(name) != 1 or names.count(mask_name) != 1:
            continue
        hidden = _truth(table.column(mask_name))
        if hidden is None:
            continue
        at = table.column_names.index(name)
        field, column = table.schema.field(at), table.column(at)
        hidden = pc.fill_null(hidden, False)
        column = pc.if_else(hidden, pa.scalar(None, field.type), column)
        table = table.set_column(at, field, column)
        table = table.remove_column(table.column_names.index(mask_name))
    return table


def _truth(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return true and false, also where they are words; None where it is anything else."""
    if pa.types.is_boolean(column.type):
        return column
    if not pa.types.is_string(column.type):
        return None
    words = set(pc.unique(column).to_pylist()) - {None}
    if not words or not words <= {"True", "False"}:
        return None
    return pc.equal(column, "True")


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


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)
