"""Any table that xsift reads, from a file or in memory, under its survey's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.errors import MissingColumnsError
from xsift.read import schema
from xsift.read.fits import read_fits
from xsift.read.memory import InMemory, as_input
from xsift.read.naming import Naming, naming
from xsift.read.parquet import column_names, read_parquet
from xsift.read.source import Source, open_source
from xsift.read.text import read_text
from xsift.read.votable import read_votable
from xsift.surveys import Survey

__all__ = [
    "asked_for",
    "columns_to_read",
    "named_table",
    "offered_columns",
    "read_table",
    "read_whole",
    "wanted_columns",
]


def read_table(path: Any, columns: list[str] | None = None) -> tuple[pa.Table, Source]:
    """Read a table without checking it against a survey.

    Parameters
    ----------
    path : str, Path, Source, InMemory or table in memory
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


def read_whole(path: str | Path | InMemory, wanted: list[str]) -> tuple[pa.Table, Source]:
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
    wanted = [n for c in survey.columns for n in (c.name, *c.also)] + [source_column, "name"]
    return wanted + ([label_column] if label_column else [])


def offered_columns(
    path: str | Path | InMemory, surveys: Sequence[Survey]
) -> tuple[list[str], Source | InMemory]:
    """Return the columns of a table, and the opened table for the other readers.

    Parameters
    ----------
    path : str, Path or InMemory
    surveys : sequence of Survey
        Of several tables in a file, the one with the most columns of these is meant.
    """
    if isinstance(path, InMemory):
        return path.table.column_names, path
    source = open_source(path)
    if source.format == "parquet":
        return column_names(source), source
    table, _ = read_table(source, [name for s in surveys for name in wanted_columns(s)])
    return table.column_names, InMemory(table, source)


def named_table(
    path: str | Path | Source | InMemory,
    survey: Survey,
    columns: Mapping[str, str] | None,
    more: Sequence[str],
) -> tuple[pa.Table, Source, list[str], Naming]:
    """Read a table, and give its columns the survey's names.

    Returns
    -------
    table : pyarrow.Table
    source : Source
    available : list of str
        Names of all columns of the file, the survey's where they are another's.
    found : Naming
    """
    where = str(path)
    wanted = [*wanted_columns(survey), *more]
    if not isinstance(path, InMemory | Source):
        path = open_source(path)
    if isinstance(path, Source) and path.format == "parquet":
        available = column_names(path)
        wanted, found = columns_to_read(available, survey, where, columns, more)
        table, source = read_table(path, wanted)
    else:
        table, source = read_table(path, [*wanted, *(columns or {}).values()])
        available = table.column_names
        if isinstance(path, InMemory) and path.available:
            available = list(path.available)
        found = naming(available, survey, where, columns)
    by_actual = {actual: name for name, actual in found.called.items()}
    return found.apply(table), source, [by_actual.get(n, n) for n in available], found


def columns_to_read(
    available: list[str],
    survey: Survey,
    where: str,
    columns: Mapping[str, str] | None,
    more: Sequence[str],
) -> tuple[list[str], Naming]:
    """Return which columns of a table are wanted, and what it calls those of its survey."""
    found = naming(available, survey, where, columns)
    wanted = available if "all" in more else [*wanted_columns(survey), *more]
    return [*wanted, *found.called.values()], found


def asked_for(table: pa.Table, where: str, column: str, available: list[str]) -> str:
    """Return what a table calls a column that the user named.

    Raises
    ------
    MissingColumnsError
    """
    found = schema.find_column(table, where, column)
    if found is None:
        raise MissingColumnsError(where, [column], available)
    return found
