"""The interface of a method in the validation: it learns from training rows, predicts others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xsift.model.sample import Training

__all__ = ["Fitted", "Method", "Prediction", "Training", "mean_by_source"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predictions of a method; NaN in a row that it cannot score.

    Attributes
    ----------
    p : ndarray of shape (n, C)
        Class probabilities; with `p_none` they sum to 1. Classes apart have 0 where the method
        does not tell them from other types.
    p_none : ndarray of shape (n,)
        Probability of none of the classes; 0 for a method that knows no such thing. That of all
        else than the plain classes, where the method does not tell classes apart from other types.
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
        """Class shares that `p` assumes, shape (C,); NaN if the method states none."""

    @property
    def none_share(self) -> float:
        """Share of none of the classes that `p_none` assumes."""

    def predict(self, X: np.ndarray, counts: np.ndarray | None = None) -> Prediction:
        """Predict rows of raw features, shape (n, d).

        Parameters
        ----------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,), optional
            Effective counts; infinite where a row is exact, as all are where None.
        """

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Pool the class probabilities of detections, shape (n, C), into those of their sources.

        `p` sums to 1, over the classes or over them and none. Returns as many columns, in the order
        of ``np.unique(source)``.
        """

    def sets(self, p: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Tell which groups are in the set of each row, bool; shape (n, 0) without sets.

        Parameters
        ----------
        p : ndarray of shape (n, C + 1)
            Of the classes, and of none last.
        counts : ndarray of shape (n,)
            Effective counts.
        """


class Method(Protocol):
    """A method to validate: it learns only in `fit`."""

    @property
    def name(self) -> str:
        """The name in the tables."""

    def fit(self, training: Training, seed: int) -> Fitted:
        """Learn from the training rows."""


def mean_by_source(p: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the mean probabilities of each source, in the order of ``np.unique(source)``."""
    _, of, n = np.unique(source, return_inverse=True, return_counts=True)
    summed = [np.bincount(of, weights=column, minlength=len(n)) for column in p.T]
    return np.asarray(np.column_stack(summed) / n[:, None])
