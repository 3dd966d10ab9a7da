"""Log-densities of Gaussian components, row by row.

No matrix product runs over rows: a BLAS product rounds a row differently with the number of rows
around it, and a detection's result must not depend on its neighbours in the file.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel
from xsift.mixture import in_numpy

__all__ = ["component_log_densities"]

_BLOCK = 128


# No fastmath: the order of the additions is fixed, so that a row gives the same bits in any block.
@kernel(instead=in_numpy.component_log_densities, error_model="numpy")
def component_log_densities(
    X: np.ndarray, means: np.ndarray, whitening: np.ndarray, log_norms: np.ndarray
) -> np.ndarray:
    """Return log N(x | mean_k, covariance_k) + constant_k for every row and component.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        No NaN.
    means : ndarray of shape (K, d)
    whitening : ndarray of shape (K, d, d)
        Lower triangular W_k = L_k^-1, with covariance_k = L_k L_k^T: |W_k (x - mean_k)|^2 is the
        squared Mahalanobis distance.
    log_norms : ndarray of shape (K,)
        What is added: the logarithms of the normalisation and of the weight.

    Returns
    -------
    ndarray of shape (n, K)
    """
    n, d = X.shape
    n_components = means.shape[0]
    out = np.empty((n, n_components))
    # A block lies feature by feature, so that each inner loop runs over rows and vectorises.
    x = np.zeros((d, _BLOCK))
    y = np.empty(_BLOCK)
    d2 = np.empty(_BLOCK)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for k in range(n_components):
            for j in range(d):
                for b in range(size):
                    x[j, b] = X[first + b, j] - means[k, j]
            d2[:] = 0.0
            for i in range(d):
                y[:] = 0.0
                for j in range(i + 1):
                    w = whitening[k, i, j]
                    for b in range(_BLOCK):
                        y[b] += w * x[j, b]
                for b in range(_BLOCK):
                    d2[b] += y[b] * y[b]
            for b in range(size):
                out[first + b, k] = log_norms[k] - 0.5 * d2[b]
    return out
