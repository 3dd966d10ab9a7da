"""Squared Mahalanobis distances and their softmin, row by row."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import pinv

from xsift.jit import kernel
from xsift.score.softmax import softmax

__all__ = ["mean_and_precision", "softmin", "squared_mahalanobis"]

_BLOCK = 128
_TILE = 4


def _distances_in_numpy(X: np.ndarray, means: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    out = np.zeros((len(X), len(means)))
    for c, (mean, precision) in enumerate(zip(means, precisions, strict=True)):
        x = X.T - mean[:, None]
        for i in range(len(x)):
            half = precision[i, i] * x[i]
            for j in range(i):
                half += 2.0 * precision[i, j] * x[j]
            out[:, c] += half * x[i]
    return out


def _softmin_in_numpy(d2: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # every class at infinity: NaN
        return softmax(-np.abs(d2))


# Multiplications and additions may be fused, but never reordered: a row gives the same bits
# whatever stands around it in the table.
@kernel(instead=_distances_in_numpy, error_model="numpy", fastmath={"contract"})
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
        Symmetric; the lower triangle is read.

    Returns
    -------
    ndarray of shape (n, C)
        Dimensionless; may be negative by rounding.
    """
    n, d = X.shape
    n_classes = means.shape[0]
    out = np.empty((n, n_classes))
    # A block lies feature by feature, so that each inner loop runs over rows and vectorises; the
    # features are padded with zeros, to take them in fours while a row's sum is in a register.
    padded = (d + _TILE - 1) // _TILE * _TILE
    raw = np.zeros((d, _BLOCK))
    x = np.zeros((padded, _BLOCK))
    y = np.empty(_BLOCK)
    d2 = np.empty(_BLOCK)
    triangle = np.zeros((padded, padded))
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for b in range(size):
            for j in range(d):
                raw[j, b] = X[first + b, j]
        for c in range(n_classes):
            # sum_ij p_ij x_i x_j = sum_i x_i (p_ii x_i + 2 sum_{j<i} p_ij x_j)
            for i in range(d):
                for j in range(i):
                    triangle[i, j] = 2.0 * precisions[c, i, j]
                triangle[i, i] = precisions[c, i, i]
                for b in range(_BLOCK):
                    x[i, b] = raw[i, b] - means[c, i]
            d2[:] = 0.0
            for i in range(d):
                y[:] = 0.0
                for j in range(0, i + 1, _TILE):
                    p0, p1, p2, p3 = triangle[i, j : j + _TILE]
                    for b in range(_BLOCK):
                        y[b] += (
                            p0 * x[j, b] + p1 * x[j + 1, b] + p2 * x[j + 2, b] + p3 * x[j + 3, b]
                        )
                for b in range(_BLOCK):
                    d2[b] += y[b] * x[i, b]
            for b in range(size):
                out[first + b, c] = d2[b]
    return out


@kernel(instead=_softmin_in_numpy, error_model="numpy")
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


def mean_and_precision(members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the pseudo-inverse of the sample covariance of the rows.

    Parameters
    ----------
    members : ndarray of shape (n, d)
        Two rows at least.
    """
    covariance = np.atleast_2d(np.cov(members, rowvar=False))
    precision = pinv(covariance)
    return members.mean(axis=0), np.asarray((precision + precision.T) / 2)
