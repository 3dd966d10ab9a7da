"""What is published: tables with safe names, and what is said of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import SettingError, TableError
from xsift.surveys.columns import Column, describe
from xsift.write.hats import positions

__all__ = ["LICENCES", "Resource", "ResourceTable", "printable", "published"]

LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}
"""The licences that can be stated, and where each is."""

# A word of ADQL: a column of that name would have to be quoted in every query.
_RENAMED = {"group": "class_group"}
_KINDS = {"string": "text", "int64": "integer", "double": "float"}
# Not a schema of one's own: they are the server's.
_RESERVED = ("public", "information_schema", "ivoa", "tap_schema", "tap_upload", "dc", "uws")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class ResourceTable:
    """A table to publish, with its name and title.

    Attributes
    ----------
    name : str
        Name of the table in queries, and of its file.
    title : str
    table : pyarrow.Table
        The table, as `published` returns it.
    key : str or None
        Column with a different value in every row and no null.
    """

    name: str
    title: str
    table: pa.Table
    key: str | None = None

    @property
    def has_positions(self) -> bool:
        """Whether the table has columns ra and dec with at least one position."""
        return len(positions(self.table)[0]) > 0

    def columns(self) -> list[tuple[Column, str, int]]:
        """Describe each column: its meaning, its kind (text, integer, float) and its nulls."""
        return [
            (describe(field), _KINDS[str(field.type)], self.table.column(i).null_count)
            for i, field in enumerate(self.table.schema)
        ]


@dataclass(frozen=True)
class Resource:
    """A catalogue with its metadata, ready to write.

    Attributes
    ----------
    schema : str
        Schema of the tables in a TAP service.
    title, description, creator : str
        `creator` uses the name format of the VO: ``Last, F.; Last, F.``. It may be empty.
    licence : str
        One of `LICENCES`, or empty.
    reference : str
        Article or catalogue from which the X-ray data come. It may be empty.
    created : str
        ISO 8601, UTC.
    provenance : dict of str
    tables : tuple of ResourceTable
    coverage : str
        Sky coverage as an ASCII MOC. It may be empty.

    Raises
    ------
    SettingError
        If the schema is not an allowed name, or the licence is unknown.
    """

    schema: str
    title: str
    description: str
    creator: str
    licence: str
    reference: str
    created: str
    provenance: dict[str, str]
    tables: tuple[ResourceTable, ...]
    coverage: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", self.schema) or self.schema in _RESERVED:
            raise SettingError(
                f"--schema {self.schema!r}: allowed are lower-case letters, digits and _, a letter "
                f"first, 31 characters at most, and not {', '.join(_RESERVED)}"
            )
        if self.schema.startswith("pg_"):
            raise SettingError(f"--schema {self.schema!r}: names in pg_ are PostgreSQL's own")
        if self.licence and self.licence not in LICENCES:
            raise SettingError(f"--licence {self.licence!r}: allowed are {', '.join(LICENCES)}")


def published(table: pa.Table, where: str) -> pa.Table:
    """Convert a table to names that need no quotes in a query, and to text, int64 and double.

    NaN becomes null. The table keeps its units, UCDs and descriptions.

    Raises
    ------
    TableError
        If a column has a name or type that cannot be published, or if ra or dec is not numeric.
    """
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        name = _RENAMED.get(field.name, field.name)
        if not _NAME.fullmatch(name):
            raise TableError(
                f"{where}: column {name!r} cannot be published: allowed are lower-case letters, "
                "digits and _, a letter first"
            )
        column = _plain(column, f"{where}: column {name!r}")
        if name in ("ra", "dec") and not pa.types.is_floating(column.type):
            raise TableError(f"{where}: column {name!r} holds no degrees: write the catalogue anew")
        fields.append(pa.field(name, column.type, metadata=_said(field)))
        columns.append(column)
    names = [f.name for f in fields]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise TableError(f"{where}: two columns are called {twice[0]}")
    return pa.table(columns, schema=pa.schema(fields))


def _plain(column: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind):
        column = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    raise TableError(f"{what} is {kind}: allowed are text, integers and floating point numbers")


def _said(field: pa.Field) -> dict[str, str]:
    said = describe(field)
    parts = {"unit": said.unit, "ucd": said.ucd, "description": said.description}
    return {k: printable(v) for k, v in parts.items() if v}


def printable(text: str) -> str:
    """Remove the characters that XML cannot hold or that control a terminal from a text."""
    return _NOT_XML.sub("", text)
