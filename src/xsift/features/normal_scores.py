"""Normal scores: each feature mapped to the quantile of a normal distribution, by stored knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

__all__ = ["NormalScores", "fit_normal_scores"]

LIMIT = 4.0
"""Scores lie within this many standard deviations."""

_KNOTS = 500


@dataclass(frozen=True, eq=False)
class NormalScores:
    """Map features to normal scores, monotonically and row by row.

    Heavy tails and scales go, order stays: what a Gaussian mixture needs, and nothing that a tree
    would miss.

    Attributes
    ----------
    value, score : tuple of d ndarrays, each of shape (at most 501,)
        Knots of each feature, both rising; linear between them, constant beyond.
    """

    value: tuple[np.ndarray, ...]
    score: tuple[np.ndarray, ...]

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Map features: shape (n, d) to shape (n, d); NaN stays NaN."""
        from xsift.features.interpolation import interpolate

        Z = np.empty(X.shape)
        for j, (value, score) in enumerate(zip(self.value, self.score, strict=True)):
            # Copies: the compiled code is for arrays that lie together and can be written to.
            Z[:, j] = interpolate(np.array(X[:, j], dtype=np.float64), value.copy(), score.copy())
        return Z


def fit_normal_scores(X: np.ndarray, weight: np.ndarray | None = None) -> NormalScores:
    """Find the knots of the normal scores: quantiles of the values.

    Equal values, such as the many variability probabilities of exactly 1, get the score of their
    mean rank.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing; a feature without any value maps everything to 0.
    weight : ndarray of shape (n,), optional
        Of the rows, above zero: 2 is the row twice.
    """
    weight = np.ones(len(X)) if weight is None else weight
    values, scores = [], []
    for x in X.T:
        is_known = ~np.isnan(x)
        if not is_known.any():
            values.append(np.zeros(1))
            scores.append(np.zeros(1))
            continue
        distinct, of = np.unique(x[is_known], return_inverse=True)
        count = np.bincount(of, weight[is_known])
        rank = (np.cumsum(count) - 0.5 * count) / count.sum()
        # Few knots suffice; those of the extremes and of the commonest values are always kept.
        at = np.searchsorted(rank, np.linspace(0, 1, _KNOTS + 1)).clip(0, len(rank) - 1)
        at = np.unique(np.concatenate([[0], at, [len(rank) - 1]]))
        values.append(distinct[at])
        scores.append(ndtri(rank[at]).clip(-LIMIT, LIMIT))
    return NormalScores(tuple(values), tuple(scores))
