"""Features from whatever table an astronomer holds: pandas, polars, pyarrow, astropy, Arrow."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from xsift.errors import TableError

__all__ = ["checked_matrix", "is_table", "matrix_of", "names_of"]


def is_table(X: Any) -> bool:
    """Say whether `X` has columns: a data frame or a table, and not an array."""
    if len(getattr(X, "shape", (0, 0))) == 1:  # a series of polars has the Arrow interface, too
        return False
    return _is_of(X, "pandas", "DataFrame") or _is_astropy(X) or hasattr(X, "__arrow_c_stream__")


def matrix_of(X: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Take the columns of a table as features.

    Parameters
    ----------
    X : table
        A pandas data frame (its index is left out), an astropy Table or QTable, or anything with
        the Arrow PyCapsule interface: polars, pyarrow and others.

    Returns
    -------
    values : ndarray of float64, shape (n, d)
        NaN where a value is missing, masked or null. Quantities are in the unit of their column.
    names : tuple of str, or None
        Names of the columns; None where they are numbers, as in a data frame made of an array.

    Raises
    ------
    TableError
        If a column does not hold numbers, or two columns have one name.
    """
    if _is_of(X, "pandas", "DataFrame"):
        columns = [(name, _of_pandas(X.iloc[:, j])) for j, name in enumerate(X.columns)]
    elif _is_astropy(X):
        columns = [(name, _of_astropy(X[name])) for name in X.colnames]
    else:
        columns = _arrow_columns(X)
    for name, values in columns:
        if isinstance(values, str):
            raise TableError(
                f"column {name!r} holds {values}, not numbers: leave it out, or make numbers of it"
            )
    names = names_of([name for name, _ in columns])
    out = np.empty((len(columns[0][1]) if columns else 0, len(columns)))
    for j, (_, values) in enumerate(columns):
        out[:, j] = values
    return out, names


def checked_matrix(estimator: Any, X: Any, *, reset: bool, **checks: Any) -> np.ndarray:
    """Return features as scikit-learn's `validate_data` does, from tables of all kinds.

    It sets or checks `n_features_in_` and `feature_names_in_` of the estimator.
    """
    if not is_table(X):
        return np.asarray(validate_data(estimator, X, reset=reset, dtype="numeric", **checks))
    values, names = matrix_of(X)
    named: Any = values
    if names is not None:
        import pyarrow as pa

        # scikit-learn takes names from data frames only, and knows this one in all its versions.
        named = pa.table({name: pa.array([], pa.float64()) for name in names})
    validate_data(estimator, named, reset=reset, skip_check_array=True)
    return np.asarray(check_array(values, input_name="X", estimator=estimator, **checks))


def _is_of(X: Any, module: str, name: str) -> bool:
    """Tell an object of a library that may not be installed, without importing it."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(X, kind)


def _is_astropy(X: Any) -> bool:
    return _is_of(X, "astropy.table", "Table")


def names_of(names: list[Any]) -> tuple[str, ...] | None:
    """Return the names of columns, if they are names; None where they are numbers.

    Raises
    ------
    TableError
        If some are, or two columns have one name.
    """
    is_text = [isinstance(name, str) for name in names]
    if not any(is_text):
        return None
    if not all(is_text):
        kinds = ", ".join(sorted({type(name).__name__ for name in names}))
        raise TableError(f"column names are of several types ({kinds}): make all of them text")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise TableError(f"column {twice[0]!r} stands more than once: name each column once")
    return tuple(names)


def _of_pandas(column: Any) -> np.ndarray | str:
    """Return the values of a column, or what else it holds."""
    if column.dtype == object:
        return _of_objects(column.tolist())
    if column.dtype.kind not in "fiub" or str(column.dtype) == "category":
        return f"values of type {column.dtype}"
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _of_objects(values: Iterable[Any]) -> np.ndarray | str:
    """Take numbers out of Python objects; None and pandas' NA are missing."""
    out = []
    for value in values:
        if value is None or type(value).__name__ == "NAType":
            out.append(np.nan)
        elif isinstance(value, str | bytes) or np.ndim(value):
            return f"text, such as {value!r}" if isinstance(value, str) else repr(type(value))
        else:
            try:
                out.append(float(value))
            except (TypeError, ValueError):
                return f"values of type {type(value).__name__}"
    return np.array(out, dtype=np.float64)


def _of_astropy(column: Any) -> np.ndarray | str:
    kind = getattr(column, "dtype", None)
    if kind is None:
        return type(column).__name__
    if kind.kind == "O":
        found = np.array(column, dtype=object)
        found[np.broadcast_to(getattr(column, "mask", False), found.shape)] = None
        return _of_objects(found.tolist())
    if kind.kind not in "fiub":
        return f"values of type {kind}"
    if column.ndim != 1:
        return f"arrays of shape {column.shape[1:]}"
    mask = getattr(column, "mask", False)  # of a MaskedColumn or a masked Quantity
    values = getattr(column, "unmasked", column)
    values = np.asarray(getattr(values, "value", values), dtype=np.float64)
    return np.where(mask, np.nan, values)


def _arrow_columns(X: Any) -> list[tuple[Any, np.ndarray | str]]:
    import pyarrow as pa
    import pyarrow.types as types

    try:
        table = X if isinstance(X, pa.Table) else pa.table(X)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(
            f"X, of type {type(X).__name__}, is no table of columns: {str(error).splitlines()[0]}"
        ) from error

    def values_of(column: pa.ChunkedArray) -> np.ndarray | str:
        kind = column.type
        is_number = types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)
        if not (is_number or types.is_boolean(kind) or types.is_null(kind)):
            return f"values of type {kind}"
        if types.is_boolean(kind):
            column = column.cast(pa.int8())
        column = column.cast(pa.float64(), safe=False)
        # A column that is made anew can be written to, as the compiled kernels need.
        return np.array(column.to_numpy(), dtype=np.float64)

    return list(zip(table.column_names, map(values_of, table.columns), strict=True))
