"""What a FITS header declares of a column, and the stored numbers to values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xsift.read import stored
from xsift.read.fits.hdu import Hdu

__all__ = ["NUMBERS", "Column", "UnreadableColumn", "columns_of", "values_of"]

NUMBERS = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_MAX_COLUMNS = 999  # by the FITS standard


class UnreadableColumn(Exception):
    """A column holds what is no number, text or truth value; says what."""


@dataclass(frozen=True)
class Column:
    """A column as declared.

    Attributes
    ----------
    name : str
    form : str
        TFORM.
    unit : str
    null : object
        TNULL, as it stands.
    scale, zero : object
        TSCAL and TZERO, as they stand.
    dim : str
        TDIM.
    """

    name: str
    form: str
    unit: str
    null: object
    scale: object
    zero: object
    dim: str

    @property
    def sizes(self) -> list[int] | None:
        """The sizes that TDIM declares; None where it declares none."""
        if not re.fullmatch(r"\(\s*\d{1,15}\s*(,\s*\d{1,15}\s*)*\)", self.dim, re.ASCII):
            return None
        return [int(part) for part in self.dim.strip("()").split(",")]

    def scaling(self) -> tuple[int | float, int | float]:
        """Return what a stored number is multiplied by, and what is added then."""
        for keyword, value in (("TSCAL", self.scale), ("TZERO", self.zero)):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not np.isfinite(float(value)):  # type: ignore[arg-type]
                raise UnreadableColumn(f"numbers with {keyword} {str(value)[:40]!r}")
        if self.scale == 0:
            raise UnreadableColumn("numbers with TSCAL 0")
        return self.scale, self.zero  # type: ignore[return-value]

    def stored_null(self) -> int | None:
        """Return the stored integer that says that a value is missing, if one does."""
        if self.null is None or str(self.null).strip() == "":
            return None
        if re.fullmatch(r"\s*[+-]?\d{1,20}(\.0*)?\s*", str(self.null), re.ASCII):
            return int(str(self.null).partition(".")[0])
        raise UnreadableColumn(f"integers with TNULL {str(self.null)[:40]!r}")


def columns_of(hdu: Hdu) -> list[Column]:
    """Return the columns that a table's header declares.

    Raises
    ------
    TableError
        If there are more than FITS allows.
    """
    n = hdu.integer("TFIELDS")
    if n > _MAX_COLUMNS:
        raise hdu.fail(f"TFIELDS is {n:,}: FITS allows {_MAX_COLUMNS}")
    get = hdu.get
    return [
        Column(
            hdu.text(f"TTYPE{i}") or f"col{i}",
            hdu.text(f"TFORM{i}").upper(),
            hdu.text(f"TUNIT{i}"),
            get(f"TNULL{i}"),
            get(f"TSCAL{i}", 1),
            get(f"TZERO{i}", 0),
            hdu.text(f"TDIM{i}"),
        )
        for i in range(1, n + 1)
    ]


def values_of(column: Column, letter: str, raw: np.ndarray, missing: np.ndarray) -> pa.Array:
    """Turn stored numbers into values: TNULL first, then TSCAL and TZERO, as the standard says.

    Parameters
    ----------
    column : Column
    letter : str
        A key of `NUMBERS`, ``"L"`` or ``"X"``.
    raw : ndarray of uint8, shape (n, width)
    missing : ndarray of bool, shape (n,)

    Raises
    ------
    UnreadableColumn
    """
    if letter == "L":
        truth = stored.logical(raw[:, 0], missing)
        if truth is None:
            raise UnreadableColumn("other bytes than T and F")
        return truth
    if letter == "X":
        return pa.array((raw[:, 0] & 0x80) != 0, mask=missing)
    numbers = np.ascontiguousarray(raw).view(NUMBERS[letter])[:, 0]
    scale, zero = column.scaling()
    if letter in "BIJK" and (null := column.stored_null()) is not None:
        missing = missing | (numbers == null)
    if scale == 1 and zero == 0:
        return stored.number(numbers, missing)
    if letter in "BIJK" and scale == 1 and float(zero).is_integer():
        return stored.number(_shifted(letter, numbers, int(zero), missing), missing)
    return stored.number(numbers.astype(np.float64) * scale + zero, missing)


def _shifted(letter: str, numbers: np.ndarray, zero: int, missing: np.ndarray) -> np.ndarray:
    """Add a whole number; the sign that FITS cannot store is TZERO's."""
    kinds = {("B", -128): "i1", ("I", 1 << 15): "u2", ("J", 1 << 31): "u4", ("K", 1 << 63): "u8"}
    kind = kinds.get((letter, zero))
    if kind == "u8":
        return numbers.astype(np.uint64) ^ np.uint64(1 << 63)
    wide = numbers.astype(np.int64)
    there = wide[~missing]
    ends = [int(there.min()) + zero, int(there.max()) + zero] if len(there) else [0]
    if not all(-(1 << 63) <= end < 1 << 63 for end in ends):
        raise UnreadableColumn(f"integers that TZERO {zero} takes beyond 64 bits")
    if not -(1 << 63) <= zero < 1 << 63:
        raise UnreadableColumn(f"integers with TZERO {zero}")
    shifted: np.ndarray = np.where(missing, 0, wide + np.where(missing, 0, zero))
    return shifted.astype(kind or np.int64)
