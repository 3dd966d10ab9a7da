"""Arrow tables whose fields carry unit, UCD and description, as tables of other libraries."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.errors import MissingPackageError
from xsift.surveys.columns import describe

__all__ = ["astropy_table", "pandas_frame"]


def astropy_table(table: pa.Table) -> Any:
    """Return an astropy Table: masked where null; unit, description, and ``meta["ucd"]``.

    Returns
    -------
    astropy.table.Table
        A copy.
    """
    import astropy.units as u
    from astropy.table import Column, MaskedColumn, Table

    columns = []
    for field, cells in zip(table.schema, table.columns, strict=True):
        said = describe(field)
        about: dict[str, Any] = {
            "name": field.name,
            "description": said.description or None,
            "unit": u.Unit(said.unit, parse_strict="silent") if said.unit else None,
            "meta": {"ucd": said.ucd} if said.ucd else None,
        }
        values = _values(cells)
        if cells.null_count:
            mask = cells.is_null().to_numpy()
            columns.append(MaskedColumn(values, mask=mask, **about))
        else:
            columns.append(Column(values, **about))
    return Table(columns, copy=False)


def _values(cells: pa.ChunkedArray) -> np.ndarray:
    """Return the cells as an array of their own kind, whatever stands for a null."""
    kind = cells.type
    if pa.types.is_string(kind):
        return np.array(cells.fill_null("").to_pylist(), dtype=np.str_)
    if pa.types.is_floating(kind):
        return np.array(cells.to_numpy())  # NaN for null
    if cells.null_count:
        cells = cells.fill_null(pa.scalar(0, pa.int8()).cast(kind))
    return np.array(cells.to_numpy())


def pandas_frame(table: pa.Table) -> Any:
    """Return a pandas DataFrame; whole numbers with a null stay whole, as ``Int64``.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    MissingPackageError
        If pandas is not installed.
    """
    if find_spec("pandas") is None:
        raise MissingPackageError(
            "no DataFrame: pandas is not installed; install it with pip install pandas"
        )
    import pandas as pd

    frame = table.to_pandas()
    for name, cells in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(cells.type) and cells.null_count:
            kind = {cells.type: pd.Int64Dtype()}
            frame[name] = cells.to_pandas(types_mapper=kind.get)
    return frame
