"""Silhouettes of many labellings of the same rows in one pass over their distances."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from xsift.jit import kernel, n_threads, prange

__all__ = ["EXACT_UP_TO", "sample_for_silhouettes", "silhouettes"]

EXACT_UP_TO = 30_000
"""Rows up to which the silhouette is exact; above, it is that of a random sample of so many."""


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
    The distances, n^2 d operations, are shared by all labellings: what remains is an addition for
    each pair of rows and each labelling, in O(n) memory.
    """
    X = np.ascontiguousarray(X, dtype=np.float64)
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    n_clusters = int(labels.max()) + 1
    sizes = np.array([np.bincount(one, minlength=n_clusters) for one in labels])
    # The mean is taken here, in row order, so that the number of threads cannot change it.
    with _own_threads():
        means = _by_row(X, labels, sizes).mean(axis=0)
    return np.where((sizes > 0).sum(axis=1) > 1, means, np.nan)


@contextmanager
def _own_threads() -> Iterator[None]:
    """Let Numba use the cores of this process alone: its neighbours may have the others."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(n_threads(), before))
    try:
        yield
    finally:
        numba.set_num_threads(before)


@kernel(parallel=True, error_model="numpy")
def _by_row(X: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    n, d = X.shape
    m, n_clusters = sizes.shape
    by_row = np.empty((n, m))
    columns = X.T.copy()
    for i in prange(n):
        d2 = np.zeros(n)
        for f in range(d):
            for j in range(n):
                d2[j] += (columns[f, j] - columns[f, i]) ** 2
        distance = np.sqrt(d2)
        for one in range(m):
            to_cluster = np.zeros(n_clusters)
            for j in range(n):
                to_cluster[labels[one, j]] += distance[j]
            own = labels[one, i]
            nearest = np.inf
            for k in range(n_clusters):
                if k != own and sizes[one, k] > 0:
                    nearest = min(nearest, to_cluster[k] / sizes[one, k])
            if sizes[one, own] == 1:
                by_row[i, one] = 0.0
                continue
            within = to_cluster[own] / (sizes[one, own] - 1)
            widest = max(within, nearest)
            by_row[i, one] = (nearest - within) / widest if widest > 0 else 0.0
    return by_row
