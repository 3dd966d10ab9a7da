"""Columns of tables in memory, from Arrow, NumPy or Python objects, as plain Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.read.stored import number, texts

__all__ = ["Cells", "of_arrow", "of_numpy", "of_objects"]


@dataclass(frozen=True)
class Cells:
    """The cells of a column.

    Attributes
    ----------
    array : pyarrow.Array, pyarrow.ChunkedArray or str
        Text, where they cannot be read: what they are.
    n_rows : int
    """

    array: Any
    n_rows: int


def of_arrow(column: pa.ChunkedArray) -> Cells:
    """Return a column with one value a cell, as kinds that the readers of files give."""
    n = len(column)
    if isinstance(column.type, pa.BaseExtensionType):
        kind = column.type.storage_type
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if pa.types.is_dictionary(column.type):
        column = _decoded(column)
    kind = column.type
    if pa.types.is_nested(kind):
        is_list = any(
            test(kind)
            for test in (
                *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
                *(pa.types.is_list_view, pa.types.is_large_list_view),
            )
        )
        return Cells("lists of several values" if is_list else "structures", n)
    for is_wide, plain in (
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_binary_view, pa.binary()),
        (pa.types.is_large_binary, pa.binary()),
    ):
        if is_wide(kind):
            try:
                column = column.cast(plain)
            except pa.ArrowInvalid:  # more text than 32-bit offsets reach: said where it is used
                break
    return Cells(column, n)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return each value in place of its number; Arrow has no such cast to views of text."""
    kind = column.type.value_type
    kind = pa.string() if pa.types.is_string_view(kind) else kind
    chunks = [chunk.dictionary.cast(kind).take(chunk.indices) for chunk in column.chunks]
    return pa.chunked_array(chunks, kind)


def of_numpy(values: np.ndarray, mask: Any = None) -> Cells:
    """Return an array of any kind and byte order; NaN and masked cells become null.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, ...)
        Of more dimensions only where each cell holds one value.
    mask : ndarray of bool, optional
        Of the same shape.
    """
    n = len(values)
    if values.ndim > 1:
        if values.size != n:
            shape = " by ".join(map(str, values.shape[1:]))
            return Cells(f"arrays of {shape} values", n)
        values = values.reshape(n)
        mask = None if mask is None else np.reshape(mask, n)
    if mask is not None:
        mask = np.broadcast_to(np.asarray(mask, dtype=bool), n)
    kind = values.dtype.kind
    if kind in "iu" or (kind == "f" and values.dtype.itemsize <= 8):
        return Cells(number(values, mask), n)
    if kind == "f":
        return Cells(number(values.astype(np.float64), mask), n)
    if kind == "c":
        return Cells("complex numbers", n)
    if kind == "V":
        return Cells("structures", n)
    if kind == "b":
        return Cells(pa.array(np.ascontiguousarray(values), mask=mask), n)
    if kind in "mM":
        missing = np.isnat(values) if mask is None else np.isnat(values) | mask
        text = np.datetime_as_string(values) if kind == "M" else values.astype(np.int64).astype(str)
        return Cells(pa.array(text.astype(object), pa.string(), mask=missing), n)
    cells: list[Any] = values.tolist()
    if mask is not None:
        cells = [None if hidden else c for c, hidden in zip(cells, mask.tolist(), strict=True)]
    return Cells(texts(cells), n) if kind == "S" else of_objects(cells)


def of_objects(cells: Sequence[Any]) -> Cells:
    """Return Python objects as Arrow reads them; numbers among text as text, which is judged later.

    Cells of any other kind cannot be read.
    """
    n = len(cells)
    plain = [
        None if _is_missing(c) else c.item() if isinstance(c, np.generic) else c for c in cells
    ]
    kinds = {type(c) for c in plain} - {type(None)}
    if kinds and all(issubclass(kind, bytes) for kind in kinds):
        return Cells(texts(plain), n)
    if all(issubclass(kind, str) for kind in kinds):
        return Cells(pa.array(plain, pa.string()), n)
    if all(issubclass(kind, bool) for kind in kinds) or (
        all(issubclass(kind, int | float) for kind in kinds) and bool not in kinds
    ):
        try:
            return Cells(pa.array(plain), n)
        except (pa.ArrowException, OverflowError):  # beyond 64 bits
            pass
    if all(issubclass(kind, str | bytes | int | float) for kind in kinds):
        return Cells(pa.array(list(map(_as_text, plain)), pa.string()), n)
    try:  # decimals, dates
        found = pa.array(plain)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        found = None
    if found is not None and not pa.types.is_nested(found.type):
        return of_arrow(pa.chunked_array([found]))
    return Cells(f"objects ({', '.join(sorted(kind.__name__ for kind in kinds))})", n)


def _is_missing(cell: Any) -> bool:
    """Tell whether a cell is None, NaN, NaT, pandas' NA or astropy's masked value."""
    if cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float | np.floating) and bool(np.isnan(cell))


def _as_text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
