"""What a fitted mixture says of rows: log-densities and responsibilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np

from xsift.jit import kernel
from xsift.mixture import in_numpy
from xsift.mixture.blocks import Rows, Slab, piece_size
from xsift.mixture.expectation import BLOCK, expect_block, filled_lanes, lanes, load_block
from xsift.mixture.marginals import Components, components_of, marginals_of
from xsift.mixture.missing import TILE
from xsift.mixture.threads import Threads

__all__ = ["Criteria", "density_rows", "label_rows", "score_rows", "totals"]

Result = TypeVar("Result")


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
    yield from _each(_score, rows, weights, means, covariances, n_threads)


def density_rows(
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    n_threads: int = 1,
) -> Iterator[np.ndarray]:
    """Give the log-density of each row, slab by slab: the first of what `score_rows` gives."""
    for log_density, _, _ in score_rows(rows, weights, means, covariances, n_threads):
        yield log_density


def label_rows(
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    n_threads: int = 1,
) -> Iterator[np.ndarray]:
    """Give the most probable component of each row, slab by slab; the first on ties."""
    yield from _each(_label, rows, weights, means, covariances, n_threads)


def totals(
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    n_threads: int = 1,
) -> tuple[float, float, float]:
    """Return log-likelihood, total weight, and entropy of the responsibilities of rows."""
    total = np.zeros(3)
    for part in _each(_total, rows, weights, means, covariances, n_threads):
        total += part
    return float(total[0]), float(total[1]), float(total[2])


def _each(
    function: Callable[..., Result],
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    n_threads: int,
) -> Iterator[Result]:
    centre = weights @ means
    components = components_of(weights, means - centre, covariances, centre)
    with Threads(n_threads) as threads:
        yield from rows.each(function, weights, components, threads=threads)


def _score(
    slab: Slab, weights: np.ndarray, components: Components, threads: Threads | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log-density, responsibilities and weight of the rows of a slab."""
    slab.check()
    log_density, r = np.empty(len(slab.X)), np.empty((len(slab.X), len(weights)))
    order = slab.order(keep_all=True)
    group = slab.grouped(order)
    size = piece_size(slab.X.shape[1])

    def score(first: int, last: int) -> None:
        until = min(last * size, len(r))
        score_piece(group.X, group.ends, first * size, until, components, log_density, r)

    (threads or Threads()).share(-(-len(r) // size), score)
    back = np.argsort(order.rows)
    log_density, r = log_density[back], r[back]
    is_lost = np.isnan(r[:, 0])
    r[is_lost], log_density[is_lost] = weights, -np.inf
    return log_density, r, slab.weight.copy()


def _label(
    slab: Slab, weights: np.ndarray, components: Components, threads: Threads | None = None
) -> np.ndarray:
    return np.asarray(_score(slab, weights, components, threads)[1].argmax(axis=1))


def _total(
    slab: Slab, weights: np.ndarray, components: Components, threads: Threads | None = None
) -> np.ndarray:
    log_density, r, weight = _score(slab, weights, components, threads)
    safe = np.where(r > 0, r, 1.0)
    entropy = -float((weight[:, None] * safe * np.log(safe)).sum())
    return np.array([float((weight * log_density).sum()), float(weight.sum()), entropy])


@kernel(instead=in_numpy.score_piece, nogil=True, error_model="numpy")
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
        As in `em_pieces`; the rows of one piece or more.
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
