"""What mixtures say of rows, summed up while a block of rows is at hand.

Nothing of shape (rows, components) is kept: what the calibrated method asks of the responsibilities
is a sum of them for each class, or a weighted sum of their roots.

Rows come ordered by what they lack, as `group_by_pattern` orders them. A row's bits do not depend
on the rows around it.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel, kernel_part
from xsift.mixture import in_numpy
from xsift.mixture.elementary import ELEMENTWISE
from xsift.mixture.expectation import BLOCK, expect_block, filled_lanes, lanes, load_block
from xsift.mixture.marginals import Components, components_of, marginals_of
from xsift.mixture.missing import TILE

__all__ = ["class_posteriors", "weigh_roots"]


def class_posteriors(
    X: np.ndarray,
    ends: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    owner: np.ndarray,
    bag_ends: np.ndarray,
    n_classes: int,
) -> np.ndarray:
    """Return the mean over bags of P(class | x), shape (n, C), in Fortran order.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing; a row without any value has the shares of the classes.
    ends : ndarray of int
        Where each pattern of missing features ends: rows with the same stand together.
    weights, means, covariances : ndarray of shapes (M,), (M, d) and (M, d, d)
        Components of all bags, one bag after the other; the weights of each sum to 1.
    owner : ndarray of int, shape (M,)
        Class of each component.
    bag_ends : ndarray of int
        Where the components of each bag end.
    n_classes : int
    """
    p = np.empty((n_classes, len(X)))
    components = components_of(weights, means, covariances, np.zeros(means.shape[1]))
    _class_posteriors(X, ends, components, owner, bag_ends, p)
    return p.T


def weigh_roots(
    X: np.ndarray,
    ends: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    slope: np.ndarray,
    total: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Add the square roots of the responsibilities, times slopes.

    Parameters
    ----------
    X, ends
        As in `class_posteriors`; no value so far out that all densities underflow.
    weights, means, covariances : ndarray of shapes (K,), (K, d) and (K, d, d)
    slope : ndarray of shape (K, G)
    total : ndarray of shape (n, G)
        Added to, in place: sum over k of r_k^1/2 slope_kg.

    Returns
    -------
    log_density : ndarray of shape (n,)
        Of the features that a row has; 0 where it has none.
    component : ndarray of int, shape (n,)
        The one of the largest responsibility, the first on ties.
    """
    log_density, component = np.empty(len(X)), np.empty(len(X), np.int64)
    centre = weights @ means
    components = components_of(weights, means - centre, covariances, centre)
    slope = np.ascontiguousarray(slope)
    _weigh_roots(X, ends, components, slope, total.T, log_density, component)
    return log_density, component


@kernel(instead=in_numpy.class_posteriors, nogil=True, error_model="numpy")
def _class_posteriors(
    X: np.ndarray,
    ends: np.ndarray,
    components: Components,
    owner: np.ndarray,
    bag_ends: np.ndarray,
    p: np.ndarray,
) -> None:
    n_classes = p.shape[0]
    centre, inverse_scale = components.centre, components.inverse_scale
    largest = begin = 0
    for bag_end in bag_ends:
        largest, begin = max(largest, bag_end - begin), bag_end
    joint, total = lanes(largest), lanes(n_classes)
    block_density, share = np.empty(BLOCK), np.full(BLOCK, 1.0 / bag_ends.size)
    first = 0
    for end in ends:
        observed, _, whitening, offset, log_norm = marginals_of(X[first], components)
        x, work = lanes(offset.shape[1]), lanes(TILE)
        for start in range(first, end, BLOCK):
            size = min(BLOCK, end - start)
            width = filled_lanes(size)
            load_block(X, start, size, observed, centre, inverse_scale, x)
            total[:] = 0.0
            begin = 0
            for bag_end in bag_ends:  # a bag at a time: its block stays in the nearest cache
                K = bag_end - begin
                expect_block(
                    x,
                    width,
                    whitening[begin:bag_end],
                    offset[begin:bag_end],
                    log_norm[begin:bag_end],
                    work,
                    joint[:K],
                    share,
                    block_density,
                )
                for k in range(K):
                    _add(total[owner[begin + k]], joint[k], width)
                begin = bag_end
            for c in range(n_classes):
                for b in range(size):
                    p[c, start + b] = total[c, b]
        first = end


@kernel(instead=in_numpy.weigh_roots, nogil=True, error_model="numpy")
def _weigh_roots(
    X: np.ndarray,
    ends: np.ndarray,
    components: Components,
    slope: np.ndarray,
    total: np.ndarray,
    log_density: np.ndarray,
    component: np.ndarray,
) -> None:
    K = components.log_weights.size
    centre, inverse_scale = components.centre, components.inverse_scale
    joint, sums = lanes(K), lanes(slope.shape[1])
    block_density, ones, best = np.empty(BLOCK), np.ones(BLOCK), np.empty(BLOCK)
    where = np.empty(BLOCK, np.int64)
    first = 0
    for end in ends:
        observed, _, whitening, offset, log_norm = marginals_of(X[first], components)
        x, work = lanes(offset.shape[1]), lanes(TILE)
        for start in range(first, end, BLOCK):
            size = min(BLOCK, end - start)
            width = filled_lanes(size)
            load_block(X, start, size, observed, centre, inverse_scale, x)
            expect_block(x, width, whitening, offset, log_norm, work, joint, ones, block_density)
            sums[:], where[:], best[:] = 0.0, 0, joint[0]
            for k in range(K):
                _take_largest(k, joint[k], best, where)
                _take_root(joint[k], width)
                for g in range(sums.shape[0]):
                    _add_times(sums[g], joint[k], slope[k, g], width)
            for b in range(size):
                log_density[start + b] = block_density[b]
                component[start + b] = where[b]
            for g in range(sums.shape[0]):
                for b in range(size):
                    total[g, start + b] += sums[g, b]
        first = end


@kernel_part(nogil=True)
def _add(total: np.ndarray, values: np.ndarray, width: int) -> None:
    for b in range(width):
        total[b] += values[b]


@kernel_part(nogil=True, fastmath=ELEMENTWISE)
def _add_times(total: np.ndarray, values: np.ndarray, factor: float, width: int) -> None:
    for b in range(width):
        total[b] += values[b] * factor


@kernel_part(nogil=True, error_model="numpy")
def _take_root(values: np.ndarray, width: int) -> None:
    for b in range(width):
        values[b] = np.sqrt(values[b])


@kernel_part(nogil=True)
def _take_largest(k: int, values: np.ndarray, best: np.ndarray, where: np.ndarray) -> None:
    for b in range(BLOCK):
        where[b] = k if values[b] > best[b] else where[b]
        best[b] = values[b] if values[b] > best[b] else best[b]
