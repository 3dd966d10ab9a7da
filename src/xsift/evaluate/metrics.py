"""How good probabilities are: figures, and their intervals by a bootstrap over sources.

Every figure is a function of sums over detections. The sums of a source are kept, so that a
resample of sources is a product of matrices: scikit-learn's functions, which the tests hold these
to, would take 60 times as long for 1,000 resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from xsift.classes import Classes

__all__ = [
    "ALL_ELSE",
    "MEASURES",
    "N_RESAMPLES",
    "Level",
    "Measured",
    "Resamples",
    "Scores",
    "figure",
    "levels_of",
    "mean_recall",
    "open_levels_of",
    "ratio",
]

N_RESAMPLES = 1000
N_BINS = 10
CLIP = 1e-6
ALL_ELSE = "all else"
_CHUNK = 100
MEASURES = ("accuracy", "balanced_accuracy", "log_loss", "brier", "ece")


@dataclass(frozen=True, eq=False)
class Level:
    """How finely classes are told apart.

    Attributes
    ----------
    key : str
    names : tuple of str
    of_class : ndarray of int, shape (C,)
        Which of the names a class belongs to.
    """

    key: str
    names: tuple[str, ...]
    of_class: np.ndarray

    def sum(self, p: np.ndarray) -> np.ndarray:
        """Sum the probabilities of classes, (..., C), over their groups: (..., G)."""
        member = np.zeros((len(self.of_class), len(self.names)))
        member[np.arange(len(self.of_class)), self.of_class] = 1
        return np.asarray(p @ member)


def levels_of(classes: Classes) -> tuple[Level, ...]:
    """Return the levels of the plain classes: groups, AGN and Seyfert as one, all classes."""
    plain = classes.plain

    def level(key: str, name_of: Callable[[Any], str]) -> Level:
        names = tuple(dict.fromkeys(name_of(c) for c in plain.classes))
        of_class = [names.index(name_of(c)) for c in plain.classes]
        return Level(key, names, np.array(of_class))

    found = [level("groups", lambda c: c.group)]
    if {"AGN", "Seyfert"} <= set(plain.groups):
        family = {"AGN": "AGN + Seyfert", "Seyfert": "AGN + Seyfert"}
        found.append(level("merged", lambda c: family.get(c.group, c.group)))
    return (*found, level("classes", lambda c: c.code))


def open_levels_of(classes: Classes) -> tuple[Level, ...]:
    """Return the levels of the open world, over the classes and, last, none of them.

    First the groups of the plain classes, and all else as one; then, where there are classes apart,
    their groups by themselves.
    """
    plain, n = classes.plain, len(classes) + 1
    of_class = np.full(n, len(plain.groups))
    of_class[: len(plain)] = plain.group_index
    found = [Level("groups", (*plain.groups, ALL_ELSE), of_class)]
    if len(plain) < len(classes):
        of_class = np.array([*classes.group_index, len(classes.groups)])
        found.append(Level("kinds", (*classes.groups, "other types"), of_class))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Resamples:
    """How often each unit is drawn in each resample: the same for all methods, so that they pair.

    Attributes
    ----------
    unit : ndarray of int, shape (n,)
        Unit of each row, 0 to m - 1; -1 for rows that take no part.
    weights : ndarray of int, shape (1 + B, m)
        The first is the sample itself.
    """

    unit: np.ndarray
    weights: np.ndarray

    @classmethod
    def draw(
        cls, unit: np.ndarray, among: np.ndarray, seed: int, n: int = N_RESAMPLES
    ) -> Resamples:
        """Draw `n` resamples of the units that have a row `among` the chosen, each as many units.

        Parameters
        ----------
        unit : ndarray of int, shape (n,)
        among : ndarray of bool, shape (n,)
        """
        units = np.unique(unit[among])
        m = len(units)
        rng, p = np.random.default_rng(seed), np.full(m, 1 / max(m, 1))
        weights = np.ones((1 + n, m), dtype=np.uint16)  # as float64 they would fill the memory
        for drawn in weights[1:]:
            drawn[:] = rng.multinomial(m, p)
        at = np.searchsorted(units, unit)
        found = np.append(units, -1)[at] == unit
        return cls(np.where(found, at, -1), weights)

    def of(self, rows: np.ndarray) -> Resamples:
        """Return the same resamples for other rows: `rows` says whose unit each has."""
        return Resamples(self.unit[rows], self.weights)

    def point(self) -> Resamples:
        """Return the sample alone, for figures without an interval."""
        return Resamples(self.unit, self.weights[:1])

    def sums(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum the values, shape (len(rows), w), over the rows of each resample: (1 + B, w)."""
        m = self.weights.shape[1]
        where = (self.unit[rows], np.arange(len(rows)))
        total = coo_array((np.ones(len(rows)), where), shape=(m, len(rows))).tocsr() @ values
        chunks = range(0, len(self.weights), _CHUNK)
        return np.vstack([self.weights[i : i + _CHUNK].astype(np.float64) @ total for i in chunks])


@dataclass(frozen=True, eq=False)
class Scores:
    """Probabilities of rows beside the truth.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Rows of the sample that `Resamples` was drawn for.
    p : ndarray of shape (n, C)
        NaN in a row that was not scored; else it sums to 1 over the classes.
    y : ndarray of int, shape (n,)
    shares : ndarray of shape (n, C)
        Class shares under which each row's `p` holds; NaN: the decision is the argmax of `p`.
    """

    rows: np.ndarray
    p: np.ndarray
    y: np.ndarray
    shares: np.ndarray

    def keep(self, chosen: np.ndarray) -> Scores:
        """Return some of the rows."""
        return Scores(self.rows[chosen], self.p[chosen], self.y[chosen], self.shares[chosen])

    def measure(self, level: Level, resamples: Resamples) -> Measured:
        """Measure everything at a level, in the sample and in every resample."""
        return _measured(self, level, resamples)


@dataclass(frozen=True, eq=False)
class Measured:
    """All figures at a level, in the sample (first) and in the resamples.

    Attributes
    ----------
    level : Level
    series : dict of str to ndarray of shape (1 + B,)
        By measure.
    recall, precision : ndarray of shape (1 + B, G)
    confusion : ndarray of shape (G, G)
        Of the decision argmax p / prior: rows are the truth.
    reliability : tuple of three ndarrays of shape (1 + B, bins)
        By ten equal bins of the top probability: number, sum of it, number right.
    n_detections, n_units, n_unscored : int
    """

    level: Level
    series: dict[str, np.ndarray]
    recall: np.ndarray
    precision: np.ndarray
    confusion: np.ndarray
    reliability: tuple[np.ndarray, np.ndarray, np.ndarray]
    n_detections: int
    n_units: int
    n_unscored: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures with their intervals, as plain data."""
        members, called = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        count, confidence, right = self.reliability
        share = ratio(right, count)
        drawn = share[1:] if len(share) > 1 else share
        # A bin that no resample fills has no interval; the page draws none.
        filled = np.where(np.isnan(drawn).all(axis=0), 0.0, drawn)
        low, high = np.nanpercentile(filled, [2.5, 97.5], axis=0)
        return {k: figure(v, self.n_detections, k == "ece") for k, v in self.series.items()} | {
            "n_detections": self.n_detections,
            "n_units": self.n_units,
            "n_unscored": self.n_unscored,
            "names": list(self.level.names),
            "recall": [figure(s, n) for s, n in zip(self.recall.T, members, strict=True)],
            "precision": [figure(s, n) for s, n in zip(self.precision.T, called, strict=True)],
            "confusion": self.confusion.tolist(),
            "reliability": {
                "n": count[0].astype(int).tolist(),
                "confidence": ratio(confidence[0], count[0]).tolist(),
                "accuracy": share[0].tolist(),
                "low": low.tolist(),
                "high": high.tolist(),
            },
        }


def decide(p: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the argmax of p / shares; of p where no shares are stated. Absent classes never win.

    Parameters
    ----------
    p, shares : ndarray of shape (n, G)
    """
    stated = np.isfinite(shares)
    ratio = np.divide(p, shares, out=np.zeros_like(p), where=stated & (shares > 0))
    return np.asarray(np.where(stated, ratio, p).argmax(axis=1))


def _measured(scores: Scores, level: Level, resamples: Resamples) -> Measured:
    g, b = len(level.names), N_BINS
    truth = level.of_class[scores.y]
    scored = np.isfinite(scores.p).all(axis=1)
    p = level.sum(scores.p[scored])
    t, n = truth[scored], int(scored.sum())
    chosen = decide(p, level.sum(scores.shares[scored]))
    top, at = p.argmax(axis=1), np.arange(n)
    # A top probability of 1 belongs into the last bin.
    bins = np.minimum((p[at, top] * b).astype(np.int64), b - 1)
    values = np.zeros((n, g * g + 3 + 3 * b))
    rest = values[:, g * g :]
    values[at, t * g + chosen] = 1
    rest[:, 0] = top == t
    rest[:, 1] = -np.log(np.maximum(p[at, t], CLIP))
    rest[:, 2] = ((p - np.eye(g)[t]) ** 2).sum(axis=1)
    for i, value in enumerate((np.ones(n), p[at, top], top == t)):
        rest[at, 3 + i * b + bins] = value
    sums = resamples.sums(scores.rows[scored], values)
    unscored = resamples.sums(scores.rows[~scored], np.eye(g)[truth[~scored]])
    return _from_sums(sums, unscored, level, len(np.unique(resamples.unit[scores.rows[scored]])))


def _from_sums(sums: np.ndarray, unscored: np.ndarray, level: Level, n_units: int) -> Measured:
    g, b = len(level.names), N_BINS
    decided, rest = sums[:, : g * g].reshape(-1, g, g), sums[:, g * g :]
    count, confidence, right = (rest[:, 3 + i * b : 3 + (i + 1) * b] for i in range(3))
    diagonal = np.diagonal(decided, axis1=1, axis2=2)
    members, n = decided.sum(axis=2), decided.sum(axis=(1, 2))
    recall = ratio(diagonal, members)
    series = {
        "accuracy": ratio(rest[:, 0], n),
        "balanced_accuracy": mean_recall(recall),
        "log_loss": ratio(rest[:, 1], n),
        "brier": ratio(rest[:, 2], n),
        "ece": ratio(np.abs(confidence - right).sum(axis=1), n),
        "accuracy_unscored_wrong": ratio(rest[:, 0], n + unscored.sum(axis=1)),
        "balanced_accuracy_unscored_wrong": mean_recall(ratio(diagonal, members + unscored)),
    }
    return Measured(
        level,
        series,
        recall,
        ratio(diagonal, decided.sum(axis=1)),
        decided[0].astype(np.int64),
        (count, confidence, right),
        int(n[0]),
        n_units,
        int(unscored[0].sum()),
    )


def figure(series: np.ndarray, n: float, is_biased: bool = False) -> dict[str, Any]:
    """Return a figure with its 95 % interval.

    Parameters
    ----------
    series : ndarray of shape (1 + B,)
        The sample's value, then the resamples'; without resamples there is no interval.
    n : int
        How many detections, or sources, it is taken over.
    is_biased : bool
        Resampling adds noise, which raises the calibration error: there the percentiles are
        shifted by the resamples' mean excess, and cut at 0.
    """
    drawn = series[1:][np.isfinite(series[1:])]
    value = float(series[0])
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist() if len(drawn) else (np.nan, np.nan)
    if is_biased:
        excess = float(drawn.mean()) - value if len(drawn) else 0.0
        low, high = max(0.0, low - excess), max(0.0, high - excess)
    return {"value": value, "low": low, "high": high, "n": int(n)}


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, broadcast; NaN where b is 0."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return np.asarray(np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0))


def mean_recall(recall: np.ndarray) -> np.ndarray:
    """Return the mean over the classes that are there, of each resample."""
    there = np.isfinite(recall)
    return ratio(np.where(there, recall, 0).sum(axis=1), there.sum(axis=1))
