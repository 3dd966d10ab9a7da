"""Squared Mahalanobis distances and their softmin, row by row."""

from __future__ import annotations

import math

import numba
import numpy as np

__all__ = ["softmin", "squared_mahalanobis"]

_BLOCK = 128


# No fastmath: a row gives the same bits whatever stands around it in the table.
@numba.njit(cache=True, error_model="numpy")
def squared_mahalanobis(X: np.ndarray, means: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    """Return (x - mean_c)^T precision_c (x - mean_c) for every row and class.

    The reference code forms all n x n products and keeps the diagonal; this is O(n d^2) time and
    O(n) memory.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        No NaN.
    means : ndarray of shape (C, d)
    precisions : ndarray of shape (C, d, d)
        Symmetric.

    Returns
    -------
    ndarray of shape (n, C)
        Dimensionless; may be negative by rounding.
    """
    n, d = X.shape
    n_classes = means.shape[0]
    out = np.empty((n, n_classes))
    # A block lies feature by feature, so that each inner loop runs over rows and vectorises.
    x = np.zeros((d, _BLOCK))
    y = np.empty(_BLOCK)
    d2 = np.empty(_BLOCK)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for c in range(n_classes):
            for j in range(d):
                for b in range(size):
                    x[j, b] = X[first + b, j] - means[c, j]
            d2[:] = 0.0
            for i in range(d):
                y[:] = 0.0
                for j in range(d):
                    p = precisions[c, i, j]
                    for b in range(_BLOCK):
                        y[b] += p * x[j, b]
                for b in range(_BLOCK):
                    d2[b] += y[b] * x[i, b]
            for b in range(size):
                out[first + b, c] = d2[b]
    return out


@numba.njit(cache=True, error_model="numpy")
def softmin(d2: np.ndarray) -> np.ndarray:
    """Return exp(-|d2_c|) / sum_c exp(-|d2_c|) for every row, without underflow.

    Parameters
    ----------
    d2 : ndarray of shape (n, C)
        inf: not this class, probability exactly 0.

    Returns
    -------
    ndarray of shape (n, C)
        A row of NaN where every class is at infinity: nothing can be said of it.
    """
    n, n_classes = d2.shape
    p = np.empty((n, n_classes))
    for row in range(n):
        least = np.inf
        for c in range(n_classes):
            least = min(least, abs(d2[row, c]))
        if least == np.inf:
            p[row, :] = np.nan
            continue
        total = 0.0
        for c in range(n_classes):
            p[row, c] = math.exp(least - abs(d2[row, c]))
            total += p[row, c]
        for c in range(n_classes):
            p[row, c] /= total
    return p
