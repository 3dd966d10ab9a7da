"""The paper's scorer inside one cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from xsift.score.distance import mean_and_precision, softmin, squared_mahalanobis

__all__ = ["MahalanobisScorer"]


class MahalanobisScorer(ClassifierMixin, BaseEstimator):
    """Class probabilities from the softmin of squared Mahalanobis distances.

    Parameters
    ----------
    min_members : int, default=2
        A class with fewer members cannot be scored: its probability is exactly 0. The paper asks
        for 12, its number of features.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_members_ : ndarray of int, shape (n_classes,)
    means_ : ndarray of shape (n_classes, n_features)
    precisions_ : ndarray of shape (n_classes, n_features, n_features)
        Moore-Penrose inverses of the sample covariances.
    scored_ : ndarray of bool, shape (n_classes,)
        Classes with members enough.

    Notes
    -----
    As published: squared distances, no factor 1/2, no determinant, no prior. Exactly `min_members`
    members pass, though the covariance of 12 members in 12 dimensions has rank 11 at most.
    Departures: no n x n matrix, no underflow, and a row that no class can score has probabilities
    NaN, not the first class.

    References
    ----------
    Perez-Diaz et al. 2024, arXiv:2401.12203, section on the classification algorithm.
    """

    def __init__(self, min_members: int = 2) -> None:
        self.min_members = min_members

    def fit(self, X: Any, y: Any) -> MahalanobisScorer:
        """Learn mean and covariance of every class.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Scaled features of the labelled detections, complete.
        y : array-like of shape (n,)
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, members = np.unique(y, return_inverse=True)
        n_classes, d = len(self.classes_), X.shape[1]
        self.n_members_ = np.bincount(members, minlength=n_classes)
        self.scored_ = self.n_members_ >= max(2, self.min_members)
        self.means_ = np.zeros((n_classes, d))
        self.precisions_ = np.zeros((n_classes, d, d))
        for c in np.flatnonzero(self.scored_):
            self.means_[c], self.precisions_[c] = mean_and_precision(X[members == c])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every class, columns in the order of `classes_`.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n, n_classes)
            NaN where no class can be scored.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        d2 = np.full((len(X), len(self.classes_)), np.inf)
        chosen = np.flatnonzero(self.scored_)
        d2[:, chosen] = squared_mahalanobis(
            np.ascontiguousarray(X), self.means_[chosen], self.precisions_[chosen]
        )
        return np.asarray(softmin(d2))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class, the first on ties and where none can be scored."""
        p = self.predict_proba(X)
        return np.asarray(self.classes_[np.nan_to_num(p).argmax(axis=1)])
