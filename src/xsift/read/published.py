"""The paper's tables of sources, with cells such as ``0.056±0.152``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xsift.classes import Classes, code_of
from xsift.errors import MissingColumnsError, TableError
from xsift.read import cells, schema
from xsift.read.source import Source
from xsift.surveys import Survey

__all__ = ["Published", "hold_published"]

_NUMBER = r"\d*\.?\d+(?:[eE][+-]?\d+)?"
_PROBABILITY = re.compile(rf"(?P<mean>{_NUMBER})\s*(?:±\s*(?P<std>{_NUMBER})?)?")
_CLASS_COLUMNS = ("master_class", "soft_master_class")


@dataclass(frozen=True, eq=False)
class Published:
    """Sources with a class and the probabilities behind it.

    Attributes
    ----------
    sha256 : str
    table : pyarrow.Table
        The survey's columns that the file has.
    code : list of str
        Class of each source: of the unique ones the class, of the ambiguous ones that of the soft
        vote.
    p, std : ndarray of shape (n, C)
        Mean probability of each class and its scatter over the detections.
    n_detections : ndarray of int, shape (n,)
    """

    sha256: str
    table: pa.Table
    code: list[str]
    p: np.ndarray
    std: np.ndarray
    n_detections: np.ndarray


def hold_published(table: pa.Table, source: Source, survey: Survey, classes: Classes) -> Published:
    """Find names, classes and probabilities in a published table of sources.

    Raises
    ------
    TableError
        If a column is missing, or a class or a cell is not of this kind.
    """
    where = source.path
    held = schema.hold(table, where, survey, (), "name")
    column = next((f for c in _CLASS_COLUMNS if (f := schema.find_column(table, where, c))), None)
    by_code = {code_of(name): name for name in table.column_names}
    missing = [code for code in classes.codes if code not in by_code]
    if column is None or missing:
        wanted = [*([" or ".join(_CLASS_COLUMNS)] if column is None else []), *missing]
        remedy = "Give a folder that run, classify or vote wrote, or a published table of sources"
        raise MissingColumnsError(where, wanted, table.column_names, remedy)
    code = [code_of(c) for c in cells.text(table.column(column), where, column).to_pylist()]
    for row, one in enumerate(code):
        if one not in classes.codes:
            raise TableError(
                f"{where}: column {column}, row {row + 1}: {str(one)[:40]!r} is no class: "
                f"allowed are {', '.join(classes.codes)}"
            )
    found = [_mean_and_scatter(table, where, by_code[c]) for c in classes.codes]
    p = np.column_stack([mean for mean, _ in found])
    std = np.column_stack([spread for _, spread in found])
    counted = schema.find_column(table, where, "detection_count")
    n = cells.numbers(table.column(counted), where, counted) if counted else np.ones(len(p))
    return Published(source.sha256, held, [str(c) for c in code], p, std, n.astype(np.int64))


def _mean_and_scatter(table: pa.Table, where: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Split the cells of a column into mean and scatter; without the latter it is 0."""
    column = table.column(name)
    if not cells.is_text(column.type):
        mean = cells.numbers(column, where, name)
        return mean, np.zeros(len(mean))
    mean, std = np.zeros((2, len(column)))
    for row, cell in enumerate(cells.text(column, where, name).to_pylist()):
        said = _PROBABILITY.fullmatch(cell or "")
        mean[row], std[row] = (said["mean"], said["std"] or 0) if said else (np.nan, 0)
        if not (0 <= mean[row] <= 1 and np.isfinite(std[row])):
            raise TableError(
                f"{where}: column {name}, row {row + 1}: {str(cell)[:40]!r} is no probability "
                "such as 0.056±0.152"
            )
    return mean, std
