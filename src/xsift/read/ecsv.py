"""ECSV: delimited text whose header describes the columns in YAML."""

from __future__ import annotations

import csv
import json
import re

import pyarrow as pa

from xsift.errors import TableError
from xsift.read.declared import columns_of_yaml
from xsift.read.delimited import Layout, read_cells
from xsift.read.masks import hide_masked
from xsift.read.unreadable import unreadable

__all__ = ["read_ecsv"]

_HEADER = re.compile(rb"(?:#[^\r\n]*(?:\r\n|\r|\n)|[ \t]*(?:\r\n|\r|\n))+")


def read_ecsv(where: str, content: bytes) -> pa.Table:
    """Read an ECSV table: every column as text, with its declared unit.

    A column of arrays or objects is left unread.

    Raises
    ------
    TableError
        If the header is no YAML, or describes other columns than the table has.
    """
    match = _HEADER.match(content)
    start = match.end() if match else 0
    try:
        head = content[:start].decode("utf-8")
        line = re.split(rb"[\r\n]", content[start : start + (1 << 20)])[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise TableError(f"{where}: the ECSV header is not UTF-8 text") from error
    text = "\n".join(row[1:].removeprefix(" ") for row in head.splitlines()[1:] if row[:1] == "#")
    said = columns_of_yaml(where, text)
    delimiter = next((s["delimiter"] for s in said if "delimiter" in s), " ")
    if delimiter not in (" ", ","):
        raise TableError(f"{where}: ECSV with the delimiter {delimiter[:9]!r}: a blank or a comma")
    columns = [s for s in said if "name" in s]
    try:
        names = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error as error:
        raise TableError(f"{where}: not a table of values: {error}") from error
    if names != [c["name"] for c in columns]:
        raise TableError(
            f"{where}: the ECSV header describes {len(columns)} columns, and the line that names "
            f"them has {len(names)}, or others"
        )
    units = {c["name"]: c["unit"] for c in columns if c.get("unit")}
    table = read_cells(where, content, Layout(tuple(names), delimiter.strip(), start, 1, units))
    for column in columns:
        if "subtype" in column:
            at = table.column_names.index(column["name"])
            plain = _plain(table.column(at)) if column["subtype"] == "json" else None
            if plain is not None:  # as astropy writes the text of a VOTable
                table = table.set_column(at, table.schema.field(at), plain)
                continue
            what = f"arrays or objects ({column['subtype'][:40]})"
            table = table.set_column(at, *unreadable(column["name"], table.num_rows, what))
    return hide_masked(table)


def _plain(column: pa.ChunkedArray) -> pa.Array | None:
    """Return the text of cells that hold one JSON string each; None where one holds more."""
    try:
        cells = [None if c is None else json.loads(c) for c in column.to_pylist()]
    except (ValueError, RecursionError):
        return None
    if not all(c is None or isinstance(c, str) for c in cells):
        return None
    return pa.array([(c or "").strip() or None for c in cells], pa.string())
