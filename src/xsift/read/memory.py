"""Tables in memory, of whatever library, as the readers of files return them.

Nothing is written to the user's object, and numbers are shared with it where their layout allows.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import pyarrow as pa

from xsift.errors import TableError, XsiftWarning, first_line
from xsift.read.arrays import Cells, of_arrow, of_numpy, of_objects
from xsift.read.contents import digest_of
from xsift.read.masks import hide_masked
from xsift.read.parquet import with_units
from xsift.read.source import Source
from xsift.read.units import plain_name
from xsift.read.unreadable import unreadable, why_unreadable

__all__ = ["InMemory", "as_input", "is_a", "is_path", "table_in_memory"]

_KINDS = (
    "an astropy Table, a pandas or polars DataFrame, a pyarrow Table, or an object with the Arrow "
    "PyCapsule interface"
)
_POSITION = {
    "ra": ("pos.eq.ra;meta.main", "Right ascension, ICRS"),
    "dec": ("pos.eq.dec;meta.main", "Declination, ICRS"),
}


@dataclass(frozen=True)
class InMemory:
    """A table in memory, which the functions of `xsift.read` accept in place of a path.

    Attributes
    ----------
    table : pyarrow.Table
    source : Source
        Its ``path`` is what messages call the table.
    available : tuple of str, optional
        Names of all columns of the files, where `table` holds only some.
    first : int
        Row of the whole table that comes first in `table`.
    """

    table: pa.Table
    source: Source
    available: tuple[str, ...] = ()
    first: int = 0

    def __str__(self) -> str:
        return self.source.path


Column = tuple[str, Cells, dict[str, str]]
"""Name, cells, and what is said of a column: unit, ucd, description."""


def is_path(table: object) -> TypeGuard[str | Path]:
    """Tell whether an input is the name of a file or folder."""
    return isinstance(table, str | os.PathLike)


def as_input(table: Any, source_column: str = "name", role: str = "") -> str | Path | InMemory:
    """Return an input for the readers: a path unchanged, a table in memory converted.

    Parameters
    ----------
    table : str, Path, InMemory or table in memory
    source_column, role : str
        As for `table_in_memory`.

    Raises
    ------
    TableError
        As `table_in_memory` does.
    """
    if isinstance(table, InMemory | str | Path):
        return table
    if is_path(table):
        return Path(table)
    return table_in_memory(table, source_column, role)


def table_in_memory(table: Any, source_column: str = "name", role: str = "") -> InMemory:
    """Convert a table in memory to Arrow: same order of rows and columns, null if missing.

    Units, UCDs and descriptions go with the columns. Columns that xsift cannot read (arrays, times,
    objects) are left out with a warning. If an astropy Table has no ``ra`` and ``dec``, the first
    SkyCoord gives them, deg, ICRS. A named index of a pandas DataFrame becomes a column; an unnamed
    one of text becomes the source column, if the frame has none.

    Parameters
    ----------
    table : object
        An astropy Table, a pandas or polars DataFrame, a pyarrow Table, or any object with the
        Arrow PyCapsule interface.
    source_column : str
        Name of the column of source names.
    role : str
        Role of the table in messages: ``" of labels"``.

    Raises
    ------
    TableError
        If it is none of them, or cannot be converted.
    """
    for (module, name), (said, columns) in _READERS.items():
        if is_a(table, module, name):
            where = f"the {said}{role}"
            return _held(where, list(columns(table, where, source_column)))
    if is_a(table, "lsdb.catalog.catalog", "Catalog"):
        raise TableError(
            f"the LSDB catalogue{role}: it is not in memory, as it has to be here: give what its "
            "compute() returns; classify takes it as it is"
        )
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    said = "Arrow table" if isinstance(table, pa.Table) else type(table).__name__
    where = f"the {said}{role}"
    if not (hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__")):
        raise TableError(f"{where} is no table: give a path, {_KINDS}")
    try:
        given = table if isinstance(table, pa.Table) else pa.table(table)
    except Exception as error:  # whatever its library raises
        raise TableError(f"{where}: cannot be read: {first_line(error)}") from error
    plain = _held(where, list(_arrow_columns(given)), digest=False).table
    masked = with_units(where, hide_masked(plain.replace_schema_metadata(given.schema.metadata)))
    return InMemory(masked, Source(where, "memory", b"", digest_of(masked)))


def is_a(table: object, module: str, name: str) -> bool:
    """Tell whether a table is of a library's class, without importing the library."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(table, kind)


def _held(where: str, columns: list[Column], digest: bool = True) -> InMemory:
    """Put the columns together; warn of those that cannot be read."""
    fields, arrays = [], []
    for name, cells, said in columns:
        if isinstance(cells.array, str):
            field, array = unreadable(name, cells.n_rows, cells.array)
        else:
            array = cells.array
            field = pa.field(name, array.type, metadata={k: v for k, v in said.items() if v})
        fields.append(field)
        arrays.append(array)
    if left_out := [f"{f.name} ({why})" for f in fields if (why := why_unreadable(f))]:
        _warn(f"{where}: columns that xsift cannot read, left out: {', '.join(left_out)}")
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    return InMemory(table, Source(where, "memory", b"", digest_of(table) if digest else ""))


def _arrow_columns(table: pa.Table) -> Iterator[Column]:
    for field, column in zip(table.schema, table.columns, strict=True):
        said = {
            key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in (field.metadata or {}).items()
        }
        yield field.name, of_arrow(column), said


def _has(names: list[str], wanted: str) -> bool:
    return wanted.casefold() in {plain_name(n).casefold() for n in names}


def _astropy_columns(table: Any, where: str, source_column: str) -> Iterator[Column]:
    names = list(table.colnames)
    has_position = _has(names, "ra") or _has(names, "dec")
    position: list[Column] = []
    for name in names:
        column = table.columns[name]
        if is_a(column, "astropy.coordinates", "SkyCoord") and not (has_position or position):
            position = _position(column, name, where)
            if position:
                continue
        yield name, _astropy_cells(column), _astropy_said(column)
    yield from position


def _astropy_cells(column: Any) -> Cells:
    import numpy as np
    from astropy.table import Column as PlainColumn
    from astropy.units import Quantity

    if isinstance(column, PlainColumn):  # MaskedColumn is one, and a masked array
        mask = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
        return of_numpy(np.ma.getdata(column).view(np.ndarray), mask)
    if isinstance(column, Quantity):
        mask = getattr(column, "mask", None)
        return of_numpy(np.asarray(getattr(column, "unmasked", column).value), mask)
    return Cells(f"{type(column).__name__} objects", len(column))


def _astropy_said(column: Any) -> dict[str, str]:
    info = column.info
    unit = getattr(column, "unit", None) if info.unit is None else info.unit
    return {
        "unit": str(unit) if unit is not None else "",
        "ucd": str((info.meta or {}).get("ucd") or ""),
        "description": str(info.description or ""),
    }


def _position(column: Any, name: str, where: str) -> list[Column]:
    """Return ``ra`` and ``dec`` of a SkyCoord; nothing where its frame has no way to ICRS."""
    try:
        icrs = column.icrs
    except Exception as error:  # whatever a frame lacks: AltAz a time, a Galactocentric a distance
        _warn(f"{where}: column {name} has no ICRS positions: {first_line(error)}")
        return []
    _warn(f"{where}: ra and dec are those of the SkyCoord column {name}, ICRS")
    found = []
    for axis, (ucd, description) in _POSITION.items():
        angle = getattr(icrs, axis).deg
        mask = getattr(angle, "mask", None)
        cells = of_numpy(getattr(angle, "unmasked", angle), mask)
        found.append((axis, cells, {"unit": "deg", "ucd": ucd, "description": description}))
    return found


def _pandas_columns(frame: Any, where: str, source_column: str) -> Iterator[Column]:
    if frame.columns.nlevels > 1:
        raise TableError(
            f"{where}: its columns have {frame.columns.nlevels} levels: give each column one name, "
            "such as df.columns = df.columns.map('_'.join)"
        )
    names = [str(name) for name in frame.columns]
    for level in range(frame.index.nlevels):
        index = frame.index.get_level_values(level)
        if name := _index_name(index, frame.index.nlevels, names, where, source_column):
            yield name, _pandas_cells(index), {}
    for at, name in enumerate(names):
        yield name, _pandas_cells(frame.iloc[:, at]), {}


def _index_name(
    index: Any, n_levels: int, names: list[str], where: str, source_column: str
) -> str | None:
    """Return the name of the column that an index becomes; None where it is left out."""
    if index.name is not None:
        if str(index.name) not in names:
            return str(index.name)
        _warn(f"{where}: the index is called {index.name} as a column is: the column is taken")
        return None
    if n_levels > 1 or not any(isinstance(value, str) for value in index[:100]):
        return None  # numbers of rows
    if _has(names, source_column):
        _warn(f"{where}: the index of text is not used: column {source_column} has the names")
        return None
    _warn(f"{where}: no column {source_column}: the index gives the names of the sources")
    return source_column


def _pandas_cells(series: Any) -> Cells:
    import numpy as np

    if isinstance(series.dtype, np.dtype):
        return of_numpy(series.to_numpy())
    try:
        return of_arrow(pa.chunked_array(_chunks(pa.array(series, from_pandas=True))))
    except Exception:  # whatever an extension type raises that Arrow does not know
        return of_objects(series.astype(object).to_list())


def _polars_columns(frame: Any, where: str, source_column: str) -> Iterator[Column]:
    for series in frame.get_columns():
        if str(series.dtype) == "Object":  # Arrow has no such kind
            yield series.name, of_objects(series.to_list()), {}
            continue
        try:
            cells = of_arrow(pa.chunked_array(series))
        except Exception as error:  # whatever polars or Arrow cannot hand on
            cells = Cells(f"{series.dtype}: {first_line(error, 80)}", len(series))
        yield series.name, cells, {}


def _chunks(array: Any) -> list[pa.Array]:
    return list(array.chunks) if isinstance(array, pa.ChunkedArray) else [array]


_READERS: dict[tuple[str, str], tuple[str, Callable[[Any, str, str], Iterator[Column]]]] = {
    ("astropy.table", "Table"): ("astropy Table", _astropy_columns),
    ("pandas", "DataFrame"): ("pandas DataFrame", _pandas_columns),
    ("polars", "DataFrame"): ("polars DataFrame", _polars_columns),
}


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=3)
