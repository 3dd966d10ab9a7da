"""A table held to its survey's profile: names, kinds, units and possible values."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xsift.errors import MissingColumnsError, TableError, XsiftWarning, nearest
from xsift.read import cells
from xsift.read.angles import is_sexagesimal, sexagesimal
from xsift.read.look import ColumnLook, Look, look_at_values
from xsift.read.units import declared_unit, plain_name, unit_factor
from xsift.read.unreadable import why_unreadable
from xsift.surveys import Feature, Survey, SurveyColumn

__all__ = ["find_column", "held", "hold", "hold_part", "without_left_out"]

_ROW = re.compile(r"\brow (\d+)\b")


def hold(
    table: pa.Table,
    where: str,
    survey: Survey,
    features: tuple[Feature, ...],
    source: str,
    available: list[str] | None = None,
    need_all: bool = True,
) -> pa.Table:
    """Hold a table of detections to its survey.

    Parameters
    ----------
    table : pyarrow.Table
        As read; fields may carry a ``unit``.
    where : str
        The file, for messages.
    survey : Survey
    features : tuple of Feature
        Those that are needed: each of them, or what it follows from.
    source : str
        The column that says which detections are one source. In the result it is ``name``.
    available : list of str, optional
        The names of all columns of the file, where `table` holds only some, for a hint.
    need_all : bool
        Whether every feature must be there; else one is enough, and a warning names the others.

    Returns
    -------
    pyarrow.Table
        The same rows in the same order; ``name`` as text, then the survey's columns that the table
        has, in the survey's units and kinds, null where missing. Values that are not possible
        stay: it is the scorer's business not to use them. A column that no feature needs and that
        cannot be read is left out with a warning.

    Raises
    ------
    TableError
        If there are no rows, a column is missing, in a wrong unit or of a wrong kind, or holds
        values that are wrong as a whole.
    """
    if table.num_rows == 0:
        raise TableError(f"{where}: the table has no rows")
    arrays, look = hold_part(table, where, survey, features, source, available, need_all)
    if not look.columns["name"].n_values:
        raise TableError(f"{where}: source column {source} is empty in every row")
    look.heed(survey, survey.columns_of(features), where)
    return without_left_out(arrays, look)


def hold_part(
    table: pa.Table,
    where: str,
    survey: Survey,
    features: tuple[Feature, ...],
    source: str,
    available: list[str] | None = None,
    need_all: bool = True,
    first: int = 0,
) -> tuple[pa.Table, Look]:
    """Hold a part of a table, from its row `first` on, and look at what only the whole can judge.

    Parameters as for `hold`. Columns that cannot be read are not in the result: the look says why.

    Raises
    ------
    TableError
        If a column is missing, or source names are none.
    """
    _heed_missing(table, where, survey, features, source, available or table.column_names, need_all)
    found = find_column(table, where, source)
    assert found is not None
    arrays: dict[str, pa.Array] = {"name": cells.names(table.column(found), where, found)}
    used = survey.columns_of(features)
    looks: dict[str, ColumnLook] = {}
    for want in survey.columns:
        if want.name == "name":
            continue
        try:
            found = find_column(table, where, want.name)
            if found is not None:
                array, look = _looked_at(table, where, found, want, want.name in used, first)
                arrays[want.name], looks[want.name] = array, look
        except TableError as error:
            why = _ROW.sub(lambda m: f"row {int(m[1]) + first}", str(error), count=1)
            looks[want.name] = ColumnLook(n_rows=table.num_rows, why=(first, why))
    if source != "name" and (archive := find_column(table, where, "name")) is not None:
        arrays["archive_name"] = cells.names(table.column(archive), where, archive)
    for name in {"name", "archive_name"} & set(arrays):
        looks[name] = _n_values(arrays[name])
    return pa.table(arrays), Look(n_rows=table.num_rows, columns=looks)


def without_left_out(held: pa.Table, look: Look) -> pa.Table:
    """Return a table, or a part of one, without what the look at the whole table leaves out."""
    return held.select([n for n in held.column_names if n not in look.left_out])


def find_column(table: pa.Table, where: str, name: str) -> str | None:
    """Find a column by name: that very name, else in any case, else with its unit behind it.

    Raises
    ------
    TableError
        If two columns answer to the name, or its cells are nothing that xsift reads.
    """
    plain = name.strip().casefold()
    for alike in (
        [n for n in table.column_names if n == name],
        [n for n in table.column_names if n.strip().casefold() == plain],
        [n for n in table.column_names if plain_name(n).casefold() == plain],
    ):
        if len(alike) > 1:
            raise TableError(f"{where}: {len(alike)} columns are called {name}: keep one")
        if alike:
            if why := why_unreadable(table.schema.field(alike[0])):
                raise TableError(f"{where}: column {alike[0]} holds {why}: give one value per cell")
            return str(alike[0])
    return None


def held(
    table: pa.Table, where: str, found: str, want: SurveyColumn, marks: bool = False
) -> pa.Array:
    """Return a column in the unit and kind of its description, null where missing.

    Parameters
    ----------
    found : str
        What the column is called in `table`.
    want : SurveyColumn
    marks : bool
        Whether numbers that stand for a missing value elsewhere (-99, 999) are missing here.

    Raises
    ------
    TableError
        If it is in a wrong unit or of a wrong kind, or wrong as a whole.
    """
    array, look = _looked_at(table, where, found, want, marks, 0)
    look.heed(want, where)
    return array


def _looked_at(
    table: pa.Table, where: str, found: str, want: SurveyColumn, marks: bool, first: int
) -> tuple[pa.Array, ColumnLook]:
    column = table.column(found)
    if want.kind == "integer":
        array = cells.integers(column, where, found)
        return array, _n_values(array)
    unit = declared_unit(table.schema.field(found))
    values = _in_unit(column, unit, where, found, want)
    values, look = look_at_values(values, want, marks, first)
    return pa.array(values, mask=np.isnan(values)), look


def _n_values(array: pa.Array) -> ColumnLook:
    return ColumnLook(n_rows=len(array), n_values=len(array) - array.null_count)


def _in_unit(
    column: pa.ChunkedArray, unit: str, where: str, found: str, want: SurveyColumn
) -> np.ndarray:
    if want.name in ("ra", "dec") and cells.is_text(column.type):
        as_text = cells.text(column, where, found)
        if is_sexagesimal(as_text):
            return sexagesimal(as_text, unit, where, found, want.name)
    return np.asarray(cells.numbers(column, where, found) * unit_factor(unit, want, where))


def _heed_missing(
    table: pa.Table,
    where: str,
    survey: Survey,
    features: tuple[Feature, ...],
    source: str,
    available: Sequence[str],
    need_all: bool,
) -> None:
    """Refuse a table without names or features; warn of features that it lacks."""
    # A hint at a column that serves for something else would mislead.
    needed = survey.columns_of(features)
    others = [a for a in available if plain_name(a).casefold() not in needed]
    absent = [
        f.sources
        for f in features
        if not survey.gives(f.name, lambda name: find_column(table, where, name) is not None)
    ]
    alike, unlike = _suggested([a.split(" ")[0] for a in absent], others)
    give = f"If so, give {alike}{_unlike(unlike)}" if alike else ""
    if find_column(table, where, source) is None:
        remedy = "Name the column of source names with --source-column"
        if alike:
            remedy = f"{give}. {remedy}"
        elif unlike:
            remedy += _unlike(unlike)
        raise MissingColumnsError(where, [source, *absent], others, remedy)
    if not absent:
        return
    if need_all or len(absent) == len(features):
        remedy = give
        if not alike and len(absent) == len(features) > 1:
            remedy = "The table has no feature of the survey: is it another table?"
        elif not alike and need_all and all(a.startswith("var_newq") for a in absent):
            remedy = "Tables without it can use --survey csc21 (or --model csc21)"
        elif not alike and need_all:
            remedy = "The published method needs all; --method calibrated takes what there is"
        raise MissingColumnsError(where, absent, others, remedy)
    _warn(f"{where}: no column {', '.join(absent)}: counted as missing in every row")
    if alike:
        _warn(f"{where}: columns with names like those that are missing: if they are, give {alike}")


def _suggested(absent: Sequence[str], others: Sequence[str]) -> tuple[str, list[str]]:
    """Return the options that name columns like those absent, and those that none is like."""
    near: dict[str, str] = {}
    for name in absent:
        # One column serves once: the same one again would be refused.
        if column := nearest(name, [o for o in others if o not in near.values()]):
            near[name] = column
    alike = " ".join(f"--column {shlex.quote(f'{name}={near[name]}')}" for name in near)
    return alike, [name for name in absent if name not in near]


def _unlike(names: Sequence[str]) -> str:
    if not names:
        return ""
    them = "it" if len(names) == 1 else "them"
    said = f"nothing like {', '.join(names)} was found"
    return f"; {said}: name {them} yourself with --column NAME=YOURS"


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=4)
