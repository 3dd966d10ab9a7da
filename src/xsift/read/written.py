"""Numbers written as text, in FITS ASCII tables and VOTables."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["numbers_or_text", "or_null", "stripped"]


def stripped(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text without blanks around it, null where nothing is left."""
    trimmed = pc.utf8_trim_whitespace(cells)
    return or_null(trimmed, pc.equal(trimmed, ""))


def or_null(cells: pa.ChunkedArray, missing: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells, null where `missing` holds."""
    return pc.if_else(missing, pa.scalar(None, cells.type), cells)


def numbers_or_text(
    cells: pa.ChunkedArray, kind: pa.DataType, null: pa.Scalar | None = None
) -> pa.ChunkedArray:
    """Parse text as numbers; where a single cell is none of that kind, all stay text.

    A column that stays text is read as a column of a CSV file is: words for missing, and what is
    no number, are judged there. Nothing is rounded, wrapped or cut to fit the declared kind.

    Parameters
    ----------
    cells : pyarrow.ChunkedArray
        As `stripped` returns it.
    kind : pyarrow.DataType
        An integer or a float.
    null : pyarrow.Scalar, optional
        The number that says that a value is missing.
    """
    try:
        numbers = _integers(cells, kind) if pa.types.is_integer(kind) else _floats(cells, kind)
    except pa.ArrowInvalid:
        return cells
    return numbers if null is None else or_null(numbers, pc.equal(numbers, null))


def _integers(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    plain = pc.replace_substring_regex(cells, r"^\+([0-9])", r"\1")
    # Arrow takes 0xFFFF for a 16-bit pattern, -1: all are read as 64 bits.
    wide = pa.uint64() if kind == pa.uint64() else pa.int64()
    numbers = plain.cast(wide)
    wrapped = pc.and_(pc.match_substring_regex(plain, "^0[xX]"), pc.less(numbers, 0))
    if pc.any(wrapped).as_py():
        raise pa.ArrowInvalid("a bit pattern")
    return numbers.cast(kind)


def _floats(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    numbers = cells.cast(kind)
    endless = pc.is_inf(numbers)
    if pc.any(endless).as_py():  # inf where it says so, not where 1e999 is too much
        said = pc.match_substring(cells, "inf", ignore_case=True)
        if pc.any(pc.and_not(endless, said)).as_py():
            raise pa.ArrowInvalid("too large")
    return or_null(numbers, pc.is_nan(numbers))
