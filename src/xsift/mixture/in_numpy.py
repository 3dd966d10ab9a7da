"""What a mixture says of rows, in NumPy: the kernels of classification where Numba is missing.

Results are those of the kernels to rounding. A row's bits do not depend on the rows around it: no
BLAS product runs over rows, and sums run over components one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xsift.mixture.marginals import Components

__all__ = [
    "class_posteriors",
    "component_log_densities",
    "group_by_pattern",
    "score_piece",
    "weigh_roots",
]

_AT_ONCE = 2**15  # rows times components: what the nearest caches hold


def group_by_pattern(
    X: np.ndarray, weight: np.ndarray, keep_all: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Stand in for `missing.group_by_pattern`."""
    is_missing = np.isnan(X)
    taken = np.arange(len(X))
    if not keep_all:
        taken = np.flatnonzero((weight != 0.0) & ~is_missing.all(axis=1))
    if not len(taken):
        return taken, np.empty(0, np.int64)
    _, first, pattern, count = np.unique(
        np.packbits(is_missing[taken], axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    by_appearance = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[by_appearance] = np.arange(len(first))
    order = taken[np.argsort(rank[pattern.ravel()], kind="stable")]
    return order, np.cumsum(count[by_appearance])


def score_piece(
    X: np.ndarray,
    ends: np.ndarray,
    first: int,
    last: int,
    components: Components,
    log_density: np.ndarray,
    responsibilities: np.ndarray,
) -> None:
    """Stand in for `scoring.score_piece`."""
    for rows, joint in _log_joint(X, ends, first, last, components):
        log_density[rows] = _soften(joint)
        responsibilities[rows] = joint.T


def class_posteriors(
    X: np.ndarray,
    ends: np.ndarray,
    components: Components,
    owner: np.ndarray,
    bag_ends: np.ndarray,
    p: np.ndarray,
) -> None:
    """Stand in for the kernel of `evidence.class_posteriors`."""
    p[:] = 0.0
    for rows, joint in _log_joint(X, ends, 0, len(X), components):
        for begin, end in zip([0, *bag_ends[:-1]], bag_ends, strict=True):
            _soften(joint[begin:end])
            for k in range(begin, end):
                p[owner[k], rows] += joint[k] / len(bag_ends)


def weigh_roots(
    X: np.ndarray,
    ends: np.ndarray,
    components: Components,
    slope: np.ndarray,
    total: np.ndarray,
    log_density: np.ndarray,
    component: np.ndarray,
) -> None:
    """Stand in for the kernel of `evidence.weigh_roots`."""
    for rows, joint in _log_joint(X, ends, 0, len(X), components):
        log_density[rows] = _soften(joint)
        component[rows] = joint.argmax(axis=0)
        sums = np.zeros((slope.shape[1], joint.shape[1]))
        for root, slopes in zip(np.sqrt(joint), slope, strict=True):
            sums += slopes[:, None] * root
        total[:, rows] += sums


def component_log_densities(
    X: np.ndarray, means: np.ndarray, whitening: np.ndarray, log_norms: np.ndarray
) -> np.ndarray:
    """Stand in for `density.component_log_densities`."""
    offset = _offset(whitening, means)
    out = np.empty((len(X), len(means)))
    for rows in _chunks(0, len(X), len(means)):
        out[rows] = _log_densities(X[rows].T, whitening, offset, log_norms).T
    return out


def _log_joint(
    X: np.ndarray, ends: np.ndarray, first: int, last: int, components: Components
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some rows, and log(weight_k N(x | k)) of the features that they have, shape (K, m)."""
    log_weights, means, covariances, centre, inverse_scale = components
    while first < last:
        end = min(last, int(ends[np.searchsorted(ends, first, side="right")]))
        has = np.flatnonzero(~np.isnan(X[first]))
        whitening, log_norm = _whiten(covariances[:, has[:, None], has])
        offset = _offset(whitening, means[:, has])
        for rows in _chunks(first, end, len(means)):
            x = ((X[rows][:, has] - centre[has]) * inverse_scale[has]).T
            yield rows, _log_densities(x, whitening, offset, log_weights + log_norm)
        first = end


def _offset(whitening: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return -W mean, shape (K, o)."""
    offset = np.zeros(means.shape)
    for j in range(means.shape[1]):
        offset -= whitening[:, :, j] * means[:, j, None]
    return offset


def _chunks(first: int, last: int, n_components: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // n_components)
    for start in range(first, last, step):
        yield slice(start, min(last, start + step))


# So far out that all densities underflow: NaN, and the caller says what becomes of the row.
_FAR_OUT = np.errstate(over="ignore", invalid="ignore")


@_FAR_OUT
def _log_densities(
    x: np.ndarray, whitening: np.ndarray, offset: np.ndarray, log_norm: np.ndarray
) -> np.ndarray:
    """Return log_norm - |W x + offset|^2 / 2, shape (K, m), of columns of shape (o, m)."""
    squared = np.zeros((len(log_norm), x.shape[1]))
    for i in range(len(x)):
        y = np.repeat(offset[:, i, None], x.shape[1], axis=1)
        for j in range(i + 1):
            y += whitening[:, i, j, None] * x[j]
        squared += y * y
    return log_norm[:, None] - 0.5 * squared


def _whiten(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the inverse Cholesky factors of matrices, and the logarithms of normalisations.

    NaN where a matrix is not positive definite.
    """
    L, o = S.copy(), S.shape[1]
    W = np.zeros(S.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(o):
            L[:, j, j] = np.sqrt(L[:, j, j])
            L[:, j + 1 :, j] /= L[:, j, j, None]
            below = L[:, j + 1 :, j]
            L[:, j + 1 :, j + 1 :] -= below[:, :, None] * below[:, None, :]
        for m in range(o):
            W[:, m, m] = 1.0
            W[:, m, : m + 1] /= L[:, m, m, None]
            W[:, m + 1 :, : m + 1] -= L[:, m + 1 :, m, None] * W[:, m, None, : m + 1]
        log_norm = np.full(len(S), -0.5 * o * math.log(2.0 * math.pi))
        for i in range(o):
            log_norm -= np.log(L[:, i, i])
    return W, log_norm


@_FAR_OUT
def _soften(joint: np.ndarray) -> np.ndarray:
    """Turn log(weight_k N(x | k)) into responsibilities, in place; return their log-densities."""
    largest = joint.max(axis=0)
    total = np.zeros(joint.shape[1])
    for k in range(len(joint)):
        joint[k] = np.exp(joint[k] - largest)
        total += joint[k]
    joint /= total
    return np.asarray(largest + np.log(total))
