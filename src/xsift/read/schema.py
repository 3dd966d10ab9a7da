"""A table held to its survey's profile: names, kinds, units and possible values."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import MissingColumnsError, TableError, nearest
from xsift.surveys import Feature, Survey, SurveyColumn

__all__ = ["find_column", "held", "hold", "numbers", "text"]

# A column with more bad values than this is taken to be another quantity, or in another unit.
_WHOLLY_WRONG = 0.5
_FEW = 10


def hold(
    table: pa.Table,
    where: str,
    survey: Survey,
    features: tuple[Feature, ...],
    source: str,
    available: list[str] | None = None,
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
        Those that are needed: each of them, or what it follows from, must be there.
    source : str
        The column that says which detections are one source. In the result it is ``name``.
    available : list of str, optional
        The names of all columns of the file, where `table` holds only some, for a hint.

    Returns
    -------
    pyarrow.Table
        The same rows in the same order; the survey's columns that the table has, in the survey's
        units and kinds, null where missing. Values that are not possible stay: it is the scorer's
        business not to use them.

    Raises
    ------
    TableError
        If there are no rows, a column is missing, in a wrong unit or of a wrong kind, or holds
        values that are wrong as a whole.
    """
    if table.num_rows == 0:
        raise TableError(f"{where}: the table has no rows")
    _refuse_missing(table, where, features, source, available or table.column_names)
    arrays: dict[str, pa.Array] = {"name": _key(table, where, source)}
    wanted = [c.name for c in survey.columns if c.name != "name"]
    for name in wanted:
        found = find_column(table, where, name)
        if found is not None:
            arrays[name] = held(table, where, found, survey.column(name))
    if source != "name" and (archive := find_column(table, where, "name")) is not None:
        arrays["archive_name"] = text(table.column(archive), where, archive)
    return pa.table(arrays)


def find_column(table: pa.Table, where: str, name: str) -> str | None:
    """Find a column by name; where none has that very name, by name without regard to case.

    Raises
    ------
    TableError
        If two columns answer to the name.
    """
    exact = [n for n in table.column_names if n == name]
    alike = exact or [n for n in table.column_names if n.strip().casefold() == name.casefold()]
    if len(alike) > 1:
        raise TableError(f"{where}: {len(alike)} columns are called {name}: keep one")
    return alike[0] if alike else None


def numbers(column: pa.ChunkedArray, where: str, name: str) -> np.ndarray:
    """Return a column as float64, NaN where it is null.

    Raises
    ------
    TableError
        If it is text that is not all numbers; names the first such row.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if _is_text(kind):
        return _parsed(column, where, name)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise TableError(f"{where}: column {name} holds {kind}, not numbers")
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.array(values, dtype=np.float64)


def _parsed(column: pa.ChunkedArray, where: str, name: str) -> np.ndarray:
    cells = text(column, where, name).to_pylist()
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell is None or cell.strip().casefold() in ("", "nan", "null", "--"):
            continue
        try:
            values[row] = float(cell)
        except ValueError:
            raise TableError(
                f"{where}: column {name}, row {row + 1}: {cell[:40]!r} is not a number"
            ) from None
    return values


def _refuse_missing(
    table: pa.Table,
    where: str,
    features: tuple[Feature, ...],
    source: str,
    available: list[str],
) -> None:
    missing = []
    if find_column(table, where, source) is None:
        missing.append(source)
    for feature in features:
        has = find_column(table, where, feature.name) is not None
        inputs = [find_column(table, where, i) for i in feature.inputs]
        if not has and (not inputs or None in inputs):
            missing.append(feature.sources)
    if missing:
        # A hint at a column that serves for something else would mislead.
        needed = {n for f in features for n in (f.name, *f.inputs)}
        others = [a for a in available if a.strip().casefold() not in needed]
        remedy = ""
        if source in missing:
            remedy = "Name the column of source names with --source-column"
        elif all(m.startswith("var_newq") for m in missing):
            remedy = "Tables without it can use --features csc11 (or --model csc11)"
        elif not any(nearest(m.split(" ")[0], others) for m in missing):
            remedy = "A column that you do not have may be there and empty"
        raise MissingColumnsError(where, missing, others, remedy)


def _key(table: pa.Table, where: str, source: str) -> pa.Array:
    column = table.column(find_column(table, where, source))
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64()).combine_chunks()
    if pa.types.is_floating(column.type):
        raise TableError(f"{where}: source column {source} holds {column.type}, not names")
    names = text(column, where, source)
    if names.null_count == len(names):
        raise TableError(f"{where}: source column {source} is empty in every row")
    return names


def text(column: pa.ChunkedArray, where: str, name: str) -> pa.Array:
    """Return a column as text without blanks around it, null where nothing is left.

    Raises
    ------
    TableError
        If it holds bytes that are not UTF-8, or something that is no text.
    """
    try:
        as_text = column.cast(pa.string())
    except pa.ArrowException as error:
        raise TableError(f"{where}: column {name} holds {column.type}, not UTF-8 text") from error
    stripped = pc.utf8_trim_whitespace(as_text).combine_chunks()
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, pa.string()), stripped)


def held(table: pa.Table, where: str, found: str, want: SurveyColumn) -> pa.Array:
    """Return a column in the unit and kind of its description, null where missing."""
    column = table.column(found)
    values = numbers(column, where, found)
    unit = (
        (table.schema.field(found).metadata or {})
        .get(b"unit", b"")
        .decode("utf-8", "replace")
        .strip()
    )
    values *= _factor(unit, want, where)
    _refuse_wholly_wrong(values, want, where)
    if want.kind == "integer":
        return _integers(values, where, found)
    return pa.array(values, mask=np.isnan(values))


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
        )
    )


def _integers(values: np.ndarray, where: str, name: str) -> pa.Array:
    missing = np.isnan(values)
    whole = np.where(missing, 0, values)
    odd = np.flatnonzero((whole != np.floor(whole)) | (np.abs(whole) > 2**53))
    if len(odd):
        raise TableError(
            f"{where}: column {name}, row {odd[0] + 1}: {values[odd[0]]:g} is not a whole number"
        )
    return pa.array(whole.astype(np.int64), mask=missing)


def _factor(unit: str, want: SurveyColumn, where: str) -> float:
    """Return what turns the declared unit into the profile's; 1 where none is declared."""
    if unit in ("", "-", "None", want.unit):
        return 1.0
    import astropy.units as u

    # str(): astropy leaves the archive's "count/s" unrecognised in a VOTable 1.2, and reads it
    # well as a generic unit. Undeclared units are the profile's.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)  # "multiple slashes": well understood
            declared = u.Unit(re.sub(r"\b(counts|cts)\b", "count", unit))
            factor = float(declared.to(u.Unit(want.unit or "")))
        if not isinstance(declared, u.UnitBase) or not 0 < factor < np.inf:
            raise ValueError("not a factor")  # mag(keV) and its like are no factor of a unit
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        wanted = want.unit or "no unit"
        raise TableError(
            f"{where}: column {want.name} is in {unit[:40]!r}, which does not convert to {wanted}"
        ) from error
    return factor


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
