"""Marginals of Gaussians over the features that a row has.

Where rows lack features in many ways, this is most of the work: it is done once for each pattern
and component. So vector instructions run over components, eight at a time, and every step updates
all that is left of the matrices: no operation waits for the one before it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from xsift.jit import kernel_part
from xsift.mixture.missing import TILE, split_features

__all__ = ["LANES", "Components", "components_of", "marginals", "marginals_of"]

LANES = 8
"""How many components are worked on at a time: one or two vectors, and matrices that stay near."""


class Components(NamedTuple):
    """A mixture of (x - centre) * inverse_scale.

    Attributes
    ----------
    log_weights, means, covariances : ndarray of shapes (K,), (K, d) and (K, d, d)
    centre, inverse_scale : ndarray of shape (d,)
    """

    log_weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    centre: np.ndarray
    inverse_scale: np.ndarray


def components_of(
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    centre: np.ndarray,
    inverse_scale: np.ndarray | None = None,
) -> Components:
    """Gather a mixture for the kernels, which take C-contiguous arrays."""
    with np.errstate(divide="ignore"):  # a component may have died: weight 0, log -inf
        log_weights = np.log(weights)
    scale = np.ones(len(centre)) if inverse_scale is None else inverse_scale
    shapes = np.ascontiguousarray(means), np.ascontiguousarray(covariances)
    return Components(log_weights, *shapes, centre, scale)


@kernel_part(nogil=True, inline="always", error_model="numpy")
def marginals_of(
    row: np.ndarray, components: Components
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Whiten every component's marginal over the features that a row has, padded to whole tiles.

    Returns
    -------
    observed, missing : ndarray of int
        Features.
    whitening, offset, log_norm
        As `marginals` returns them.
    """
    observed, missing = split_features(row)
    padded = (observed.size + TILE - 1) // TILE * TILE
    whitening, offset, log_norm = marginals(
        components.log_weights, components.means, components.covariances, observed, padded
    )
    return observed, missing, whitening, offset, log_norm


@kernel_part(nogil=True, error_model="numpy")
def marginals(
    log_weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    observed: np.ndarray,
    padded: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whiten every component's marginal over the observed features.

    Parameters
    ----------
    log_weights, means, covariances : ndarray of shapes (K,), (K, d) and (K, d, d)
    observed : ndarray of int, shape (o,)
    padded : int
        o or more.

    Returns
    -------
    whitening : ndarray of shape (K, padded, padded)
        W = L^-1, lower triangular, with Sigma_OO = L L^T, so that |W (x_O - mu_O)|^2 is the squared
        Mahalanobis distance; zeros beyond o. NaN where Sigma_OO is not positive definite.
    offset : ndarray of shape (K, padded)
        -W mean.
    log_norm : ndarray of shape (K,)
        Logarithm of weight and normalisation.
    """
    K, o = log_weights.size, observed.size
    whitening = np.zeros((K, padded, padded))
    offset = np.zeros((K, padded))
    log_norm = np.empty(K)
    L, W = np.empty((o, o, LANES)), np.empty((o, o, LANES))
    mean, shift = np.zeros((o, LANES)), np.empty((o, LANES))
    for first in range(0, K, LANES):
        size = min(LANES, K - first)
        _load(covariances, means, observed, first, size, L, mean)
        _factorise(L)
        _invert(L, W)
        _shift(W, mean, shift)
        for lane in range(size):
            k = first + lane
            rest = -0.5 * o * math.log(2.0 * math.pi)
            for i in range(o):
                rest -= math.log(L[i, i, lane])
                offset[k, i] = shift[i, lane]
                for j in range(i + 1):
                    whitening[k, i, j] = W[i, j, lane]
            log_norm[k] = log_weights[k] + rest
    return whitening, offset, log_norm


@kernel_part(nogil=True)
def _load(
    covariances: np.ndarray,
    means: np.ndarray,
    observed: np.ndarray,
    first: int,
    size: int,
    S: np.ndarray,
    mean: np.ndarray,
) -> None:
    """Lay out some components' parameters lane by lane; lanes to spare get the unit matrix."""
    for i in range(observed.size):
        for lane in range(size):
            mean[i, lane] = means[first + lane, observed[i]]
        for j in range(i + 1):
            for lane in range(size):
                S[i, j, lane] = covariances[first + lane, observed[i], observed[j]]
            for lane in range(size, LANES):
                S[i, j, lane] = 1.0 if i == j else 0.0


@kernel_part(nogil=True, error_model="numpy")
def _factorise(S: np.ndarray) -> None:
    """Turn matrices into their Cholesky factors, column by column, in place."""
    o = S.shape[0]
    for j in range(o):
        for b in range(LANES):
            S[j, j, b] = math.sqrt(S[j, j, b])
        for i in range(j + 1, o):
            for b in range(LANES):
                S[i, j, b] /= S[j, j, b]
        for i in range(j + 1, o):
            for m in range(j + 1, i + 1):
                for b in range(LANES):
                    S[i, m, b] -= S[i, j, b] * S[m, j, b]


@kernel_part(nogil=True, error_model="numpy")
def _invert(L: np.ndarray, W: np.ndarray) -> None:
    """Write the inverses of lower triangular matrices, row by row."""
    o = L.shape[0]
    W[:] = 0.0
    for m in range(o):
        for b in range(LANES):
            W[m, m, b] = 1.0 / L[m, m, b]
        for j in range(m):
            for b in range(LANES):
                W[m, j, b] /= L[m, m, b]
        for i in range(m + 1, o):
            for j in range(m + 1):
                for b in range(LANES):
                    W[i, j, b] -= L[i, m, b] * W[m, j, b]


@kernel_part(nogil=True, error_model="numpy")
def _shift(W: np.ndarray, mean: np.ndarray, shift: np.ndarray) -> None:
    """Write -W mean."""
    shift[:] = 0.0
    for i in range(W.shape[0]):
        for j in range(i + 1):
            for b in range(LANES):
                shift[i, b] -= W[i, j, b] * mean[j, b]
