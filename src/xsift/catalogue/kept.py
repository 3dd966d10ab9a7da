"""Columns of the user's own, carried into the results under names that fit there."""

from __future__ import annotations

import pyarrow as pa

from xsift.surveys import identifier

__all__ = ["with_kept"]


def with_kept(table: pa.Table, kept: pa.Table | None) -> pa.Table:
    """Return a table of results with the user's columns at its end.

    A column keeps its name, unit and description; where the results have a column of that name, in
    any case, it is called ``input_`` and its name; and where a name is none that every format
    takes, it is written in lower-case letters, digits and ``_``.
    """
    if kept is None:
        return table
    taken = {name.casefold() for name in table.column_names}
    for field, column in zip(kept.schema, kept.columns, strict=True):
        name = field.name if field.name.isidentifier() and field.name.isascii() else ""
        name = name or identifier(field.name)
        if name.casefold() in taken:
            name = f"input_{name}"
        if name.casefold() in taken:
            continue  # the same column twice
        taken.add(name.casefold())
        table = table.append_column(field.with_name(name), column)
    return table
