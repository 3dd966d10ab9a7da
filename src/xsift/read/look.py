"""What only a whole table can say: counts over its parts that add up exactly, in any order."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from xsift.errors import TableError, XsiftWarning
from xsift.surveys import Survey, SurveyColumn
from xsift.surveys.columns import KEYS

__all__ = ["ColumnLook", "Fit", "Look", "look_at_values"]

# A column with more bad values than this is taken to be another quantity, or in another unit.
_WHOLLY_WRONG = 0.5
_FEW = 10
# Numbers that stand for a missing value in many tables. A measurement is hardly ever one of them
# to the last bit; the real tables of Chandra have none in 130,000 values of these columns.
_MARKS = np.array([s * float("9" * n) for n in range(2, 8) for s in (1, -1)] + [-9.0])
# So many different whole numbers are measurements, not marks of a missing value.
_MOST_REPEATED = 10_000
_NAMES = 16_384

_Key = TypeVar("_Key")
_Cell = tuple[int, float] | None
"""Row, counted from 0, and value."""


class _Counts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class ColumnLook(_Counts):
    """What was met in a column.

    Attributes
    ----------
    n_rows, n_values, n_bad : int
        Rows; values that are there; values that the survey does not allow.
    first_bad, first_wrapped : tuple of (int, float), or None
        Row and value.
    marks : dict of float to int
        Values taken for marks of a missing value, and how often.
    repeated : dict of float to int, or None
        Negative whole numbers, and how often; None: too many different ones to be marks.
    n_wrapped : int
        Angles that were taken modulo a turn.
    why : tuple of (int, str), or None
        Why it cannot be read, and of which part, by the part's first row.
    """

    n_rows: int = 0
    n_values: int = 0
    n_bad: int = 0
    first_bad: _Cell = None
    marks: dict[float, int] = Field(default_factory=dict)
    repeated: dict[float, int] | None = Field(default_factory=dict)
    n_wrapped: int = 0
    first_wrapped: _Cell = None
    why: tuple[int, str] | None = None

    def __add__(self, other: ColumnLook) -> ColumnLook:
        repeated = None
        if self.repeated is not None and other.repeated is not None:
            repeated = _few(_sum(self.repeated, other.repeated))
        return ColumnLook(
            n_rows=self.n_rows + other.n_rows,
            n_values=self.n_values + other.n_values,
            n_bad=self.n_bad + other.n_bad,
            first_bad=_first(self.first_bad, other.first_bad),
            marks=_sum(self.marks, other.marks),
            repeated=repeated,
            n_wrapped=self.n_wrapped + other.n_wrapped,
            first_wrapped=_first(self.first_wrapped, other.first_wrapped),
            why=min(filter(None, (self.why, other.why)), default=None),
        )

    def heed(self, want: SurveyColumn, where: str) -> None:
        """Warn of what was met in the column.

        Raises
        ------
        TableError
            If it cannot be read, or is wrong as a whole.
        """
        if self.why is not None:
            raise TableError(self.why[1])
        for value, times in sorted((self.repeated or {}).items()):
            if times > 1:
                _warn(
                    f"{where}: column {want.name}: {times:,} values are exactly {value:g}: where "
                    "that means missing, leave the cells empty"
                )
        if self.marks:
            found = ", ".join(f"{v:g}" for v in sorted(self.marks))
            _warn(
                f"{where}: column {want.name}: {sum(self.marks.values()):,} of {self.n_rows:,} "
                f"values are exactly {found}: taken for marks of a missing value"
            )
        if self.first_wrapped is not None and want.period is not None:
            row, value = self.first_wrapped
            _warn(
                f"{where}: column {want.name}: {self.n_wrapped:,} of {self.n_rows:,} values are "
                f"taken modulo {want.period:g} (row {row + 1}: {value:g} is "
                f"{value % want.period:g})"
            )
        if self.is_wholly_wrong and self.first_bad is not None:
            row, value = self.first_bad
            raise TableError(
                f"{where}: column {want.name}: {self.n_bad:,} of {self.n_values:,} values are not "
                f"{want.allowed} (row {row + 1}: {value:g}): another unit or another quantity?"
            )

    @property
    def is_wholly_wrong(self) -> bool:
        """Whether so many values are not allowed that the column is another quantity."""
        n, n_bad = self.n_values, self.n_bad
        return n >= 2 and (n_bad == n or (n_bad >= _FEW and n_bad > _WHOLLY_WRONG * n))


class Fit(_Counts):
    """Numbers of detections by their features of Chandra's catalogue.

    Attributes
    ----------
    n_rows, n_all, n_twelfth, n_others : int
        All; those with all twelve; with the twelfth; with all but, at most, the twelfth.
    """

    n_rows: int = 0
    n_all: int = 0
    n_twelfth: int = 0
    n_others: int = 0

    def __add__(self, other: Fit) -> Fit:
        return Fit(**{k: v + getattr(other, k) for k, v in self.model_dump().items()})


class Look(_Counts):
    """A first look at a whole table, for decisions that one part cannot make.

    ``a + b`` is the look at both parts. It does not depend on where a table is cut, nor on the
    order of the parts.

    Attributes
    ----------
    n_rows : int
    columns : dict of str to ColumnLook
        Of the survey's columns that the table has, ``name`` (the source) and ``archive_name``.
    names_are_whole : bool
        Whether all names are whole numbers, which sort as such.
    n_told : int
        Detections whose effective counts are known.
    impossible, outside : dict of str to int
        Limits that are not used, and values outside of their limits, by column.
    fit : Fit or None
        Of a table that might be Chandra's.
    names : dict of str to (int, int)
        A sample of the names, those of the smallest hashes: hash, and number of detections.
    """

    n_rows: int = 0
    columns: dict[str, ColumnLook] = Field(default_factory=dict)
    names_are_whole: bool = True
    n_told: int = 0
    impossible: dict[str, int] = Field(default_factory=dict)
    outside: dict[str, int] = Field(default_factory=dict)
    fit: Fit | None = None
    names: dict[str, tuple[int, int]] = Field(default_factory=dict)

    def __add__(self, other: Look) -> Look:
        if not self.n_rows or not other.n_rows:
            return self if self.n_rows else other
        fit = None if self.fit is None or other.fit is None else self.fit + other.fit
        columns = dict(self.columns)
        for name, column in other.columns.items():
            columns[name] = columns.get(name, ColumnLook()) + column
        names = dict(self.names)
        for name, (key, n) in other.names.items():
            names[name] = (key, names.get(name, (key, 0))[1] + n)
        return Look(
            n_rows=self.n_rows + other.n_rows,
            columns=columns,
            names_are_whole=self.names_are_whole and other.names_are_whole,
            n_told=self.n_told + other.n_told,
            impossible=_sum(self.impossible, other.impossible),
            outside=_sum(self.outside, other.outside),
            fit=fit,
            names=Look.sample_of(names),
        )

    def heed(self, survey: Survey, used: set[str], where: str) -> None:
        """Warn of problems in the columns; those of `used` are needed.

        Raises
        ------
        TableError
            If a column that is needed cannot be read, or is wrong as a whole.
        """
        for want in survey.columns:
            if want.name == "name" or want.name not in self.columns:
                continue
            try:
                self.columns[want.name].heed(want, where)
            except TableError as error:
                if want.name in used:
                    raise
                _warn(f"{error}; the column is left out, as no feature needs it")

    @staticmethod
    def sample_of(names: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """Return the names of the smallest hashes.

        Those of a union are among those of its parts: their detections are all counted.
        """
        if len(names) <= _NAMES:
            return dict(names)
        keys = np.fromiter((key for key, _ in names.values()), np.int64, len(names))
        last = np.partition(keys, _NAMES - 1)[_NAMES - 1]
        few = [item for item in names.items() if item[1][0] <= last]  # more, where hashes agree
        return dict(sorted(few, key=lambda item: (item[1][0], item[0]))[:_NAMES])

    @property
    def has_counts(self) -> bool:
        """Whether the effective counts of any detection are known."""
        return self.n_told > 0

    @property
    def key_columns(self) -> tuple[str, ...]:
        """What tells detections apart, as far as the table has values of all."""
        return tuple(takewhile(self.given.__contains__, (*KEYS, "region_id")))

    @property
    def left_out(self) -> frozenset[str]:
        """Columns that cannot be read, or are wrong as a whole."""
        return frozenset(n for n, c in self.columns.items() if c.why or c.is_wholly_wrong)

    @property
    def given(self) -> frozenset[str]:
        """Columns that hold a value."""
        return frozenset(n for n, c in self.columns.items() if c.n_values) - self.left_out


def look_at_values(
    values: np.ndarray, want: SurveyColumn, marks: bool, first: int
) -> tuple[np.ndarray, ColumnLook]:
    """Look at a column of numbers; return them without marks and with angles in their turn.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN where missing.
    want : SurveyColumn
    marks : bool
        Whether numbers that stand for a missing value elsewhere (-99, 999) are missing here.
    first : int
        Row of the first value in the whole table.
    """
    marked: dict[float, int] = {}
    repeated: dict[float, int] | None = {}
    n_wrapped, first_wrapped = 0, None
    if marks:
        # Marks that the column's bounds let through; those that they do not are impossible values.
        possible = want.accepts(values)
        is_mark = np.isin(values, _MARKS) & possible
        repeated = _negative_wholes(values[possible], want)
        if is_mark.any():
            marked = _counted(values[is_mark])
            values = np.where(is_mark, np.nan, values)
    if want.period is not None:
        turn = want.period
        outside = ((values < 0) & (values > -turn)) | ((values > turn) & (values < 2 * turn))
        outside &= ~np.isin(values, _MARKS)
        if outside.any():
            n_wrapped, first_wrapped = int(outside.sum()), _first_of(outside, values, first)
            values = np.where(outside, values % turn, values)
    there = ~np.isnan(values)
    bad = there & ~want.accepts(values)
    return values, ColumnLook(
        n_rows=len(values),
        n_values=int(there.sum()),
        n_bad=int(bad.sum()),
        first_bad=_first_of(bad, values, first),
        marks=marked,
        repeated=repeated,
        n_wrapped=n_wrapped,
        first_wrapped=first_wrapped,
    )


def _negative_wholes(values: np.ndarray, want: SurveyColumn) -> dict[float, int] | None:
    """Count negative whole numbers: no marks for sure, but hardly measured where they repeat."""
    inside = values[(values < 0) & (values == np.floor(values)) & ~np.isin(values, _MARKS)]
    return _few(_counted(inside[inside != want.low]))


def _few(counted: dict[float, int]) -> dict[float, int] | None:
    return counted if len(counted) <= _MOST_REPEATED else None


def _counted(values: np.ndarray) -> dict[float, int]:
    found, n = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), n.tolist(), strict=True))


def _sum(a: Mapping[_Key, int], b: Mapping[_Key, int]) -> dict[_Key, int]:
    total = Counter(a)
    total.update(b)
    return dict(total)


def _first(a: _Cell, b: _Cell) -> _Cell:
    return min((cell for cell in (a, b) if cell is not None), default=None, key=lambda c: c[0])


def _first_of(chosen: np.ndarray, values: np.ndarray, first: int) -> _Cell:
    if not chosen.any():
        return None
    row = int(chosen.argmax())
    return first + row, float(values[row])


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=4)
