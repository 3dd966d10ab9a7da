"""Columns that say which cells of another column are masked, as astropy writes them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["hide_masked"]

_MASK = ".mask"


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
