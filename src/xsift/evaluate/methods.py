"""What a method is to the validation: it sees training rows, and answers for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["Fitted", "Method", "Prediction", "Training", "mean_by_source"]


@dataclass(frozen=True, eq=False)
class Training:
    """What a method may see of the training rows; neither names, order nor positions.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Raw features in the survey's units; NaN where missing.
    y : ndarray of int, shape (n,)
        Class index; -1 where there is no label.
    other : ndarray of object, shape (n,)
        Type, where it is known to be none of the classes; else None.
    source : ndarray of int, shape (n,)
        Code of the source: says which rows belong together, and nothing else.
    """

    X: np.ndarray
    y: np.ndarray
    other: np.ndarray
    source: np.ndarray

    def take(self, rows: np.ndarray) -> Training:
        """Return some of the rows."""
        return Training(self.X[rows], self.y[rows], self.other[rows], self.source[rows])

    @property
    def is_other(self) -> np.ndarray:
        """Which rows are known to be of another type, bool of shape (n,)."""
        return np.array([t is not None for t in self.other], dtype=bool)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method says of rows; NaN in a row that it cannot score.

    Attributes
    ----------
    p : ndarray of shape (n, C)
        Class probabilities; with `p_none` they sum to 1.
    p_none : ndarray of shape (n,)
        Probability of none of the classes; 0 for a method that knows no such thing.
    typicality : ndarray of shape (n,)
        Tail probability of the row's density; NaN where not known.
    """

    p: np.ndarray
    p_none: np.ndarray
    typicality: np.ndarray


class Fitted(Protocol):
    """A method after its fit."""

    @property
    def shares(self) -> np.ndarray:
        """Class shares under which `p` holds, shape (C,); NaN where the method states none."""

    def predict(self, X: np.ndarray) -> Prediction:
        """Answer for rows of raw features, shape (n, d)."""

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Turn detections' class probabilities, shape (n, C), into those of their sources.

        `p` sums to 1 over the classes. Returns shape (m, C), in the order of
        ``np.unique(source)``.
        """


class Method(Protocol):
    """A way to classify: everything that it learns, it learns in `fit`."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    def fit(self, training: Training, seed: int) -> Fitted:
        """Learn from the training rows."""


def mean_by_source(p: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the mean probabilities of each source, in the order of ``np.unique(source)``."""
    _, of, n = np.unique(source, return_inverse=True, return_counts=True)
    summed = [np.bincount(of, weights=column, minlength=len(n)) for column in p.T]
    return np.asarray(np.column_stack(summed) / n[:, None])
