"""k-means from greedy k-means++ seeds: where starts of EM come from."""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel, kernel_part
from xsift.mixture.expectation import BLOCK

__all__ = ["lloyd", "plant_seeds"]


def plant_seeds(
    points: np.ndarray, weight: np.ndarray, n_seeds: int, rng: np.random.RandomState
) -> np.ndarray:
    """Choose rows far from each other: greedy k-means++.

    Rows are drawn by their place in the cumulative sum of weights: a row with weight 2 is drawn as
    the same row written twice.

    Returns
    -------
    ndarray of shape (n_seeds, d)

    References
    ----------
    Arthur & Vassilvitskii 2007 (SODA, 1027), and its closing remark on several trials per seed.
    """
    n_trials = 2 + int(np.log(n_seeds))
    features = np.ascontiguousarray(points.T)
    seeds = [points[_draw(weight, rng.uniform(size=1))[0]]]
    nearest = _squared_distances(features, seeds[0])
    for _ in range(1, n_seeds):
        chances = weight * nearest
        if not chances.sum() > 0:  # fewer distinct rows than seeds: any row will do
            chances = weight
        best_cost = np.inf
        for candidate in points[_draw(chances, rng.uniform(size=n_trials))]:
            distance = np.minimum(nearest, _squared_distances(features, candidate))
            cost = float((weight * distance).sum())
            if cost < best_cost:
                best_cost, best_distance, best = cost, distance, candidate
        seeds.append(best)
        nearest = best_distance
    return np.array(seeds)


@kernel(nogil=True)
def _squared_distances(features: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return the squared distances of rows from a seed; `features` is of shape (d, n)."""
    out = np.zeros(features.shape[1])
    for j in range(features.shape[0]):
        x, at = features[j], seed[j]
        for row in range(out.size):  # over rows, so that it becomes vector instructions
            out[row] += (x[row] - at) ** 2
    return out


def _draw(chances: np.ndarray, u: np.ndarray) -> np.ndarray:
    until = np.cumsum(chances)
    at = np.searchsorted(until, u * until[-1], side="right")
    return np.asarray(np.minimum(at, np.flatnonzero(chances)[-1]))


@kernel(nogil=True)
def lloyd(points: np.ndarray, weight: np.ndarray, seeds: np.ndarray, max_iter: int) -> np.ndarray:
    """Refine seeds by k-means, and return the number of each row's nearest centre, shape (n,)."""
    (n, d), K = points.shape, len(seeds)
    centres = seeds.copy()
    labels = np.full(n, -1)
    features = points.T.copy()
    nearest = np.empty(BLOCK, np.int64)
    for _ in range(max_iter):
        total = np.zeros(K)
        sums = np.zeros((K, d))
        n_moved = 0
        for first in range(0, n, BLOCK):
            _nearest_centres(features, first, centres, nearest)
            for row in range(first, min(first + BLOCK, n)):
                label = nearest[row - first]
                n_moved += label != labels[row]
                labels[row] = label
                total[label] += weight[row]
                for j in range(d):
                    sums[label, j] += weight[row] * points[row, j]
        if n_moved == 0:
            break
        for k in range(K):
            if total[k] > 0:  # an empty cluster keeps its centre
                for j in range(d):
                    centres[k, j] = sums[k, j] / total[k]
    return labels


@kernel_part(nogil=True)
def _nearest_centres(
    features: np.ndarray, first: int, centres: np.ndarray, nearest: np.ndarray
) -> None:
    """Write the nearest centre of a block's rows; `features` is of shape (d, n)."""
    size = min(BLOCK, features.shape[1] - first)
    least, d2 = np.full(size, np.inf), np.empty(size)
    nearest[:] = 0
    d = features.shape[0]
    for k in range(len(centres)):
        d2[:] = 0.0
        for j in range(0, d - 1, 2):  # two at a time: half as often to memory
            x, y = features[j, first : first + size], features[j + 1, first : first + size]
            at_x, at_y = centres[k, j], centres[k, j + 1]
            for b in range(size):  # over rows, so that it becomes vector instructions
                d2[b] = d2[b] + (x[b] - at_x) ** 2 + (y[b] - at_y) ** 2
        if d % 2:
            x, at_x = features[d - 1, first : first + size], centres[k, d - 1]
            for b in range(size):
                d2[b] += (x[b] - at_x) ** 2
        for b in range(size):
            nearest[b] = k if d2[b] < least[b] else nearest[b]
            least[b] = min(least[b], d2[b])
