"""A walk through a VOTable's elements: its tables, and what the service said."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from xsift.errors import TableError
from xsift.read import fits, markup
from xsift.read.votable.field import Field
from xsift.read.votable.packed import Packed
from xsift.read.votable.tabledata import TableData

__all__ = ["Table", "Walk"]

_MAX_COLUMNS, _MAX_DEPTH = 20_000, 100
_BINARY = ("BINARY", "BINARY2", "FITS", "PARQUET")
# Where an element counts. Elsewhere it is an error, save that a PARAM has VALUES, too.
_PARENTS = {
    "TABLE": ("RESOURCE",),
    "FIELD": ("TABLE",),
    "DATA": ("TABLE",),
    "TABLEDATA": ("DATA",),
    **dict.fromkeys(_BINARY, ("DATA",)),
    "STREAM": _BINARY,
    "TR": ("TABLEDATA",),
    "TD": ("TR",),
}


class Rows(Protocol):
    """The rows of a table, in whatever form the file holds them."""

    n_rows: int

    def columns(self) -> list[tuple[pa.Field, pa.Array]]:
        """Return the columns in their order."""


@dataclass
class Table:
    """A TABLE element; with `ref`, its columns are those of another."""

    name: str
    declared_rows: str
    borrows: bool = False
    fields: list[Field] = field(default_factory=list)
    rows: Rows | None = None


class Walk:
    """Walk through a VOTable.

    Attributes
    ----------
    tables : list of Table
        Those with columns.
    said : list of (str, str)
        Value and text of each INFO called QUERY_STATUS.

    Raises
    ------
    TableError
        If its parts do not fit, or its data lie elsewhere.
    ValueError
        If it is no whole XML.
    """

    def __init__(self, where: str, content: bytes) -> None:
        self.where = where
        self.tables: list[Table] = []
        self.said: list[tuple[str, str]] = []
        self._n_columns = 0
        self._path: list[str] = []
        self._by_id: dict[str, list[Field]] = {}
        self._values: dict[str, str] = {}  # null by the ID of VALUES
        self._stream: dict[str, str] = {}
        self._extension = ""
        self._row: list[str] = []
        self._parts: list[str] = []
        self._info: str | None = None
        markup.parse(content, self._start, self._end, self._enter)
        self.tables = [table for table in self.tables if table.fields]

    def _enter(self, parser: Any) -> None:
        self._parser = parser

    def _fail(self, why: str) -> TableError:
        return TableError(f"{self.where}: not a whole VOTable: {why}")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        path = self._path
        parent = path[-1] if path else ""
        if name in _PARENTS and parent not in _PARENTS[name]:
            raise self._fail(f"<{name}> within <{parent}>")
        path.append(name)
        if name == "TD":
            if "encoding" in attributes:
                raise self._fail("cells with an encoding of their own are not read")
            self._listen()
        elif name == "TR":
            self._row = []
        elif parent in ("TABLEDATA", "TR", "TD", "STREAM"):
            raise self._fail(f"<{name[:40]}> within <{parent}>")
        elif len(path) > _MAX_DEPTH:
            raise self._fail(f"more than {_MAX_DEPTH} elements within each other")
        else:
            self._start_other(name, parent, attributes)

    def _start_other(self, name: str, parent: str, attributes: dict[str, str]) -> None:
        if name == "TABLE":
            self._start_table(attributes)
        elif name == "FIELD":
            self._start_field(attributes)
        elif name == "VALUES" and parent == "FIELD":
            null = attributes.get("null", self._values.get(attributes.get("ref", "")))
            if null is not None:
                self.tables[-1].fields[-1].null = null
                self._values[attributes.get("ID", "")] = null
        elif name in ("TABLEDATA", *_BINARY):
            if self.tables[-1].rows is not None:
                raise self._fail("a table with two sets of rows")
            self._extension = attributes.get("extnum", "")
            if name == "TABLEDATA":
                self.tables[-1].rows = TableData(self.where, self.tables[-1].fields)
        elif name == "STREAM":
            self._refuse_remote(attributes)
            if self.tables[-1].rows is not None:
                raise self._fail("a table with two sets of rows")
            self._stream = attributes
            self._listen()
        elif name == "INFO" and attributes.get("name") == "QUERY_STATUS":
            self._info = attributes.get("value", "")
            self._listen()

    def _start_table(self, attributes: dict[str, str]) -> None:
        name = attributes.get("name") or attributes.get("ID", "")
        number = len(self.tables) + 1
        label = f"{number} ({name[:60].strip()})" if name.strip() else str(number)
        table = Table(label, attributes.get("nrows", "").strip())
        table.borrows = attributes.get("ref", "") in self._by_id
        if table.borrows:
            table.fields = self._by_id[attributes["ref"]]
            self._count_columns(len(table.fields))
        self.tables.append(table)
        if "ID" in attributes:
            self._by_id[attributes["ID"]] = table.fields

    def _start_field(self, attributes: dict[str, str]) -> None:
        fields = self.tables[-1].fields
        self._count_columns(1)
        if self.tables[-1].rows is not None or self.tables[-1].borrows:
            raise self._fail("a column declared after the rows, or beside another table's")
        name = attributes.get("name", "").strip() or attributes.get("ID", "").strip()
        fields.append(
            Field(
                name or f"col{len(fields) + 1}",
                attributes.get("datatype", "").strip(),
                re.sub(r"\s", "", attributes.get("arraysize", "")),
                attributes.get("unit", "").strip(),
            )
        )

    def _count_columns(self, more: int) -> None:
        """Count the columns of all tables: a few letters can lend one table's to another."""
        self._n_columns += more
        if self._n_columns > _MAX_COLUMNS:
            raise self._fail(f"more than {_MAX_COLUMNS:,} columns")

    def _refuse_remote(self, attributes: dict[str, str]) -> None:
        for name, address in attributes.items():
            if name.rpartition(":")[2].lower() == "href":
                raise TableError(
                    f"{self.where}: the VOTable's data lie in another file ({address[:80]!r}): "
                    "refused as unsafe; give that file itself"
                )

    def _listen(self) -> None:
        self._parts = []
        self._parser.CharacterDataHandler = self._parts.append

    def _heard(self) -> str:
        self._parser.CharacterDataHandler = None
        return "".join(self._parts)

    def _end(self, tag: str) -> None:
        name = self._path.pop()
        if name == "TD":
            self._parser.CharacterDataHandler = None
            parts = self._parts
            self._row.append(parts[0] if len(parts) == 1 else "".join(parts))
        elif name == "TR":
            self.tables[-1].rows.add(self._row)  # type: ignore[union-attr]
        elif name == "STREAM":
            self.tables[-1].rows = self._rows_of(self._path[-1], self._heard())
        elif name == "INFO" and self._info is not None:
            self.said.append((self._info, self._heard()))
            self._info = None
        elif name == "TABLE":
            self._hold_rows(self.tables[-1])

    def _rows_of(self, form: str, text: str) -> Rows:
        encoding = self._stream.get("encoding", "base64")
        if encoding.strip().lower() != "base64" or form == "PARQUET":
            raise TableError(
                f"{self.where}: {form} data with encoding {encoding[:40]!r} are not read: save the "
                "table as TABLEDATA or BINARY2"
            )
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._fail(f"damaged base64 data: {error}") from error
        fields = self.tables[-1].fields
        if form == "FITS":
            return FitsRows(self.where, fields, data, self._extension)
        return Packed(self.where, fields, data, form == "BINARY2")

    def _hold_rows(self, table: Table) -> None:
        if table.rows is None or not table.declared_rows.isdecimal():
            return
        declared = table.declared_rows.lstrip("0") or "0"
        if declared != str(table.rows.n_rows):
            raise self._fail(
                f"table {table.name} declares {declared[:20]} rows and has {table.rows.n_rows:,}"
            )


class FitsRows:
    """The rows of a FITS table within a VOTable, under the names that the VOTable gives.

    Raises
    ------
    TableError
        If it is not a whole FITS table, or has other columns.
    """

    def __init__(self, where: str, fields: list[Field], data: bytes, extension: str) -> None:
        self.where, self.fields = where, fields
        offered = fits.tables(where, data)
        if extension.strip().isdecimal():
            offered = [t for t in offered if t.number == int(extension[:9])]
        if not offered:
            raise TableError(f"{where}: the FITS data in the VOTable hold no table")
        self._table = offered[0]
        self.n_rows = self._table.n_rows
        if len(self._table.names) != len(fields):
            raise TableError(
                f"{where}: the VOTable declares {len(fields)} columns, the FITS table in it has "
                f"{len(self._table.names)}"
            )

    def columns(self) -> list[tuple[pa.Field, pa.Array]]:
        """Return the columns in their order."""
        made = []
        for declared, (found, values) in zip(self.fields, self._table.columns(), strict=True):
            metadata = dict(found.metadata or {})
            if declared.unit:
                metadata[b"unit"] = declared.unit.encode()
            made.append((found.with_name(declared.name).with_metadata(metadata), values))
        return made
