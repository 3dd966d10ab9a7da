"""The published method's scorer: classes against detections inside each cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xsift.score.distance import mean_and_precision, softmin, squared_mahalanobis

__all__ = ["PaperScorer"]


@dataclass(frozen=True, eq=False)
class PaperScorer:
    """Means and precisions of every class in every cluster (paper, classification algorithm).

    Attributes
    ----------
    n_members : ndarray of int, shape (K, C)
        Labelled detections of each class in each cluster.
    means : ndarray of shape (K, C, d)
    precisions : ndarray of shape (K, C, d, d)
    min_members : int
        A class with fewer members in a cluster has probability exactly 0 there.
    """

    n_members: np.ndarray
    means: np.ndarray
    precisions: np.ndarray
    min_members: int = 12

    @classmethod
    def fit(
        cls,
        X: np.ndarray,
        cluster: np.ndarray,
        y: np.ndarray,
        shape: tuple[int, int],
        min_members: int = 12,
    ) -> PaperScorer:
        """Learn the classes from labelled detections.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Scaled features, complete.
        cluster : ndarray of int, shape (n,)
        y : ndarray of int, shape (n,)
            Class indices.
        shape : (int, int)
            Numbers of clusters and of classes.
        min_members : int
        """
        d = X.shape[1]
        n_members = np.zeros(shape, dtype=np.int64)
        np.add.at(n_members, (cluster, y), 1)
        means, precisions = np.zeros((*shape, d)), np.zeros((*shape, d, d))
        for k, c in np.argwhere(n_members >= max(2, min_members)):
            means[k, c], precisions[k, c] = mean_and_precision(X[(cluster == k) & (y == c)])
        return cls(n_members, means, precisions, min_members)

    @property
    def scored(self) -> np.ndarray:
        """Which classes can be scored in which clusters, bool of shape (K, C)."""
        return np.asarray(self.n_members >= max(2, self.min_members))

    def squared_distances(self, X: np.ndarray, cluster: np.ndarray) -> np.ndarray:
        """Return the squared Mahalanobis distance of each row to each class of its own cluster.

        Returns
        -------
        ndarray of shape (n, C)
            inf for classes that cannot be scored there.
        """
        d2 = np.full((len(X), self.n_members.shape[1]), np.inf)
        for k, scored in enumerate(self.scored):
            rows, chosen = np.flatnonzero(cluster == k), np.flatnonzero(scored)
            if len(rows) and len(chosen):
                d2[np.ix_(rows, chosen)] = squared_mahalanobis(
                    np.ascontiguousarray(X[rows]), self.means[k, chosen], self.precisions[k, chosen]
                )
        return d2

    def predict_proba(self, X: np.ndarray, cluster: np.ndarray) -> np.ndarray:
        """Return the probability of every class.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Scaled features, complete.
        cluster : ndarray of int, shape (n,)

        Returns
        -------
        ndarray of shape (n, C)
            NaN in clusters where no class can be scored.
        """
        return np.asarray(softmin(self.squared_distances(X, cluster)))
