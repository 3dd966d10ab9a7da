"""How faint a detection is: its effective counts, from limits, errors, counts or likelihoods.

A hardness ratio of n counts, (1 + m) n / 2 of them in the harder band, has a Beta posterior of mean
m and variance (1 - m^2) / (n + 1). So limits of 1 sigma with the middle m and the half-width s tell
n = (1 - m^2) / s^2 - 1. Background widens the limits: a detection of n net counts tells fewer.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from xsift.errors import XsiftWarning
from xsift.surveys import CountsWay, Survey, SurveyColumn

__all__ = [
    "LEAST_COUNTS",
    "Faintness",
    "counts_of_ratios",
    "faintness_of",
    "may_tell_counts",
    "warn_of_limits",
]

LEAST_COUNTS = 1.0
"""Fewer effective counts count as so many."""

# A value further from the middle of its limits, in half-widths, is another measurement's.
_FAR = 2.0
_EDGE = 1 + 1e-6  # a value on its limit is inside, rounded as it may be
_MEASURED = ("hardness", "flux", "fit")


class _Limits(NamedTuple):
    """Middle and half-width (1 sigma) of the limits of each row; NaN where there are none."""

    middle: np.ndarray
    half: np.ndarray


@dataclass(frozen=True, eq=False)
class Faintness:
    """The effective counts of detections, and how they were found.

    Attributes
    ----------
    counts : ndarray of shape (n,)
        Infinite where nothing tells: the detection counts as measured exactly.
    middles : dict of str to ndarray
        Middle of the limits of each hardness ratio that has limits, shape (n,); NaN where a row has
        none.
    rows : dict of str to int
        Detections by the way to their counts; ``exact`` are those of which nothing tells.
    impossible : dict of str to int
        Limits of each column that are not used: one is no possible value, the lower one is above
        the upper one, they have no width, or the value is more than two half-widths from their
        middle.
    outside : dict of str to int
        Values of each hardness ratio outside its limits.
    """

    counts: np.ndarray
    middles: Mapping[str, np.ndarray] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    impossible: Mapping[str, int] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median counts of the detections that are not exact; NaN where all are."""
        known = self.counts[np.isfinite(self.counts)]
        return float(np.median(known)) if len(known) else float("nan")


def faintness_of(table: pa.Table, survey: Survey) -> Faintness:
    """Find the effective counts of every detection: the first way of the survey that tells them.

    Parameters
    ----------
    table : pyarrow.Table
        Held to `survey`.
    survey : Survey
    """
    # Of limits that are absurd, squares overflow: such counts are infinite or 0, and harm nobody.
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        return _faintness_of(_Reader(table, survey), table, survey)


def may_tell_counts(table: pa.Table, survey: Survey) -> bool:
    """Tell whether a table has the columns of a rule for the effective counts.

    Parameters
    ----------
    table : pyarrow.Table
        Held to `survey`; of any rows.
    survey : Survey
    """
    reader = _Reader(table, survey)
    return any(reader.counts(way) is not None for way in survey.counts)


def _faintness_of(reader: _Reader, table: pa.Table, survey: Survey) -> Faintness:
    counts = np.full(table.num_rows, np.inf)
    rows: dict[str, int] = {}
    for way in survey.counts:
        open_ = np.isinf(counts)
        if not open_.any():
            break
        found = reader.counts(way)
        if found is not None and (told := open_ & np.isfinite(found)).any():
            counts[told] = np.maximum(found[told], LEAST_COUNTS)
            rows[way.way] = rows.get(way.way, 0) + int(told.sum())
    rows["exact"] = int(np.isinf(counts).sum())
    middles = {c.name: reader.limits(c.name) for c in survey.columns if c.bands and c.limits}
    return Faintness(
        counts,
        {name: found.middle for name, found in middles.items() if found is not None},
        rows,
        reader.impossible,
        reader.outside,
    )


def warn_of_limits(faintness: Faintness, where: str) -> None:
    """Warn of impossible limits, and of hardness ratios outside their limits.

    Parameters
    ----------
    faintness : Faintness
    where : str
        The table.
    """
    if faintness.impossible:
        said = ", ".join(f"{name} {n:,}" for name, n in faintness.impossible.items())
        _warn(
            f"{where}: limits that cannot be right are not used: {said} (a limit that is not "
            "possible, the lower one above the upper one, no width, or far from the value)"
        )
    if faintness.outside:
        said = ", ".join(f"{name} {n:,}" for name, n in faintness.outside.items())
        _warn(
            f"{where}: values outside their limits: {said} (the calibrated method takes the middle "
            "of the limits)"
        )


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=3)


def counts_of_ratios(
    ratios: Sequence[tuple[np.ndarray, np.ndarray, Hashable, Hashable]],
) -> np.ndarray:
    """Return the effective counts from all hardness ratios, shape (n,); NaN if there is none.

    The counts of the bands are summed: those of each are the mean of what its ratios tell.

    Parameters
    ----------
    ratios : sequence of tuple
        Middle and half-width (1 sigma) of the limits, shape (n,), and the bands a and b of
        (a - b) / (a + b); one at least.
    """
    total: dict[Hashable, np.ndarray] = {}
    told: dict[Hashable, np.ndarray] = {}
    for middle, half, *bands in ratios:
        n = np.maximum((1 - middle**2) / half**2 - 1, 0)
        is_known = ~np.isnan(n)
        for band, sign in zip(bands, (1, -1), strict=True):
            part = np.where(is_known, n * (1 + sign * middle) / 2, 0)
            total[band] = total.get(band, np.zeros(len(n))) + part
            told[band] = told.get(band, np.zeros(len(n), dtype=np.int8)) + is_known
    counts = np.sum([total[band] / np.maximum(told[band], 1) for band in total], axis=0)
    return np.where(np.any(list(told.values()), axis=0), counts, np.nan)


class _Reader:
    """The limits of a table's columns, each found once, and what is wrong with them."""

    def __init__(self, table: pa.Table, survey: Survey) -> None:
        self._table, self._survey = table, survey
        self._found: dict[str, _Limits | None] = {}
        self.impossible: dict[str, int] = {}
        self.outside: dict[str, int] = {}

    def counts(self, way: CountsWay) -> np.ndarray | None:
        """Return the counts that a way tells, shape (n,); None where the table has no column."""
        if way.way == "hardness":
            found = self._by_hardness(way.columns)
        else:
            each = [self._quantity(way, name) for name in way.columns]
            found = None
            for one in each:
                if one is not None:
                    found = one if found is None else np.where(np.isnan(found), one, found)
        return None if found is None else way.factor * np.maximum(found, 0) ** way.power

    def limits(self, name: str) -> _Limits | None:
        """Return the limits of a column; None where the table does not give them."""
        if name not in self._found:
            self._found[name] = self._limits(name)
        return self._found[name]

    def _quantity(self, way: CountsWay, name: str) -> np.ndarray | None:
        if way.way not in _MEASURED:
            value = self._values(name)
            if value is None:
                return None
            return np.asarray(np.square(value) if way.way == "significance" else value)
        limits = self.limits(name)
        if limits is None:
            return None
        is_relative = way.way == "flux" or way.relative
        value = self._values(name) if is_relative else np.ones(self._table.num_rows)
        return None if value is None else np.asarray(np.square(value / limits.half))

    def _by_hardness(self, columns: Sequence[str]) -> np.ndarray | None:
        bands = [self._survey.column(name).bands for name in columns]
        found = [
            (limits.middle, limits.half, *pair)
            for name, pair in zip(columns, bands, strict=True)
            if pair is not None and (limits := self.limits(name)) is not None
        ]
        return counts_of_ratios(found) if found else None

    def _limits(self, name: str) -> _Limits | None:
        column = self._survey.column(name)
        value = self._values(name)
        given = [v for v in map(self._values, column.limits) if v is not None]
        if value is None or not given or len(given) < len(column.limits):
            return None
        low, high = _interval(column, value, given)
        middle, half = (low + high) / 2, (high - low) / 2
        far = np.abs(value - middle) / np.where(half > 0, half, np.nan)
        wrong = ((half <= 0) | (far > _FAR)) & ~np.isnan(value)
        for limit in column.limits:
            wrong |= self._is_impossible(limit) & ~np.isnan(value)
        if n := int(wrong.sum()):
            self.impossible[name] = n
        fine = ~wrong & ~np.isnan(far)
        if column.bands and (n := int((fine & (far > _EDGE)).sum())):
            self.outside[name] = n
        half = np.where(fine, half / column.sigmas, np.nan)
        middle = np.where(fine, middle, np.nan)
        if column.bands:
            # Errors of a rate know no edge: what reaches beyond -1 or 1 is moved inside, as wide.
            half = np.minimum(half, 1)
            middle = middle.clip(half - 1, 1 - half)
        return _Limits(middle, half)

    def _raw(self, name: str) -> np.ndarray:
        return np.asarray(self._table.column(name).to_numpy(), dtype=np.float64)

    def _is_impossible(self, name: str) -> np.ndarray:
        raw = self._raw(name)
        return np.asarray(~np.isnan(raw) & ~self._survey.column(name).accepts(raw))

    def _values(self, name: str) -> np.ndarray | None:
        """Return the possible values of a column, NaN elsewhere; None where it is not there."""
        if name not in self._table.column_names:
            return None
        values = self._raw(name)
        return np.where(self._survey.column(name).accepts(values), values, np.nan)


def _interval(
    column: SurveyColumn, value: np.ndarray, given: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of a column, from its limits or its errors."""
    if column.lolim is None:
        return value - np.abs(given[0]), value + np.abs(given[-1])
    low, high = given
    if column.bands is None:
        return low, high
    # An upper limit alone: a hardness ratio has no lower value than -1.
    low_alone, high_alone = np.isnan(high) & ~np.isnan(low), np.isnan(low) & ~np.isnan(high)
    return np.where(high_alone, -1.0, low), np.where(low_alone, 1.0, high)
