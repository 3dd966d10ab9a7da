"""Rows of a table that meet a condition such as ``CT>=2``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.errors import MissingColumnsError, SettingError, TableError
from xsift.read import cells, schema

__all__ = ["rows_where"]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_CONDITION = re.compile(
    r"^\s*(?P<name>[^<>=!]+?)\s*(?P<sign>>=|<=|!=|==|>|<|=)\s*(?P<value>.+?)\s*$"
)


def rows_where(table: pa.Table, where: str, conditions: Sequence[str]) -> pa.Table:
    """Keep the rows that meet all conditions; a row without the value meets none.

    Parameters
    ----------
    table : pyarrow.Table
    where : str
        The file, for messages.
    conditions : sequence of str
        Each a column, one of ``>= <= > < = !=``, and a number; or ``=`` or ``!=`` and a text.

    Raises
    ------
    SettingError
        If a condition is not of this form.
    TableError
        If the table lacks the column, or no row is left.
    """
    keep = np.ones(table.num_rows, dtype=bool)
    for condition in conditions:
        found = _CONDITION.match(condition)
        if found is None:
            raise SettingError(
                f"--where {condition!r}: give a column, one of >= <= > < = !=, and a value, such "
                "as 'CT>=2'"
            )
        keep &= _meets(table, where, condition, found["name"], found["sign"], found["value"])
    kept = table.filter(pa.array(keep))
    if table.num_rows and not kept.num_rows:
        raise TableError(f"{where}: no row meets --where {' and '.join(conditions)}")
    return kept


def _meets(
    table: pa.Table, where: str, condition: str, name: str, sign: str, value: str
) -> np.ndarray:
    column = schema.find_column(table, where, name)
    if column is None:
        raise MissingColumnsError(where, [name], table.column_names)
    compare = _OPERATORS[sign]
    try:
        number = float(value)
    except ValueError:
        if sign not in ("=", "==", "!="):
            raise SettingError(f"--where {condition!r}: {value!r} is not a number") from None
        found = cells.text(table.column(column), where, column).to_pylist()
        return np.array([c is not None and bool(compare(c, value)) for c in found])
    numbers = cells.numbers(table.column(column), where, column)
    return np.asarray(np.isfinite(numbers) & compare(numbers, number))
