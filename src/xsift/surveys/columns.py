"""A column of a table that xsift reads or writes: its name, unit, UCD and meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["KEYS", "Column", "describe", "unit_text", "with_metadata"]

_RAISED = str.maketrans("-+0123456789", "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹")

KEYS = ("name", "obsid", "obi")
"""What tells one detection from another, in the order in which ties are decided."""


@dataclass(frozen=True)
class Column:
    """A column: what it is called, measured in, and means.

    Attributes
    ----------
    name : str
    unit : str
        As VOUnits write it; empty for numbers without a unit and for text.
    ucd : str
        UCD1+ words of the IVOA's controlled vocabulary; empty where no word fits.
    description : str
    """

    name: str
    unit: str = ""
    ucd: str = ""
    description: str = ""


def with_metadata(table: pa.Table, columns: dict[str, Column]) -> pa.Table:
    """Attach unit, UCD and description to the fields of an Arrow table."""
    fields = []
    for field in table.schema:
        column = columns.get(field.name)
        if column is None:
            fields.append(field)
            continue
        said = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        fields.append(field.with_metadata({k: v for k, v in said.items() if v}))
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def describe(field: pa.Field) -> Column:
    """Read unit, UCD and description back from an Arrow field."""
    said = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return Column(
        field.name, said.get("unit", ""), said.get("ucd", ""), said.get("description", "")
    )


def unit_text(unit: str) -> str:
    """Return a unit of VOUnits as figures and tables print it.

    >>> unit_text("erg.s**-1.cm**-2"), unit_text("count.s**(-1)")
    ('erg s⁻¹ cm⁻²', 'count s⁻¹')
    """
    raised = re.sub(r"\*\*\(?([-+]?\d+)\)?", lambda m: m[1].translate(_RAISED), unit)
    return re.sub(r"\.(?=[A-Za-z])", " ", raised)
