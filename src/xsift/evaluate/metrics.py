"""How good probabilities are: figures, and their intervals by a bootstrap over sources.

Every figure is a function of sums over detections. The sums of a source are kept, so that a
resample of sources is a product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from xsift.classes import Classes

__all__ = ["N_RESAMPLES", "Level", "Resamples", "Scores", "levels_of", "per_class"]

N_RESAMPLES = 1000
N_BINS = 10
CLIP = 1e-6
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
    """Return the levels of a list of classes: groups, AGN and Seyfert as one, all classes."""

    def level(key: str, name_of: Callable[[Any], str]) -> Level:
        names = tuple(dict.fromkeys(name_of(c) for c in classes.classes))
        of_class = [names.index(name_of(c)) for c in classes.classes]
        return Level(key, names, np.array(of_class))

    found = [level("groups", lambda c: c.group)]
    if {"AGN", "Seyfert"} <= set(classes.groups):
        family = {"AGN": "AGN + Seyfert", "Seyfert": "AGN + Seyfert"}
        found.append(level("merged", lambda c: family.get(c.group, c.group)))
    return (*found, level("classes", lambda c: c.code))


@dataclass(frozen=True, eq=False)
class Resamples:
    """How often each unit is drawn in each resample: the same for all methods, so that they pair.

    Attributes
    ----------
    unit : ndarray of int, shape (n,)
        Unit of each row, 0 to m - 1.
    weights : ndarray of shape (1 + B, m)
        The first is the sample itself.
    """

    unit: np.ndarray
    weights: np.ndarray

    @classmethod
    def draw(cls, unit: np.ndarray, seed: int, n: int = N_RESAMPLES) -> Resamples:
        """Draw `n` resamples of the units, each as large as the sample."""
        units, of = np.unique(unit, return_inverse=True)
        m = len(units)
        drawn = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), size=n)
        return cls(of, np.vstack([np.ones((1, m)), drawn]))

    def sums(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum the values, shape (len(rows), w), over the rows of each resample: (1 + B, w)."""
        m = self.weights.shape[1]
        where = (self.unit[rows], np.arange(len(rows)))
        total = coo_array((np.ones(len(rows)), where), shape=(m, len(rows))).tocsr() @ values
        return np.asarray(self.weights @ total)


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

    def figures(self, level: Level, resamples: Resamples) -> dict[str, Any]:
        """Return every figure at a level, with its interval, the confusion and the reliability."""
        return _figures(self, level, resamples)


def decide(p: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the argmax of p / shares; of p where no shares are stated. Absent classes never win.

    Parameters
    ----------
    p, shares : ndarray of shape (n, G)
    """
    stated = np.isfinite(shares)
    ratio = np.divide(p, shares, out=np.zeros_like(p), where=stated & (shares > 0))
    return np.asarray(np.where(stated, ratio, p).argmax(axis=1))


def _figures(scores: Scores, level: Level, resamples: Resamples) -> dict[str, Any]:
    g = len(level.names)
    truth = level.of_class[scores.y]
    scored = np.isfinite(scores.p).all(axis=1)
    p = level.sum(scores.p[scored])
    t, n = truth[scored], int(scored.sum())
    chosen = decide(p, level.sum(scores.shares[scored]))
    top, at = p.argmax(axis=1), np.arange(n)
    # A top probability of 1 belongs into the last bin.
    bins = np.minimum((p[at, top] * N_BINS).astype(np.int64), N_BINS - 1)
    values = np.zeros((n, 2 * g * g + 2 + 3 * N_BINS))
    values[at, t * g + chosen] = 1
    values[at, g * g + t * g + top] = 1
    rest = values[:, 2 * g * g :]
    rest[:, 0] = -np.log(np.maximum(p[at, t], CLIP))
    rest[:, 1] = ((p - np.eye(g)[t]) ** 2).sum(axis=1)
    rest[at, 2 + bins] = 1
    rest[at, 2 + N_BINS + bins] = p[at, top]
    rest[at, 2 + 2 * N_BINS + bins] = top == t
    sums = resamples.sums(scores.rows[scored], values)
    unscored = resamples.sums(scores.rows[~scored], np.eye(g)[truth[~scored]])
    return _from_sums(sums, unscored, level, scores.rows[scored], resamples)


def _from_sums(
    sums: np.ndarray, unscored: np.ndarray, level: Level, rows: np.ndarray, resamples: Resamples
) -> dict[str, Any]:
    g, b = len(level.names), N_BINS
    decided = sums[:, : g * g].reshape(-1, g, g)
    by_top = sums[:, g * g : 2 * g * g].reshape(-1, g, g)
    rest = sums[:, 2 * g * g :]
    count, confidence, right = (rest[:, 2 + i * b : 2 + (i + 1) * b] for i in range(3))
    n, diagonal = by_top.sum(axis=(1, 2)), np.diagonal(decided, axis1=1, axis2=2)
    members, called = decided.sum(axis=2), decided.sum(axis=1)
    correct = np.trace(by_top, axis1=1, axis2=2)
    recall, precision = _ratio(diagonal, members), _ratio(diagonal, called)
    with_unscored = _ratio(diagonal, members + unscored)
    series = {
        "accuracy": _ratio(correct, n),
        "balanced_accuracy": _mean(recall),
        "log_loss": _ratio(rest[:, 0], n),
        "brier": _ratio(rest[:, 1], n),
        "ece": _ratio(np.abs(confidence - right).sum(axis=1), n),
        "accuracy_unscored_wrong": _ratio(correct, n + unscored.sum(axis=1)),
        "balanced_accuracy_unscored_wrong": _mean(with_unscored),
    }
    found: dict[str, Any] = {k: figure(v, n[0], k == "ece") for k, v in series.items()}
    return found | {
        "n_detections": int(n[0]),
        "n_units": len(np.unique(resamples.unit[rows])),
        "n_unscored": int(unscored[0].sum()),
        "names": list(level.names),
        "recall": [figure(recall[:, i], members[0, i]) for i in range(g)],
        "precision": [figure(precision[:, i], called[0, i]) for i in range(g)],
        "confusion": decided[0].astype(int).tolist(),
        "reliability": {
            "n": count[0].astype(int).tolist(),
            "confidence": _ratio(confidence[0], count[0]).tolist(),
            "accuracy": _ratio(right[0], count[0]).tolist(),
            "low": np.nanpercentile(_filled(_ratio(right, count)), 2.5, axis=0).tolist(),
            "high": np.nanpercentile(_filled(_ratio(right, count)), 97.5, axis=0).tolist(),
        },
    }


def figure(series: np.ndarray, n: float, is_biased: bool = False) -> dict[str, Any]:
    """Return a figure with its 95 % interval: the first value is the sample's, the others resamples'.

    Parameters
    ----------
    is_biased : bool
        Resampling adds noise, which raises the calibration error: there the interval is the basic
        one, reflected at the value and cut at 0, not the percentiles.
    """
    drawn = series[1:][np.isfinite(series[1:])]
    value = float(series[0])
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    if is_biased:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    return {"value": value, "low": float(low), "high": float(high), "n": int(n)}


def per_class(found: dict[str, Any], measure: str) -> dict[str, dict[str, Any]]:
    """Return recall or precision by the name of the class."""
    return dict(zip(found["names"], found[measure], strict=True))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _mean(recall: np.ndarray) -> np.ndarray:
    """Mean over the classes that are there, of each resample."""
    there = np.isfinite(recall)
    return _ratio(np.where(there, recall, 0).sum(axis=1), there.sum(axis=1))


def _filled(shares: np.ndarray) -> np.ndarray:
    """Return the resamples' shares; a bin that none of them fills has 0, and is not drawn."""
    shares = shares[1:].copy()
    shares[:, np.isnan(shares).all(axis=0)] = 0.0
    return shares
