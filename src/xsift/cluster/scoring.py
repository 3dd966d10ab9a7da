"""What a fitted mixture says of rows: log-densities and responsibilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numba
import numpy as np

from xsift.cluster.blocks import ArrayRows, Group, Rows, piece_size, workers
from xsift.cluster.kernels import (
    BLOCK,
    lanes,
    load_block,
    log_joint_block,
    marginals,
    soften_block,
)
from xsift.cluster.missing import TILE, split_features

__all__ = ["Criteria", "score_rows", "totals"]


class Criteria(NamedTuple):
    """What is weighed where mixtures are compared: the lower the better."""

    bic: float
    aic: float
    icl: float


def score_rows(
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    n_threads: int = 1,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Score rows under a mixture, slab by slab, in order.

    A row's bits do not depend on the rows around it.

    Parameters
    ----------
    rows : Rows
    weights, means, covariances : ndarray of shapes (K,), (K, d) and (K, d, d)
    n_threads : int

    Yields
    ------
    log_density : ndarray of shape (m,)
        Of the features that a row has; 0 where it has none.
    responsibilities : ndarray of shape (m, K)
        Each row sums to 1; the components' weights where a row has no feature, or lies so far out
        that all densities underflow.
    weight : ndarray of shape (m,)
        Of the rows.
    """
    with np.errstate(divide="ignore"):  # a component may have died: weight 0, log -inf
        log_weights = np.log(weights)
    centre = weights @ means
    apart = np.ascontiguousarray(means - centre)
    covariances = np.ascontiguousarray(covariances)
    size = piece_size(rows.n_features)

    def score(task: tuple[Group, np.ndarray, np.ndarray, int]) -> None:
        group, log_density, r, first = task
        score_piece(
            group.X,
            group.ends,
            first,
            min(first + size, len(group.X)),
            log_weights,
            apart,
            covariances,
            centre,
            log_density,
            r,
        )

    with workers(n_threads) as pool:
        for slab in rows.slabs():
            slab.check()
            log_density, r = np.empty(len(slab.X)), np.empty((len(slab.X), len(weights)))
            order = slab.order(keep_all=True)
            group = slab.grouped(order)
            tasks = [(group, log_density, r, first) for first in range(0, len(r), size)]
            list(pool.map(score, tasks) if pool else map(score, tasks))
            back = np.argsort(order.rows)
            log_density, r = log_density[back], r[back]
            is_lost = np.isnan(r[:, 0])
            r[is_lost], log_density[is_lost] = weights, -np.inf
            yield log_density, r, slab.weight.copy()


def totals(
    scored: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[float, float, float]:
    """Return log-likelihood, total weight, and entropy of the responsibilities of scored rows."""
    log_likelihood = total = entropy = 0.0
    for log_density, r, weight in scored:
        log_likelihood += float((weight * log_density).sum())
        total += float(weight.sum())
        safe = np.where(r > 0, r, 1.0)
        entropy -= float((weight[:, None] * safe * np.log(safe)).sum())
    return log_likelihood, total, entropy


@numba.njit(cache=True, nogil=True, error_model="numpy")
def score_piece(
    X: np.ndarray,
    ends: np.ndarray,
    first: int,
    last: int,
    log_weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    centre: np.ndarray,
    log_density: np.ndarray,
    responsibilities: np.ndarray,
) -> None:
    """Write the log-density and the responsibilities of the rows ``X[first:last]``.

    Parameters
    ----------
    X, ends, first, last, log_weights
        As in `em_piece`.
    means, covariances : ndarray of shapes (K, d) and (K, d, d)
        Of X - centre.
    centre : ndarray of shape (d,)
    log_density : ndarray of shape (n,)
        Of the features that a row has; 0 where it has none.
    responsibilities : ndarray of shape (n, K)
        Each row sums to 1; the components' weights where a row has no feature.
    """
    K, d = means.shape
    inverse_scale = np.ones(d)
    joint, (block_density, ones) = lanes(K), lanes(2)
    ones[:] = 1.0
    while first < last:
        end = min(last, ends[np.searchsorted(ends, first, side="right")])
        observed, _ = split_features(X[first])
        padded = (observed.size + TILE - 1) // TILE * TILE
        whitening, offset, log_norm = marginals(log_weights, means, covariances, observed, padded)
        x, work = lanes(padded), lanes(padded)
        for start in range(first, end, BLOCK):
            size = min(BLOCK, end - start)
            load_block(X, start, size, observed, centre, inverse_scale, x)
            for k in range(K):
                log_joint_block(k, x, whitening, offset, log_norm, work, joint)
            soften_block(joint, ones, block_density)
            for b in range(size):
                log_density[start + b] = block_density[b]
                for k in range(K):
                    responsibilities[start + b, k] = joint[k, b]
        first = end


def class_posteriors(
    X: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    owner: np.ndarray,
    bag_ends: np.ndarray,
    n_classes: int,
) -> np.ndarray:
    """Return the mean over bags of P(class | x), shape (n, C).

    A row's bits do not depend on the rows around it.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing; a row without any value has the shares of the classes.
    weights, means, covariances : ndarray of shapes (M,), (M, d) and (M, d, d)
        Components of all bags, one bag after the other; the weights of each sum to 1.
    owner : ndarray of int, shape (M,)
        Class of each component.
    bag_ends : ndarray of int
        Where the components of each bag end.
    n_classes : int
    """
    with np.errstate(divide="ignore"):  # a component may have died: weight 0, log -inf
        log_weights = np.log(weights)
    centre = np.zeros(X.shape[1])
    out = np.empty((len(X), n_classes))
    size = piece_size(X.shape[1])
    for slab in ArrayRows(np.ascontiguousarray(X)).slabs():
        order = slab.order(keep_all=True)
        group = slab.grouped(order)
        p = np.empty((len(group.X), n_classes))
        for first in range(0, len(p), size):
            last = min(first + size, len(p))
            _class_piece(
                *(group.X, group.ends, first, last, log_weights, means, covariances),
                *(centre, owner, bag_ends, p),
            )
        out[slab.first + order.rows] = p
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _class_piece(
    X: np.ndarray,
    ends: np.ndarray,
    first: int,
    last: int,
    log_weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    centre: np.ndarray,
    owner: np.ndarray,
    bag_ends: np.ndarray,
    p: np.ndarray,
) -> None:
    d = means.shape[1]
    n_classes = p.shape[1]
    inverse_scale = np.ones(d)
    largest = np.diff(np.append(np.zeros(1, np.int64), bag_ends)).max()
    joint, total = lanes(largest), lanes(n_classes)
    block_density, share = np.empty(BLOCK), np.full(BLOCK, 1.0 / bag_ends.size)
    while first < last:
        end = min(last, ends[np.searchsorted(ends, first, side="right")])
        observed, _ = split_features(X[first])
        padded = (observed.size + TILE - 1) // TILE * TILE
        whitening, offset, log_norm = marginals(log_weights, means, covariances, observed, padded)
        x, work = lanes(padded), lanes(padded)
        for start in range(first, end, BLOCK):
            size = min(BLOCK, end - start)
            load_block(X, start, size, observed, centre, inverse_scale, x)
            total[:] = 0.0
            begin = 0
            for bag_end in bag_ends:  # a bag at a time: its block stays in the nearest cache
                K = bag_end - begin
                for k in range(K):
                    log_joint_block(
                        k,
                        x,
                        whitening[begin:bag_end],
                        offset[begin:bag_end],
                        log_norm[begin:bag_end],
                        work,
                        joint,
                    )
                soften_block(joint[:K], share, block_density)
                for k in range(K):
                    add_rows(total, owner[begin + k], joint, k)
                begin = bag_end
            for b in range(size):
                for c in range(n_classes):
                    p[start + b, c] = total[c, b]
        first = end


@numba.njit(cache=True, nogil=True)
def add_rows(total: np.ndarray, to: int, values: np.ndarray, of: int) -> None:
    """Add a row of a block to a row of another."""
    for b in range(BLOCK):
        total[to, b] += values[of, b]
