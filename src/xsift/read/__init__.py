"""Files to tables held to their survey's schema.

`read_detections` and `read_known` read what becomes a sample (`xsift.model.sample`); `read_table`
reads any table.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.classes import Classes, code_of
from xsift.errors import MissingColumnsError, TableError, XsiftWarning
from xsift.read import cells, schema
from xsift.read.fits import read_fits
from xsift.read.memory import InMemory, as_input, is_path, table_in_memory
from xsift.read.parquet import column_names, read_parquet
from xsift.read.probabilities import Probabilities, hold_probabilities
from xsift.read.published import Published, hold_published
from xsift.read.source import Source, open_source
from xsift.read.text import read_text
from xsift.read.votable import read_votable
from xsift.read.where import rows_where
from xsift.surveys import Feature, Survey

__all__ = [
    "Detections",
    "InMemory",
    "Known",
    "Probabilities",
    "Published",
    "as_input",
    "is_path",
    "read_detections",
    "read_known",
    "read_probabilities",
    "read_published",
    "read_table",
    "table_in_memory",
    "wanted_columns",
]

_LABEL_COLUMNS = ("label", "otype", "main_type", "class", "type")
_TYPE_COLUMN = "otype"
_SHARED_COLUMN = "detection_group"


@dataclass(frozen=True)
class Detections:
    """A table of detections, held to its survey.

    Attributes
    ----------
    path : str
    sha256 : str
        Of the file.
    table : pyarrow.Table
        The survey's columns that the file has; ``name`` is the source. Rows as in the file.
    label : list of (str or None), optional
        Code of each detection's label, where a label column was asked for.
    types : list of (str or None), optional
        Code of each detection's type, of whatever kind, where types were asked for and the table
        has them in `type_column`.
    shared : pyarrow.ChunkedArray, optional
        Names of detections (column ``detection_group``), where types were asked for: rows of one
        name are one detection of several sources.
    """

    path: str
    sha256: str
    table: pa.Table
    label: list[str | None] | None = None
    types: list[str | None] | None = None
    type_column: str | None = None
    shared: pa.ChunkedArray | None = None


@dataclass(frozen=True)
class Known:
    """A table of known objects: names, positions (deg, null where missing) and types (codes).

    `label_column` is the column that holds the types.
    """

    path: str
    sha256: str
    table: pa.Table
    label_column: str


def read_table(path: Any, columns: list[str] | None = None) -> tuple[pa.Table, Source]:
    """Read any table that xsift reads, as it is.

    Parameters
    ----------
    path : str, Path, Source, InMemory or table
        A file: VOTable, FITS, Parquet or CSV, also gzip-compressed; recognised by content. Or a
        table in memory (`table_in_memory`), of which all columns are returned.
    columns : list of str, optional
        Where the format allows it, only these are read. Of several tables in a file, the one with
        the most of them is read, with a warning (`choose_table`).

    Raises
    ------
    TableError
        If it is none of them, or damaged.
    """
    source = path if isinstance(path, Source) else as_input(path)
    if isinstance(source, InMemory):
        return source.table, source.source
    if not isinstance(source, Source):
        source = open_source(source)
    reader = {
        "votable": read_votable,
        "fits": read_fits,
        "parquet": read_parquet,
        "text": read_text,
    }[source.format]
    return reader(source, columns), source


def read_detections(
    path: str | Path | InMemory,
    survey: Survey,
    features: tuple[Feature, ...],
    source_column: str = "name",
    label_column: str | None = None,
    need_all: bool = True,
    with_types: bool = False,
    type_column: str | None = None,
) -> Detections:
    """Read a table of detections and hold it to its survey.

    Parameters
    ----------
    features : tuple of Feature
        Those that are wanted.
    need_all : bool
        Whether every feature must be there; else one is enough (`schema.hold`).
    with_types : bool
        Whether the types of all detections are wanted, too: of `type_column`, or where None of
        ``otype``, if there is such a column.

    Raises
    ------
    TableError
        As `read_table` and `schema.hold` do.
    """
    where = str(path)
    wanted = wanted_columns(survey, source_column, label_column)
    if with_types:
        wanted += [type_column or _TYPE_COLUMN, _SHARED_COLUMN]
    table, source = read_table(path, wanted)
    has_more = source.format == "parquet" and not isinstance(path, InMemory)
    available = column_names(source) if has_more else table.column_names
    held = schema.hold(table, where, survey, features, source_column, available, need_all)
    label = types = shared = None
    if label_column is not None:
        found = _asked_for(table, where, label_column, available)
        label = _labels(table.column(found), where, found)
    if not with_types:
        return Detections(where, source.sha256, held, label)
    if type_column is not None:
        type_column = _asked_for(table, where, type_column, available)
    else:
        type_column = schema.find_column(table, where, _TYPE_COLUMN)
    if type_column is not None:
        types = _codes(table.column(type_column), where, type_column)
    if (column := schema.find_column(table, where, _SHARED_COLUMN)) is not None:
        shared = cells.text(table.column(column), where, column)
    return Detections(where, source.sha256, held, label, types, type_column, shared)


def _asked_for(table: pa.Table, where: str, column: str, available: list[str]) -> str:
    found = schema.find_column(table, where, column)
    if found is None:
        raise MissingColumnsError(where, [column], available)
    return found


def _read_whole(path: str | Path | InMemory, wanted: list[str]) -> tuple[pa.Table, Source]:
    """Read all columns; of several tables, those of the one with the most of the wanted ones."""
    if isinstance(path, InMemory):
        return read_table(path)
    source = open_source(path)
    # Parquet has one table, and would drop what is not wanted.
    return read_table(source, None if source.format == "parquet" else wanted)


def wanted_columns(
    survey: Survey, source_column: str = "name", label_column: str | None = None
) -> list[str]:
    """List the columns that a table of detections may give."""
    wanted = [c.name for c in survey.columns] + [source_column, "name"]
    return wanted + ([label_column] if label_column else [])


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
    table, source = _read_whole(path, [*choices, "name", "ra", "dec"])
    if table.num_rows == 0:
        raise TableError(f"{file}: the table has no rows")
    table = rows_where(table, file, where)
    found = next((f for c in choices if (f := schema.find_column(table, file, c))), None)
    if found is None:
        remedy = "Name the column of types with --label-column"
        raise MissingColumnsError(file, [" or ".join(choices)], table.column_names, remedy)
    arrays: dict[str, pa.Array] = {
        "label": pa.array(_labels(table.column(found), file, found), type=pa.string())
    }
    if (name := schema.find_column(table, file, "name")) is not None:
        arrays["name"] = cells.names(table.column(name), file, name)
    arrays |= _positions(table, file, survey, "name" in arrays)
    if "name" not in arrays and not {"ra", "dec"} <= set(arrays):
        raise MissingColumnsError(file, ["ra", "dec"], table.column_names, "Or give a name column")
    return Known(file, source.sha256, pa.table(arrays), found)


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


def read_probabilities(
    path: str | Path | InMemory,
    survey: Survey,
    source_column: str,
    classes: Classes,
    vote_trained: bool = False,
) -> Probabilities:
    """Read a table of detections with class probabilities, as published or as `run` wrote it.

    Raises
    ------
    TableError
        As `read_table` and `hold_probabilities` do.
    """
    wanted = [source_column, *classes.columns, *classes.codes]
    table, source = _read_whole(path, wanted)
    return hold_probabilities(table, source, survey, source_column, classes, vote_trained)


def read_published(path: str | Path | InMemory, survey: Survey, classes: Classes) -> Published:
    """Read a published table of sources: classes, and probabilities such as ``0.056±0.152``.

    Raises
    ------
    TableError
        As `read_table` and `hold_published` do.
    """
    table, source = _read_whole(path, ["name", *classes.codes])
    return hold_published(table, source, survey, classes)


def _labels(column: pa.ChunkedArray, where: str, name: str) -> list[str | None]:
    if pa.types.is_floating(column.type):
        raise TableError(f"{where}: label column {name} holds {column.type}, not types")
    return _codes(column, where, name)


def _codes(column: pa.ChunkedArray, where: str, name: str) -> list[str | None]:
    spellings = cells.text(column, where, name).dictionary_encode()
    codes = [code_of(s) for s in spellings.dictionary.to_pylist()]
    return [None if i is None else codes[i] for i in spellings.indices.to_pylist()]
