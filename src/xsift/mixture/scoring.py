"""What a fitted mixture says of rows: log-densities and responsibilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from xsift.jit import kernel
from xsift.mixture.blocks import Group, Rows, piece_size, workers
from xsift.mixture.kernels import BLOCK, expect_block, filled_lanes, lanes, load_block
from xsift.mixture.marginals import Components, components_of, marginals_of
from xsift.mixture.missing import TILE

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
    centre = weights @ means
    components = components_of(weights, means - centre, covariances, centre)
    size = piece_size(rows.n_features)

    def score(task: tuple[Group, np.ndarray, np.ndarray, int]) -> None:
        group, log_density, r, first = task
        last = min(first + size, len(group.X))
        score_piece(group.X, group.ends, first, last, components, log_density, r)

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


@kernel(nogil=True, error_model="numpy")
def score_piece(
    X: np.ndarray,
    ends: np.ndarray,
    first: int,
    last: int,
    components: Components,
    log_density: np.ndarray,
    responsibilities: np.ndarray,
) -> None:
    """Write the log-density and the responsibilities of the rows ``X[first:last]``.

    Parameters
    ----------
    X, ends, first, last, components
        As in `em_piece`.
    log_density : ndarray of shape (n,)
        Of the features that a row has; 0 where it has none.
    responsibilities : ndarray of shape (n, K)
        Each row sums to 1; the components' weights where a row has no feature.
    """
    K = components.log_weights.size
    centre, inverse_scale = components.centre, components.inverse_scale
    joint, (block_density, ones) = lanes(K), lanes(2)
    ones[:] = 1.0
    while first < last:
        end = min(last, ends[np.searchsorted(ends, first, side="right")])
        observed, _, whitening, offset, log_norm = marginals_of(X[first], components)
        x, work = lanes(offset.shape[1]), lanes(TILE)
        for start in range(first, end, BLOCK):
            size = min(BLOCK, end - start)
            load_block(X, start, size, observed, centre, inverse_scale, x)
            width = filled_lanes(size)
            expect_block(x, width, whitening, offset, log_norm, work, joint, ones, block_density)
            for b in range(size):
                log_density[start + b] = block_density[b]
                for k in range(K):
                    responsibilities[start + b, k] = joint[k, b]
        first = end
