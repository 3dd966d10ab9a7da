"""Class shares: re-weighting probabilities to others, and estimating those of a table."""

from __future__ import annotations

import numpy as np

__all__ = ["estimate_shares", "reweight"]


def reweight(p: np.ndarray, shares: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Turn probabilities that hold under some class shares into those under others.

    Parameters
    ----------
    p : ndarray of shape (n, C)
        Rows sum to 1, or are NaN.
    shares, other : ndarray of shape (C,)
        Class shares before and after; a class of share 0 before stays at 0.
    """
    q = p * np.where(shares > 0, other / np.where(shares > 0, shares, 1.0), 0.0)
    total = q.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(q, total, out=p.copy(), where=total > 0))


def estimate_shares(
    p: np.ndarray, shares: np.ndarray, tol: float = 1e-6, max_iter: int = 500
) -> np.ndarray:
    """Estimate the class shares of a table from its probabilities, by maximum likelihood.

    It holds where detections of one class look alike here and in training, and only their numbers
    differ (label shift).

    Parameters
    ----------
    p : ndarray of shape (n, C)
        Under `shares`; rows of NaN are passed over.
    shares : ndarray of shape (C,)

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21.
    """
    p = p[~np.isnan(p).any(axis=1)]
    estimate = shares.copy()
    if not len(p):
        return estimate
    for _ in range(max_iter):
        last, estimate = estimate, reweight(p, shares, estimate).mean(axis=0)
        if np.abs(estimate - last).max() < tol:
            break
    return np.asarray(estimate)
