"""The Gaussian mixture: what it is once fitted, and how it is fitted."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import logsumexp

from xsift.errors import ModelError, TableError, XsiftWarning
from xsift.mixture.density import component_log_densities

__all__ = ["Mixture", "fit_mixture"]

_REG_COVAR = 1e-6


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


def fit_mixture(X: np.ndarray, n_components: int, seed: int, device: str = "cpu") -> Mixture:
    """Fit a Gaussian mixture as the paper does (its section on clustering).

    Full covariances, scikit-learn's k-means start, one start, 100 iterations at most, tolerance
    1e-3 and 1e-6 added to the diagonal of each covariance. From there our own engine iterates; its
    result is scikit-learn's to rounding, with the same bits on any number of processors.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Scaled features, complete.
    n_components : int
    seed : int
    device : {"cpu", "gpu", "auto"}
        Where our engine iterates.

    Raises
    ------
    TableError
        If there are fewer rows than clusters.

    Warns
    -----
    XsiftWarning
        If EM has not converged.
    """
    if len(X) < max(2, n_components):
        raise TableError(
            f"{len(X)} complete detections are too few for {n_components} clusters: give more "
            "detections, or fewer clusters with --clusters"
        )
    from sklearn.exceptions import ConvergenceWarning

    from xsift.mixture.gaussian_mixture import GaussianMixture

    weights, means, precisions = _kmeans_start(X, n_components, seed)
    model = GaussianMixture(
        n_components,
        weights_init=weights,
        means_init=means,
        precisions_init=precisions,
        device=device,
    )
    with warnings.catch_warnings():
        # The published mixture has clusters at the floor of their variance (var_newq_b of steady
        # sources is 1): that is the method, and `xsift scan` says it of each K.
        warnings.simplefilter("ignore", XsiftWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X)
    if not model.converged_:
        warnings.warn(
            f"the mixture of {n_components} clusters has not converged on {len(X):,} detections: "
            "its clusters may be arbitrary",
            XsiftWarning,
            stacklevel=2,
        )
    return Mixture(model.weights_, model.means_, model.covariances_)


def _kmeans_start(
    X: np.ndarray, n_components: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start where scikit-learn's GaussianMixture with this seed starts: from its k-means."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # Fewer distinct rows than clusters: some clusters are empty, and EM revives or drops them.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # joblib counts cores; where a container hides them it warns, prints a traceback, goes on.
        warnings.filterwarnings("ignore", "Could not find the number of physical cores")
        state = np.random.RandomState(seed)  # not the seed itself: it would draw other numbers
        labels = KMeans(n_components, n_init=1, random_state=state).fit(X).labels_
    weights, means, precisions = [], [], []
    for k in range(n_components):
        members = X[labels == k]
        count = len(members) + 10 * np.finfo(float).eps
        weights.append(count)
        means.append(members.sum(axis=0) / count)
        deviation = members - means[k]
        # Not a BLAS product, whose last bits depend on the number of threads.
        scatter = np.einsum("ni,nj->ij", deviation, deviation)
        precisions.append(np.linalg.inv(scatter / count + _REG_COVAR * np.eye(X.shape[1])))
    return np.array(weights) / sum(weights), np.array(means), np.array(precisions)


def log_density_and_responsibilities(
    X: np.ndarray, mixture: Mixture
) -> tuple[np.ndarray, np.ndarray]:
    """Score rows under a mixture, missing features integrated over.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing.
    mixture : Mixture

    Returns
    -------
    log_density : ndarray of shape (n,)
        Of the features that a row has; 0 where it has none.
    responsibilities : ndarray of shape (n, K)
    """
    from xsift.mixture.blocks import ArrayRows
    from xsift.mixture.scoring import score_rows

    rows = ArrayRows(np.ascontiguousarray(X))
    scored = list(score_rows(rows, mixture.weights, mixture.means, mixture.covariances))
    if not scored:
        return np.empty(0), np.empty((0, len(mixture.weights)))
    density, responsibilities, _ = zip(*scored, strict=True)
    return np.concatenate(density), np.concatenate(responsibilities)
