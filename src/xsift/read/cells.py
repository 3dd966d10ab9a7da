"""Cells of any format to text, numbers and names: one reading, whatever file they came from."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.classes import DASHES, MISSING_WORDS
from xsift.errors import TableError

__all__ = ["integers", "is_text", "names", "numbers", "text"]

_MISSING = pa.array(sorted(MISSING_WORDS), pa.string())
_LONGEST = max(map(len, MISSING_WORDS))
# Python's float() also takes 1_000; Fortran writes 1.5D-13, publishers a typographic minus.
_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII
)
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_TO_HYPHEN = str.maketrans(dict.fromkeys(DASHES, "-"))
_EXACT = 2.0**53


def text(column: pa.ChunkedArray, where: str, name: str) -> pa.Array:
    """Return a column as text without blanks around it, null where it says that nothing is there.

    Raises
    ------
    TableError
        If it holds bytes that are not UTF-8, or something that is no text.
    """
    try:
        as_text = column.cast(pa.string())
        as_text.validate(full=True)  # Parquet says what is text, and Arrow believes it
        stripped = pc.utf8_trim_whitespace(as_text).combine_chunks()
    except pa.ArrowException as error:
        raise TableError(f"{where}: column {name} holds {column.type}, not UTF-8 text") from error
    if isinstance(stripped, pa.ChunkedArray):  # more text than one array can hold
        raise TableError(f"{where}: column {name} holds more than 2 GiB of text: split the table")
    # Most cells are longer than any word for missing: only the short ones are looked up.
    short = pc.less_equal(pc.binary_length(stripped), 4 * _LONGEST)
    if not pc.any(short).as_py():
        return stripped
    lower = pc.utf8_lower(pc.if_else(short, stripped, pa.scalar("?", pa.string())))
    missing = pc.is_in(lower, value_set=_MISSING)
    return pc.if_else(missing, pa.scalar(None, pa.string()), stripped)


def numbers(column: pa.ChunkedArray, where: str, name: str) -> np.ndarray:
    """Return a column as float64, NaN where it is null.

    Raises
    ------
    TableError
        If it is text that is not all numbers; names the first such row.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if is_text(kind):
        return _parsed(text(column, where, name), where, name)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise TableError(f"{where}: column {name} holds {kind}, not numbers")
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.array(values, dtype=np.float64)


def integers(column: pa.ChunkedArray, where: str, name: str) -> pa.Array:
    """Return a column of whole numbers as int64, null where missing.

    Raises
    ------
    TableError
        If a value is not a whole number, or beyond what int64 (as a float: 2**53) holds exactly.
    """
    if pa.types.is_integer(column.type):
        try:
            return column.cast(pa.int64()).combine_chunks()
        except pa.ArrowInvalid as error:
            raise TableError(f"{where}: column {name} holds numbers beyond 2**63") from error
    if is_text(column.type):
        try:  # not by way of float64, which holds no number beyond 2**53 exactly
            return text(column, where, name).cast(pa.int64())
        except pa.ArrowInvalid:
            pass  # another spelling of a number, or none
    values = numbers(column, where, name)
    missing = np.isnan(values)
    whole = np.where(missing, 0, values)
    odd = np.flatnonzero((whole != np.floor(whole)) | (np.abs(whole) > _EXACT))
    if len(odd):
        raise TableError(
            f"{where}: column {name}, row {odd[0] + 1}: {values[odd[0]]:g} is not a whole number"
        )
    return pa.array(whole.astype(np.int64), mask=missing)


def names(column: pa.ChunkedArray, where: str, name: str) -> pa.Array:
    """Return a column of source names as text, null where a row has none.

    Whole numbers become their digits, also those that another program stored as floats.

    Raises
    ------
    TableError
        If it holds anything else, or floats that are not whole or not exact.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind):
        values = np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        missing = np.isnan(values)
        whole = np.where(missing, 0, values)
        odd = np.flatnonzero((whole != np.floor(whole)) | (np.abs(whole) >= _EXACT))
        if len(odd):
            raise TableError(
                f"{where}: column {name}, row {odd[0] + 1}: {values[odd[0]]:.17g} is no name: a "
                "source column holds text or whole numbers"
            )
        return pa.array(whole.astype(np.int64), mask=missing).cast(pa.string())
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise TableError(
            f"{where}: column {name} holds {kind}, not names: a source column holds text or whole "
            "numbers"
        )
    return text(column, where, name)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column of this kind holds text, or bytes that may be text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
        )
    )


def _parsed(cells: pa.Array, where: str, name: str) -> np.ndarray:
    try:
        return np.array(cells.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        pass  # rare spellings, or no number: one by one, to name the row
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells.to_pylist()):
        if cell is None:
            continue
        plain = cell.translate(_TO_HYPHEN)
        if not _NUMBER.fullmatch(plain):
            hint = ": write the decimals behind a point" * bool(_COMMA.fullmatch(plain))
            raise TableError(
                f"{where}: column {name}, row {row + 1}: {cell[:40]!r} is not a number{hint}"
            )
        values[row] = float(plain.lower().replace("d", "e"))
    return values
