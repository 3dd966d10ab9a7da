"""A table of known objects: names or positions, and types."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.errors import MissingColumnsError, TableError, XsiftWarning
from xsift.read import cells, schema
from xsift.read.layout import is_pattern
from xsift.read.lsdb_catalogue import MOST_ROWS, computed, empty_table
from xsift.read.memory import InMemory
from xsift.read.naming import naming, refuse_ambiguous
from xsift.read.parquet import wanted_fields
from xsift.read.parts import parts_of
from xsift.read.places import is_address
from xsift.read.source import Source
from xsift.read.table import read_whole
from xsift.read.types import labels_of
from xsift.read.units import plain_name
from xsift.read.where import rows_where
from xsift.surveys import Survey

__all__ = ["Known", "known_of_lsdb", "read_known"]

_LABEL_COLUMNS = ("label", "otype", "main_type", "class", "type")


@dataclass(frozen=True)
class Known:
    """A table of known objects: names, positions (deg, null where missing) and types (codes).

    `label_column` is the column that holds the types.
    """

    path: str
    sha256: str
    table: pa.Table
    label_column: str


def read_known(
    path: str | Path | InMemory,
    survey: Survey,
    label_column: str | Sequence[str] | None = None,
    where: Sequence[str] = (),
) -> Known:
    """Read a table of known objects: a label column, and names or positions or both.

    Parameters
    ----------
    label_column : str or sequence of str, optional
        A column; or several, of which the first that the table has is taken, or else, as where
        None, the first of label, otype, main_type, class, type.
    where : sequence of str
        Conditions on its rows (`rows_where`).

    Raises
    ------
    TableError
        If it has no label column, or neither names nor positions.
    """
    file = str(path)
    choices = (
        (label_column,)
        if isinstance(label_column, str)
        else (*(label_column or ()), *_LABEL_COLUMNS)
    )
    if isinstance(path, str | Path) and _is_of_parts(path):
        path = _in_parts(path, None if where else _wanted(choices, survey))
    table, source = read_whole(path, [*choices, "name", "ra", "dec"])
    if table.num_rows == 0:
        raise TableError(f"{file}: the table has no rows")
    table = rows_where(table, file, where)
    called = naming(table.column_names, survey, file, only=("name", "ra", "dec"))
    refuse_ambiguous(called, file, ("name", "ra", "dec"))
    table = called.apply(table)
    found = next((f for c in choices if (f := schema.find_column(table, file, c))), None)
    if found is None:
        remedy = "Name the column of types with --label-column"
        raise MissingColumnsError(file, [" or ".join(choices)], table.column_names, remedy)
    arrays: dict[str, pa.Array] = {
        "label": pa.array(labels_of(table.column(found), file, found), type=pa.string())
    }
    if (name := schema.find_column(table, file, "name")) is not None:
        arrays["name"] = cells.names(table.column(name), file, name)
    arrays |= _positions(table, file, survey, "name" in arrays)
    if "name" not in arrays and not {"ra", "dec"} <= set(arrays):
        raise MissingColumnsError(file, ["ra", "dec"], table.column_names, "Or give a name column")
    return Known(file, source.sha256, pa.table(arrays), found)


def known_of_lsdb(catalogue: Any, survey: Survey, label_column: str | None = None) -> InMemory:
    """Compute what `read_known` reads of known objects that are a catalogue of LSDB.

    Raises
    ------
    TableError
        If there are more than `MOST_ROWS`, or they cannot be computed.
    """
    names = empty_table(catalogue).column_names
    wanted = _wanted((label_column or "", *_LABEL_COLUMNS), survey)
    info = catalogue.hc_structure.catalog_info
    chosen = [names[at] for at in wanted_fields(names, wanted)]
    chosen += [n for n in (info.ra_column, info.dec_column) if n in names and n not in chosen]
    found = computed(catalogue, chosen, " of labels")
    taken = {plain_name(name).casefold() for name in chosen}
    place = {info.ra_column: "ra", info.dec_column: "dec"}
    named = [new if (new := place.get(n, n)) not in taken else n for n in chosen]
    return replace(found, table=found.table.rename_columns(named))


def _wanted(choices: Sequence[str], survey: Survey) -> list[str]:
    """List what may be called the columns of known objects; also with the suffix of a match."""
    found = [c for c in choices if c]
    for name in ("name", "ra", "dec"):
        also = next((c.also for c in survey.columns if c.name == name), ())
        found += [f"{n}{end}" for n in (name, *also) for end in ("", "_1", "_2")]
    return found


def _is_of_parts(path: str | Path) -> bool:
    try:
        return is_address(path) or is_pattern(path) or Path(path).is_dir()
    except (OSError, ValueError):  # the reader of files will say so
        return False


def _in_parts(path: str | Path, wanted: list[str] | None) -> InMemory:
    """Read known objects of a folder of Parquet files, or of a HATS catalogue, into memory."""
    parts = parts_of(path)
    if parts.n_rows > MOST_ROWS:
        raise TableError(
            f"{path}: {parts.n_rows:,} rows, and known objects are held in memory, "
            f"{MOST_ROWS:,} at most: choose those that matter first"
        )
    tables = []
    for _, table in parts.read(wanted):
        if isinstance(table, TableError):
            raise table
        tables.append(table.table)
    source = Source(str(path), "memory", b"", parts.sha256)
    return InMemory(pa.concat_tables(tables), source, parts.columns)


def _positions(table: pa.Table, file: str, survey: Survey, has_names: bool) -> dict[str, pa.Array]:
    """Return the positions; where they cannot be read and there are names, none, with a warning."""
    arrays = {}
    try:
        for axis in ("ra", "dec"):
            if (column := schema.find_column(table, file, axis)) is not None:
                arrays[axis] = schema.held(table, file, column, survey.column(axis))
    except TableError as error:
        if not has_names:
            raise
        warnings.warn(
            f"{error}; positions are left out, names tell the objects", XsiftWarning, stacklevel=3
        )
        return {}
    return arrays
