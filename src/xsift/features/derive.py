"""From a table held to its survey to the matrix of raw features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from xsift.features.counts import Faintness, faintness_of
from xsift.surveys import FORMULAS, Feature, Survey

__all__ = ["FeatureTable", "derive"]


@dataclass(frozen=True)
class FeatureTable:
    """Raw features of every detection.

    Attributes
    ----------
    names : tuple of str
    X : ndarray of shape (n, d)
        In the survey's units; NaN where missing, and the value itself where it is not possible.
    usable : ndarray of bool, shape (n, d)
        True where the value is there and possible.
    survey : Survey
    faintness : Faintness, optional
        Where None, every detection counts as measured exactly.
    """

    names: tuple[str, ...]
    X: np.ndarray
    usable: np.ndarray
    survey: Survey
    faintness: Faintness | None = None

    @property
    def plain(self) -> np.ndarray:
        """Raw features as the table has them, NaN where missing or not possible, shape (n, d)."""
        return np.where(self.usable, self.X, np.nan)

    @property
    def values(self) -> np.ndarray:
        """What is scored: raw features, NaN where missing or not possible, shape (n, d).

        A hardness ratio with limits is the middle of its limits: at the edge, where a band has no
        counts, the value says -1 or 1 of one count and of a thousand.
        """
        values = self.plain
        for name, middle in self.middles.items():
            if name in self.names:
                j = self.names.index(name)
                there = self.usable[:, j] & ~np.isnan(middle)
                values[there, j] = middle[there]
        return values

    @property
    def middles(self) -> Mapping[str, np.ndarray]:
        """Middle of the limits of each hardness ratio that has limits (`Faintness`)."""
        return {} if self.faintness is None else self.faintness.middles

    @property
    def counts(self) -> np.ndarray:
        """Effective counts of every detection, shape (n,); infinite: taken as exact."""
        return np.full(len(self.X), np.inf) if self.faintness is None else self.faintness.counts

    @property
    def complete(self) -> np.ndarray:
        """Which detections have all features, as a bool array of shape (n,)."""
        return np.asarray(self.usable.all(axis=1))

    @property
    def empty(self) -> tuple[str, ...]:
        """Features that no detection has."""
        known = np.asarray(self.usable.any(axis=0))
        return tuple(name for name, some in zip(self.names, known, strict=True) if not some)

    def select(self, names: Sequence[str]) -> FeatureTable:
        """Return some of the features, in the order of `names`."""
        if tuple(names) == self.names:
            return self
        at = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), X=self.X[:, at], usable=self.usable[:, at])

    @property
    def n_missing(self) -> np.ndarray:
        """Number of features that a detection lacks or has an impossible value of, shape (n,)."""
        return np.asarray((~self.usable).sum(axis=1))

    def reasons(self) -> dict[int, str]:
        """Return the reason why each detection cannot be scored, by row."""
        only_missing: dict[bytes, str] = {}  # few patterns, many rows
        out = {}
        for row in np.flatnonzero(~self.complete):
            x, ok = self.X[row], self.usable[row]
            if not np.isnan(x[~ok]).all():
                out[int(row)] = self._reason(x, ok)
                continue
            pattern = ok.tobytes()
            if pattern not in only_missing:
                only_missing[pattern] = self._reason(x, ok)
            out[int(row)] = only_missing[pattern]
        return out

    def _reason(self, x: np.ndarray, ok: np.ndarray) -> str:
        missing, wrong = [], []
        for name, value, fine in zip(self.names, x, ok, strict=True):
            if fine:
                continue
            if np.isnan(value):
                missing.append(name)
            elif self.survey.column(name).accepts(value):
                wrong.append(f"{name} = {value:g} follows from an impossible {self._inputs(name)}")
            else:
                wrong.append(f"{name} = {value:g} is not {self.survey.column(name).allowed}")
        parts = [f"misses {', '.join(missing)}"] if missing else []
        return "; ".join(parts + wrong)

    def _inputs(self, name: str) -> str:
        feature = self.survey.feature(name)
        return " or ".join(feature.inputs if feature else ())


def derive(table: pa.Table, survey: Survey, features: tuple[Feature, ...]) -> FeatureTable:
    """Take or compute the features of every detection.

    A feature's own column comes first; where it is missing, the feature follows from its inputs by
    the formula of the profile (paper, section on features: var_ratio = var_sigma / var_mean,
    var_newq = ((var_max + var_min) / 2) / var_mean). An impossible input (a negative count rate)
    makes the feature impossible.

    Parameters
    ----------
    table : pyarrow.Table
        Held to `survey`.
    survey : Survey
    features : tuple of Feature

    Returns
    -------
    FeatureTable
        Rows in the order of the table. Nothing is imputed. It holds nothing of `table`.
    """
    n = table.num_rows
    # Column after column in memory, so that a table can share the columns.
    X = np.full((n, len(features)), np.nan, order="F")
    usable = np.zeros((n, len(features)), dtype=bool, order="F")
    for j, feature in enumerate(features):
        X[:, j], usable[:, j] = _values(table, survey, feature.name)
    faintness = faintness_of(table, survey)
    return FeatureTable(tuple(f.name for f in features), X, usable, survey, faintness)


def _values(table: pa.Table, survey: Survey, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column, or a feature, with what follows by its formula where it is missing."""
    values, ok = _own(table, survey, name)
    feature = survey.feature(name)
    there = table.column_names
    if feature is None or not feature.inputs:
        return values, ok
    if not all(survey.gives(name, there.__contains__) for name in feature.inputs):
        return values, ok
    derived, derived_ok = _derived(table, survey, feature)
    missing = np.isnan(values)
    return np.where(missing, derived, values), np.where(missing, derived_ok, ok)


def _own(table: pa.Table, survey: Survey, name: str) -> tuple[np.ndarray, np.ndarray]:
    if name not in table.column_names:
        n = table.num_rows
        return np.full(n, np.nan), np.zeros(n, dtype=bool)
    values = np.asarray(table.column(name).to_numpy(), dtype=np.float64)
    return values, survey.column(name).accepts(values)


def _derived(table: pa.Table, survey: Survey, feature: Feature) -> tuple[np.ndarray, np.ndarray]:
    inputs = [_values(table, survey, name) for name in feature.inputs]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = FORMULAS[str(feature.formula)].compute([values for values, _ in inputs])
    ok = np.logical_and.reduce([ok for _, ok in inputs]) & survey.column(feature.name).accepts(
        values
    )
    return np.asarray(values, dtype=np.float64), ok
