"""What an archive is asked about: names and positions from a user's table."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from xsift import read, surveys
from xsift.errors import MissingColumnsError, TableError, XsiftWarning
from xsift.read import cells, schema

__all__ = ["positions_of", "values_of"]


def values_of(path: Path, column: str) -> list[str]:
    """Read a column of text from a table; missing values are left out, with a warning.

    Raises
    ------
    TableError
        If it has no such column, or nothing in it.
    """
    table, _ = read.read_table(path, [column])
    found = schema.find_column(table, str(path), column)
    if found is None:
        raise MissingColumnsError(str(path), [column], table.column_names)
    values = [v for v in cells.text(table.column(found), str(path), found).to_pylist() if v]
    if not values:
        raise TableError(f"{path}: column {column} is empty in every row")
    if empty := table.num_rows - len(values):
        _warn(f"{path}: rows without a {column}: {empty:,} of {table.num_rows:,} (not asked about)")
    return values


def positions_of(path: Path) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Read positions (deg, NaN where missing or impossible) and, where it has them, names.

    Right ascensions are taken modulo 360. Rows without a position are counted in a warning.

    Raises
    ------
    TableError
        If the table has no positions.
    """
    table, _ = read.read_table(path, ["name", "ra", "dec"])
    where, survey = str(path), surveys.load("csc20")
    found = {c: schema.find_column(table, where, c) for c in ("ra", "dec", "name")}
    if missing := [c for c in ("ra", "dec") if found[c] is None]:
        raise MissingColumnsError(where, missing, table.column_names)
    columns = {axis: survey.column(axis) for axis in ("ra", "dec")}
    given = {
        axis: schema.held(table, where, str(found[axis]), column).to_numpy(zero_copy_only=False)
        for axis, column in columns.items()
    }
    possible = columns["ra"].accepts(given["ra"]) & columns["dec"].accepts(given["dec"])
    _say_left_out(where, given["ra"], given["dec"], possible)
    names: list[str | None] = [None] * table.num_rows
    if found["name"] is not None:
        names = cells.text(table.column(found["name"]), where, found["name"]).to_pylist()
    ra, dec = (np.where(possible, given[axis], np.nan) for axis in ("ra", "dec"))
    return ra, dec, names


def _say_left_out(where: str, ra: np.ndarray, dec: np.ndarray, possible: np.ndarray) -> None:
    """Count the rows that cannot be asked about: in an error where no other is left."""
    missing = np.isnan(ra) | np.isnan(dec)
    parts = []
    if n := int(missing.sum()):
        parts.append(f"{n:,} without a position")
    if len(bad := np.flatnonzero(~missing & ~possible)):
        parts.append(
            f"{len(bad):,} with an impossible one (row {bad[0] + 1}: ra {ra[bad[0]]:g}, dec "
            f"{dec[bad[0]]:g}; allowed are ra 0 to 360 or a turn away, dec -90 to 90, deg)"
        )
    said = f"{' and '.join(parts)}, of {len(ra):,}"
    if not possible.any():
        raise TableError(f"{where}: no row has a position: {said if parts else 'it has no rows'}")
    if parts:
        _warn(f"{where}: rows not asked about: {said}")


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=3)
