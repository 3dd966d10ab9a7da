"""A column of types, in any spelling, as codes."""

from __future__ import annotations

import pyarrow as pa

from xsift.classes import code_of
from xsift.errors import TableError
from xsift.read import cells

__all__ = ["codes_of", "labels_of"]


def labels_of(column: pa.ChunkedArray, where: str, name: str) -> list[str | None]:
    """Return the codes of a column of labels, which is none of numbers.

    Raises
    ------
    TableError
    """
    if pa.types.is_floating(column.type):
        raise TableError(f"{where}: label column {name} holds {column.type}, not types")
    return codes_of(column, where, name)


def codes_of(column: pa.ChunkedArray, where: str, name: str) -> list[str | None]:
    """Return the code of each type, None where there is none."""
    spellings = cells.text(column, where, name).dictionary_encode()
    codes = [code_of(s) for s in spellings.dictionary.to_pylist()]
    return [None if i is None else codes[i] for i in spellings.indices.to_pylist()]
