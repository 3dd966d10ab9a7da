"""Silhouettes of many labellings of the same rows in one pass over their distances."""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel, kernel_part, n_threads
from xsift.mixture.elementary import ELEMENTWISE
from xsift.mixture.expectation import BLOCK
from xsift.mixture.missing import TILE
from xsift.mixture.threads import Threads

__all__ = ["EXACT_UP_TO", "sample_for_silhouettes", "silhouettes"]

EXACT_UP_TO = 30_000
"""Rows up to which the silhouette is exact; above, it is that of a random sample of so many."""

_SUMS = 2048  # clusters of all labellings in a pass: so many sums for each row are two mebibytes
_TOGETHER = 10  # labellings at least: their sums then take as long as the distances


def sample_for_silhouettes(n: int, seed: int = 0, limit: int = EXACT_UP_TO) -> np.ndarray:
    """Return the positions of at most `limit` of n rows, rising: all of them, or a random sample.

    Of all rows, the distances would be too many.
    """
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, limit, replace=False))


def silhouettes(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean silhouette of each labelling (Rousseeuw 1987), Euclidean.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        No NaN.
    labels : ndarray of int, shape (m, n)
        m labellings, each from 0.

    Returns
    -------
    ndarray of shape (m,)
        NaN for a labelling with a single cluster. A row that is alone in its cluster counts 0.

    Notes
    -----
    The distances, n^2 d operations, are shared by the labellings: what remains is an addition for
    each pair of rows and each labelling, in O(n) memory.
    """
    n_clusters = int(labels.max()) + 1
    sizes = np.array([np.bincount(one, minlength=n_clusters) for one in labels])
    has_several = (sizes > 0).sum(axis=1) > 1
    if not has_several.any():
        return np.full(len(labels), np.nan)
    # Zeros as further features change no distance.
    points = np.zeros((X.shape[0], -(-X.shape[1] // TILE) * TILE))
    points[:, : X.shape[1]] = X
    together = max(_TOGETHER, _SUMS // n_clusters)
    groups = [slice(m, m + together) for m in range(0, len(labels), together)]
    # The mean is taken here, in row order, so that the number of threads cannot change it.
    means = np.concatenate([_by_row(points, labels[g], sizes[g]).mean(axis=0) for g in groups])
    return np.where(has_several, means, np.nan)


def _by_row(points: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the silhouette of each row in each labelling, shape (n, m)."""
    by_row = np.empty(labels.T.shape)
    # Row by row, so that one row's labels lie together.
    labels = np.ascontiguousarray(labels.T, dtype=np.int64)

    def judge(first: int, last: int) -> None:
        for block in range(first, last):
            _judge_block(points, labels, sizes, block * BLOCK, by_row)

    with Threads(n_threads()) as threads:
        threads.share(-(-len(points) // BLOCK), judge)
    return by_row


@kernel(nogil=True, error_model="numpy")
def _judge_block(
    points: np.ndarray, labels: np.ndarray, sizes: np.ndarray, first: int, by_row: np.ndarray
) -> None:
    """Write the silhouettes of a block of rows to `by_row`, shape (n, m).

    Every inner loop runs over the rows of the block, so that it becomes vector instructions.
    """
    m, n_clusters = sizes.shape
    size = min(BLOCK, len(points) - first)
    x, distance = np.zeros((points.shape[1], BLOCK)), np.empty(BLOCK)
    for b in range(size):
        for j in range(points.shape[1]):
            x[j, b] = points[first + b, j]
    to_cluster = np.zeros((m, n_clusters, BLOCK))
    for other in range(len(points)):
        _distances(x, points, other, distance)
        for one in range(m):
            label = labels[other, one]
            for b in range(distance.size):
                to_cluster[one, label, b] += distance[b]
    for b in range(size):
        for one in range(m):
            own = labels[first + b, one]
            sums = to_cluster[one, :, b]
            by_row[first + b, one] = _silhouette(sums, sizes[one], own)


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def _distances(x: np.ndarray, points: np.ndarray, other: int, out: np.ndarray) -> None:
    """Write the distances of a block's rows from another row; `x` is of shape (d, 128)."""
    for j in range(0, x.shape[0], TILE):
        y0, y1, y2, y3 = (
            points[other, j],
            points[other, j + 1],
            points[other, j + 2],
            points[other, j + 3],
        )
        if j == 0:
            for b in range(out.size):
                u0, u1, u2, u3 = x[0, b] - y0, x[1, b] - y1, x[2, b] - y2, x[3, b] - y3
                out[b] = u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3
        else:
            for b in range(out.size):
                u0, u1, u2, u3 = x[j, b] - y0, x[j + 1, b] - y1, x[j + 2, b] - y2, x[j + 3, b] - y3
                out[b] += u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3
    for b in range(out.size):
        out[b] = np.sqrt(out[b])


@kernel_part(nogil=True, error_model="numpy")
def _silhouette(to_cluster: np.ndarray, sizes: np.ndarray, own: int) -> float:
    """Return a row's silhouette from the sums of its distances to the rows of each cluster."""
    if sizes[own] == 1:
        return 0.0
    nearest = np.inf
    for k in range(len(sizes)):
        if k != own and sizes[k] > 0:
            nearest = min(nearest, to_cluster[k] / sizes[k])
    within = to_cluster[own] / (sizes[own] - 1)
    widest = max(within, nearest)
    return (nearest - within) / widest if widest > 0 else 0.0
