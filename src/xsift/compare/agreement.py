"""How well two catalogues agree: figures of their confusion matrix, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import binomtest

from xsift.evaluate.metrics import figure, mean_recall, ratio

__all__ = ["Agreement", "agreement", "by_confidence", "share"]

N_RESAMPLES = 2000
_EDGES = (0.0, 0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Measures of agreement from a confusion matrix.

    Attributes
    ----------
    rows, columns : tuple of str
        Groups of the other catalogue (rows) and of ours (columns).
    confusion : ndarray of int, shape (R, C)
    figures : dict
        Plain data: ``n``, ``accuracy``, ``balanced_accuracy`` and ``kappa``; ``recall`` and
        ``precision`` by group. Each measure has ``value``, ``low``, ``high``, ``n`` and
        ``interval`` (``wilson`` or ``bootstrap``). A value without data is NaN.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    confusion: np.ndarray
    figures: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "confusion": self.confusion.tolist(),
            **self.figures,
        }


def share(right: int, n: int) -> dict[str, Any]:
    """Return a share with its Wilson interval.

    Source: Wilson 1927, JASA 22, 209.

    >>> share(0, 0)["n"], round(share(1, 10)["low"], 3)
    (0, 0.018)
    """
    if n == 0:
        return {"value": np.nan, "low": np.nan, "high": np.nan, "n": 0, "interval": "wilson"}
    found = binomtest(int(right), int(n)).proportion_ci(0.95, method="wilson")
    value = float(right / n)
    return {
        "value": value,
        "low": float(found.low),
        "high": float(found.high),
        "n": int(n),
        "interval": "wilson",
    }


def agreement(
    theirs: Sequence[str],
    ours: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
    seed: int = 42,
) -> Agreement:
    """Compare two verdicts on the same sources by their confusion matrix.

    Recall is the share of one of their groups that our verdict puts into the same group. Precision
    is the share of one of our groups that their verdict puts into the same group. Accuracy is the
    share of all sources on which both agree. Balanced accuracy is the mean recall over their
    groups that have members. Kappa is the agreement beyond chance (Cohen 1960). Chance means two
    independent verdicts with these shares. A kappa of 0 is chance; a kappa of 1 is perfect.

    Recall, precision and accuracy are shares, and have Wilson intervals. Balanced accuracy and
    kappa have percentile intervals from 2000 bootstrap resamples of the sources. These intervals
    are too narrow if a group has fewer than about ten members.

    Parameters
    ----------
    theirs, ours : sequence of str, (n,)
    rows, columns : sequence of str
        The groups. They must include every verdict.
    seed : int
    """
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    row = {name: i for i, name in enumerate(rows)}
    column = {name: i for i, name in enumerate(columns)}
    np.add.at(counts, ([row[t] for t in theirs], [column[o] for o in ours]), 1)
    same = [(row[name], column[name]) for name in rows if name in column]
    n, members, called = int(counts.sum()), counts.sum(axis=1), counts.sum(axis=0)
    right = {rows[i]: int(counts[i, j]) for i, j in same}
    drawn = _resamples(counts, seed)
    figures = {
        "n": n,
        "accuracy": share(sum(right.values()), n),
        "balanced_accuracy": _bootstrapped(_balanced(drawn, same), n),
        "kappa": _bootstrapped(_kappa(drawn, same), n),
        "recall": {
            name: share(right.get(name, 0), m) for name, m in zip(rows, members, strict=True)
        },
        "precision": {
            name: share(right.get(name, 0), m) for name, m in zip(columns, called, strict=True)
        },
    }
    return Agreement(tuple(rows), tuple(columns), counts, figures)


def by_confidence(p: np.ndarray, agrees: np.ndarray) -> list[dict[str, Any]]:
    """Return the share of sources on which both agree, by the probability of our group.

    Parameters
    ----------
    p : ndarray of shape (n,)
    agrees : ndarray of bool, shape (n,)
    """
    found = []
    for low, high in pairwise(_EDGES):
        inside = (p >= low) & ((p < high) | (high == 1.0))
        figure = share(int(agrees[inside].sum()), int(inside.sum()))
        mean = float(p[inside].mean()) if inside.any() else np.nan
        found.append({"from": low, "to": high, "mean_probability": mean, "agreement": figure})
    return found


def _resamples(counts: np.ndarray, seed: int) -> np.ndarray:
    """Return the matrix itself, then those of resamples of the sources: (1 + B, R, C).

    A resample of n sources is a multinomial draw of n from the cells.
    """
    n, cells = int(counts.sum()), counts.ravel()
    if n == 0:
        return counts[None].astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(n, cells / n, N_RESAMPLES)
    return np.vstack([cells[None], drawn]).reshape(-1, *counts.shape).astype(np.float64)


def _balanced(drawn: np.ndarray, same: list[tuple[int, int]]) -> np.ndarray:
    members = drawn.sum(axis=2)
    diagonal = np.zeros_like(members)
    for i, j in same:
        diagonal[:, i] = drawn[:, i, j]
    return mean_recall(ratio(diagonal, members))


def _kappa(drawn: np.ndarray, same: list[tuple[int, int]]) -> np.ndarray:
    n = drawn.sum(axis=(1, 2))
    members, called = drawn.sum(axis=2), drawn.sum(axis=1)
    observed = sum((drawn[:, i, j] for i, j in same), np.zeros(len(n)))
    chance = sum((members[:, i] * called[:, j] for i, j in same), np.zeros(len(n)))
    # With (po - pe) / (1 - pe), po = observed / n and pe = chance / n^2.
    return ratio(observed * n - chance, n * n - chance)


def _bootstrapped(series: np.ndarray, n: int) -> dict[str, Any]:
    return {**figure(series, n), "interval": "bootstrap"}
