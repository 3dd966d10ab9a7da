"""The Gaussian mixture: what it is once fitted, and how it is fitted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import logsumexp

from xsift.cluster.density import component_log_densities
from xsift.errors import ModelError, TableError, XsiftWarning

__all__ = ["Mixture", "fit_mixture"]


@dataclass(frozen=True, eq=False)
class Mixture:
    """A fitted Gaussian mixture with full covariances.

    Attributes
    ----------
    weights : ndarray of shape (K,)
    means : ndarray of shape (K, d)
    covariances : ndarray of shape (K, d, d)
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @cached_property
    def whitening(self) -> np.ndarray:
        """Inverse Cholesky factors of the covariances, shape (K, d, d).

        Raises
        ------
        ModelError
            If a covariance is not positive definite.
        """
        d = self.means.shape[1]
        factors = []
        for k, covariance in enumerate(self.covariances):
            try:
                lower = cholesky(covariance, lower=True)
            except LinAlgError as error:
                raise ModelError(f"covariance of cluster {k} is not positive definite") from error
            factors.append(solve_triangular(lower, np.eye(d), lower=True))
        return np.array(factors)

    @cached_property
    def _log_norms(self) -> np.ndarray:
        d = self.means.shape[1]
        log_det = np.log(np.diagonal(self.whitening, axis1=1, axis2=2)).sum(axis=1)
        with np.errstate(divide="ignore"):  # a component may have died: weight 0, log -inf
            return np.asarray(np.log(self.weights) + log_det - 0.5 * d * np.log(2 * np.pi))

    def log_joint(self, X: np.ndarray) -> np.ndarray:
        """Return log(weight_k N(x | k)) of every row and cluster, shape (n, K)."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        return np.asarray(component_log_densities(X, self.means, self.whitening, self._log_norms))

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return the log-density of every row, shape (n,)."""
        return np.asarray(logsumexp(self.log_joint(X), axis=1))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the cluster of every row, shape (n,): the most probable, the first on ties."""
        return np.asarray(self.log_joint(X).argmax(axis=1))


def fit_mixture(X: np.ndarray, n_components: int, seed: int) -> Mixture:
    """Fit a Gaussian mixture as the paper does (its section on clustering).

    Full covariances, k-means start, one start, 100 iterations at most, tolerance 1e-3 and a floor
    of 1e-6 on the diagonal of each covariance: scikit-learn's defaults.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Scaled features, complete.
    n_components : int
    seed : int

    Raises
    ------
    TableError
        If there are fewer rows than clusters, or the mixture collapses.
    """
    if len(X) < n_components:
        raise TableError(
            f"{len(X)} complete detections are too few for {n_components} clusters: give more "
            "detections, or fewer clusters with --clusters"
        )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(n_components, random_state=seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model.fit(X)
        except ValueError as error:
            raise TableError(f"the mixture cannot be fitted: {error}") from error
    if any(issubclass(w.category, ConvergenceWarning) for w in caught):
        warnings.warn(
            f"the mixture of {n_components} clusters did not converge cleanly on {len(X):,} "
            "detections: its clusters may be arbitrary",
            XsiftWarning,
            stacklevel=2,
        )
    return Mixture(model.weights_, model.means_, model.covariances_)
