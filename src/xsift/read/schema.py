"""A table held to its survey's profile: names, kinds, units and possible values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xsift.errors import MissingColumnsError, TableError, XsiftWarning, nearest
from xsift.read import cells
from xsift.read.angles import is_sexagesimal, sexagesimal
from xsift.read.units import declared_unit, plain_name, unit_factor
from xsift.read.unreadable import why_unreadable
from xsift.surveys import Feature, Survey, SurveyColumn

__all__ = ["find_column", "held", "hold"]

# A column with more bad values than this is taken to be another quantity, or in another unit.
_WHOLLY_WRONG = 0.5
_FEW = 10
# Numbers that stand for a missing value in many tables. A measurement is hardly ever one of them
# to the last bit; the real tables of Chandra have none in 130,000 values of these columns.
_MARKS = np.array([s * float("9" * n) for n in range(2, 8) for s in (1, -1)] + [-9.0])


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
    _heed_missing(table, where, survey, features, source, available or table.column_names, need_all)
    arrays: dict[str, pa.Array] = {"name": _source_names(table, where, source)}
    used = survey.columns_of(features)
    for want in survey.columns:
        if want.name == "name":
            continue
        try:
            found = find_column(table, where, want.name)
            if found is not None:
                arrays[want.name] = held(table, where, found, want, marks=want.name in used)
        except TableError as error:
            if want.name in used:
                raise
            _warn(f"{error}; the column is left out, as no feature needs it")
    if source != "name" and (archive := find_column(table, where, "name")) is not None:
        arrays["archive_name"] = cells.names(table.column(archive), where, archive)
    return pa.table(arrays)


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
    column = table.column(found)
    if want.kind == "integer":
        return cells.integers(column, where, found)
    values = _in_unit(column, declared_unit(table.schema.field(found)), where, found, want)
    if marks:
        values = _without_marks(values, want, where)
    if want.period is not None:
        values = _wrapped(values, want, where)
    _refuse_wholly_wrong(values, want, where)
    return pa.array(values, mask=np.isnan(values))


def _in_unit(
    column: pa.ChunkedArray, unit: str, where: str, found: str, want: SurveyColumn
) -> np.ndarray:
    if want.name in ("ra", "dec") and cells.is_text(column.type):
        as_text = cells.text(column, where, found)
        if is_sexagesimal(as_text):
            return sexagesimal(as_text, unit, where, found, want.name)
    return np.asarray(cells.numbers(column, where, found) * unit_factor(unit, want, where))


def _without_marks(values: np.ndarray, want: SurveyColumn, where: str) -> np.ndarray:
    """Take marks of missing values that the column's bounds let through for missing."""
    possible = want.accepts(values)
    _warn_of_repeated(values[possible], want, where)
    marked = np.isin(values, _MARKS) & possible
    if not marked.any():
        return values
    found = ", ".join(f"{v:g}" for v in np.unique(values[marked]))
    _warn(
        f"{where}: column {want.name}: {int(marked.sum()):,} of {len(values):,} values are exactly "
        f"{found}: taken for marks of a missing value"
    )
    return np.where(marked, np.nan, values)


def _warn_of_repeated(values: np.ndarray, want: SurveyColumn, where: str) -> None:
    """Warn of a negative whole number that repeats: no mark for sure, but hardly measured."""
    inside = values[(values < 0) & (values == np.floor(values)) & ~np.isin(values, _MARKS)]
    found, n = np.unique(inside[inside != want.low], return_counts=True)
    for value, times in zip(found[n > 1], n[n > 1], strict=True):
        _warn(
            f"{where}: column {want.name}: {times:,} values are exactly {value:g}: where that "
            "means missing, leave the cells empty"
        )


def _wrapped(values: np.ndarray, want: SurveyColumn, where: str) -> np.ndarray:
    """Take angles one turn away from the allowed ones into them."""
    turn = want.period or 0.0
    outside = ((values < 0) & (values > -turn)) | ((values > turn) & (values < 2 * turn))
    outside &= ~np.isin(values, _MARKS)
    if not outside.any():
        return values
    row = int(np.flatnonzero(outside)[0])
    _warn(
        f"{where}: column {want.name}: {int(outside.sum()):,} of {len(values):,} values are taken "
        f"modulo {turn:g} (row {row + 1}: {values[row]:g} is {values[row] % turn:g})"
    )
    return np.where(outside, values % turn, values)


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
    if find_column(table, where, source) is None:
        remedy = "Name the column of source names with --source-column"
        raise MissingColumnsError(where, [source, *absent], others, remedy)
    if not absent:
        return
    near = {name: nearest(name, others) for name in (a.split(" ")[0] for a in absent)}
    alike = " ".join(f"--column {name}={column}" for name, column in near.items() if column)
    if need_all or len(absent) == len(features):
        remedy = ""
        if alike:
            remedy = f"Where you do, give {alike}"
        elif len(absent) == len(features) > 1:
            remedy = "The table has no feature of the survey: is it another table?"
        elif need_all and all(a.startswith("var_newq") for a in absent):
            remedy = "Tables without it can use --survey csc21 (or --model csc21)"
        elif need_all:
            remedy = "The published method needs all; --method calibrated takes what there is"
        raise MissingColumnsError(where, absent, others, remedy)
    _warn(f"{where}: no column {', '.join(absent)}: counted as missing in every row")
    if alike:
        _warn(f"{where}: columns with names like those that are missing: if they are, give {alike}")


def _source_names(table: pa.Table, where: str, source: str) -> pa.Array:
    found = find_column(table, where, source)
    assert found is not None
    names = cells.names(table.column(found), where, found)
    if names.null_count == len(names):
        raise TableError(f"{where}: source column {source} is empty in every row")
    return names


def _refuse_wholly_wrong(values: np.ndarray, want: SurveyColumn, where: str) -> None:
    there = ~np.isnan(values)
    bad = there & ~want.accepts(values)
    n_bad, n = int(bad.sum()), int(there.sum())
    if n >= 2 and (n_bad == n or (n_bad >= _FEW and n_bad > _WHOLLY_WRONG * n)):
        row = int(np.flatnonzero(bad)[0])
        raise TableError(
            f"{where}: column {want.name}: {n_bad:,} of {n:,} values are not {want.allowed} "
            f"(row {row + 1}: {values[row]:g}): another unit or another quantity?"
        )


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=4)
