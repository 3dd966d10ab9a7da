"""Moments completed for the features that rows lack.

The expectation of what a row lacks is linear in its deviation from the mean. So it is not taken row
by row: the moments of all rows of one pattern are summed over the features that they have, O, and
completed once for those that they lack, M. Where patterns are many and have few rows each, this is
most of the work: vector instructions run over components.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel_part
from xsift.mixture.elementary import ELEMENTWISE
from xsift.mixture.marginals import LANES

__all__ = ["complete_moments"]


@kernel_part(nogil=True, error_model="numpy")
def complete_moments(
    covariances: np.ndarray,
    whitening: np.ndarray,
    observed: np.ndarray,
    missing: np.ndarray,
    count: np.ndarray,
    shift_o: np.ndarray,
    scatter_o: np.ndarray,
    shift: np.ndarray,
    scatter: np.ndarray,
) -> None:
    """Add one pattern's moments to those over all features, with the missing ones expected.

    With the regression of M on O, B = Sigma_MO Sigma_OO^-1, and what it leaves,
    C = Sigma_MM - B Sigma_OM, the expected moments about the mean are

        sum r (x - mu)_M = B shift_o
        sum r (x - mu)_M (x - mu)_O^T = B scatter_o
        sum r (x - mu)_M (x - mu)_M^T = B scatter_o B^T + count C

    Parameters
    ----------
    covariances : ndarray of shape (K, d, d)
        Of the components, from the last iteration.
    whitening : ndarray of shape (K, o or more, o or more)
        From `marginals`.
    observed, missing : ndarray of int, shapes (o,) and (d - o,)
    count : ndarray of shape (K,)
        Sums of the responsibilities r.
    shift_o : ndarray of shape (K, o or more)
        Sums of r (x - mu)_O.
    scatter_o : ndarray of shape (K, o or more, o or more)
        Sums of r (x - mu)_O (x - mu)_O^T; the lower triangles are read.
    shift, scatter : ndarray of shapes (K, d) and (K, d, d)
        Added to.
    """
    K, o, m = count.size, observed.size, missing.size
    for k in range(K):
        for i in range(o):
            shift[k, observed[i]] += shift_o[k, i]
            for j in range(i):
                scatter[k, observed[i], observed[j]] += scatter_o[k, i, j]
                scatter[k, observed[j], observed[i]] += scatter_o[k, i, j]
            scatter[k, observed[i], observed[i]] += scatter_o[k, i, i]
    if m == 0:
        return
    W, S = np.zeros((o, o, LANES)), np.zeros((o, o, LANES))
    G, C = np.zeros((m, o, LANES)), np.zeros((m, m, LANES))
    B, H = np.empty((m, o, LANES)), np.empty((m, o, LANES))
    sums, n = np.zeros((o, LANES)), np.zeros(LANES)
    for first in range(0, K, LANES):
        size = min(LANES, K - first)
        for lane in range(size):
            k = first + lane
            n[lane] = count[k]
            for i in range(o):
                sums[i, lane] = shift_o[k, i]
                for j in range(i + 1):
                    W[i, j, lane] = whitening[k, i, j]
                    S[i, j, lane] = S[j, i, lane] = scatter_o[k, i, j]
            for i in range(m):
                for j in range(o):
                    G[i, j, lane] = covariances[k, missing[i], observed[j]]
                for j in range(i + 1):
                    C[i, j, lane] = covariances[k, missing[i], missing[j]]
        _regress(G, W, n, H, B, C)
        _expect(B, S, C, H)
        for i in range(m):
            for lane in range(size):
                k = first + lane
                for j in range(o):
                    shift[k, missing[i]] += B[i, j, lane] * sums[j, lane]
                    scatter[k, missing[i], observed[j]] += H[i, j, lane]
                    scatter[k, observed[j], missing[i]] += H[i, j, lane]
                for j in range(i):
                    scatter[k, missing[i], missing[j]] += C[i, j, lane]
                    scatter[k, missing[j], missing[i]] += C[i, j, lane]
                scatter[k, missing[i], missing[i]] += C[i, i, lane]


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def _regress(
    G: np.ndarray, W: np.ndarray, n: np.ndarray, V: np.ndarray, B: np.ndarray, C: np.ndarray
) -> None:
    """Write V = Sigma_MO W^T and B = V W, and turn C = Sigma_MM into n (C - V V^T)."""
    m, o, _ = G.shape
    V[:] = 0.0
    B[:] = 0.0
    for i in range(m):
        for h in range(o):
            for j in range(h + 1):
                for b in range(LANES):
                    V[i, h, b] += G[i, j, b] * W[h, j, b]
            for j in range(h + 1):
                for b in range(LANES):
                    B[i, j, b] += V[i, h, b] * W[h, j, b]
        for j in range(i + 1):
            for h in range(o):
                for b in range(LANES):
                    C[i, j, b] -= V[i, h, b] * V[j, h, b]
            for b in range(LANES):
                C[i, j, b] *= n[b]


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def _expect(B: np.ndarray, S: np.ndarray, C: np.ndarray, H: np.ndarray) -> None:
    """Write H = B S, and add H B^T to C."""
    m, o, _ = B.shape
    H[:] = 0.0
    for i in range(m):
        for h in range(o):
            for j in range(o):
                for b in range(LANES):
                    H[i, j, b] += B[i, h, b] * S[h, j, b]
    for i in range(m):
        for j in range(i + 1):
            for h in range(o):
                for b in range(LANES):
                    C[i, j, b] += H[i, h, b] * B[j, h, b]
