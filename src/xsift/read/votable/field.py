"""What a VOTable's FIELD declares of a column."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["TEXT", "Field"]

TEXT = ("char", "unicodeChar")
_NUMBERS = {
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}
_BYTES = {
    **{name: kind.bit_width // 8 for name, kind in _NUMBERS.items()},
    **{"boolean": 1, "char": 1, "unicodeChar": 2, "floatComplex": 8, "doubleComplex": 16},
}
# 15 digits: int() takes time for a million of them, and no file holds such arrays.
_ARRAYSIZE = re.compile(r"(?:[0-9]{1,15}x)*(?:[0-9]{1,15}|[0-9]{0,15}\*)")


@dataclass
class Field:
    """A column as declared.

    Attributes
    ----------
    name : str
    datatype : str
        Empty where none is declared.
    arraysize : str
    unit : str
    null : str or None
        What a missing value is written as.
    """

    name: str
    datatype: str
    arraysize: str
    unit: str
    null: str | None = None

    @property
    def kind(self) -> pa.DataType | None:
        """The kind of its numbers; None for anything else."""
        return _NUMBERS.get(self.datatype)

    @property
    def null_number(self) -> pa.Scalar | None:
        """The number that says that a value is missing, if one does."""
        if not self.null or self.kind is None:
            return None
        try:
            return pa.scalar(self.null.strip(), pa.string()).cast(self.kind)
        except pa.ArrowInvalid:  # not of its kind: no value can be equal to it
            return None

    @property
    def is_text(self) -> bool:
        """Whether it is text; a datatype that VOTable does not know says nothing else."""
        return self.datatype in TEXT or self.datatype not in (*_BYTES, "bit")

    @property
    def is_variable(self) -> bool:
        """Whether each cell has a length of its own."""
        return self.arraysize.endswith("*")

    @property
    def is_understood(self) -> bool:
        """Whether binary data of this declaration have a known length."""
        known = self.datatype in _BYTES or self.datatype == "bit"
        plain = self.arraysize.lstrip("0123456789") == "*" or "*" not in self.arraysize
        return known and plain and self._is_well_formed

    @property
    def _is_well_formed(self) -> bool:
        return not self.arraysize or _ARRAYSIZE.fullmatch(self.arraysize) is not None

    @property
    def _sizes(self) -> list[int]:
        return [int(part) for part in self.arraysize.split("x") if part.isdigit()]

    def n_bytes(self, n: int | None = None) -> int:
        """Return how many bytes `n` items take in binary data; by default as many as declared."""
        items = math.prod(self._sizes) if n is None else n
        return (items + 7) // 8 if self.datatype == "bit" else items * _BYTES[self.datatype]

    @property
    def why_unreadable(self) -> str:
        """What it holds that is no text, number or truth value; empty where it is one."""
        size = self.arraysize
        if self.datatype in ("floatComplex", "doubleComplex"):
            return "complex numbers"
        if not self._is_well_formed:
            return "" if self.is_text else f"arrays of size {size[:40]!r}"
        parts = size.split("x")
        if self.is_text:  # the first size is the length of each text
            one = all(part == "1" for part in parts[1:])
            return "" if one else f"arrays of text ({size})"
        one = size in ("", "*") or all(part.rstrip("*") == "1" for part in parts)
        one = one or (len(parts) == 1 and self.is_variable)
        return "" if one else f"arrays ({size}) of {self.datatype}"
