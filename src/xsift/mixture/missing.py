"""Missing features: rows grouped by what they lack.

A row that lacks features is used as it is: the features that it has, O, weigh in with their
marginal density N(mu_O, Sigma_OO), and the features that it lacks, M, with their expectation given
O. For a missing value that depends on the observed ones only (missing at random) this is exact EM
(Ghahramani & Jordan 1994, NIPS 6, section 3; Little & Rubin 2002, section 11.2).
"""

from __future__ import annotations

import math

import numpy as np

from xsift.jit import kernel, kernel_part
from xsift.mixture import in_numpy

__all__ = ["group_by_pattern", "split_features"]

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: its multiples spread evenly

TILE = 4
"""Features are padded with zeros to a multiple of this, so that the kernels need no remainders."""


@kernel(instead=in_numpy.group_by_pattern, nogil=True)
def group_by_pattern(
    X: np.ndarray, weight: np.ndarray, keep_all: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Order the rows so that those that lack the same features stand together.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing.
    weight : ndarray of shape (n,)
    keep_all : bool
        Where False, rows without weight and rows without any value are left out: they do not take
        part in a fit.

    Returns
    -------
    order : ndarray of int, shape (at most n,)
        Patterns in the order in which they first appear, and each one's rows in theirs.
    ends : ndarray of int, shape (number of patterns,)
        Where each pattern ends in `order`.
    """
    n, d = X.shape
    limit = min(n, 2 ** min(d, 32))  # patterns that there can be
    size = 1
    while size < 2 * limit:
        size *= 2
    slots = np.full(size, -1, np.int32)  # hash table: key -> pattern
    keys = _pattern_keys(X)
    first_row = np.empty(limit, np.int32)
    is_left_out = np.zeros(limit, np.bool_)
    count = np.zeros(limit + 1, np.int64)
    pattern = np.full(n, -1, np.int32)
    n_patterns = 0
    for row in range(n):
        if weight[row] == 0.0 and not keep_all:
            continue
        slot = np.int64((keys[row] * np.uint64(_GOLDEN)) >> np.uint64(40)) & (size - 1)
        while slots[slot] >= 0 and not _is_same(X, keys, row, first_row[slots[slot]]):
            slot = (slot + 1) & (size - 1)
        p = slots[slot]
        if p < 0:
            p = slots[slot] = n_patterns
            first_row[p] = row
            is_left_out[p] = not keep_all and np.isnan(X[row]).all()
            n_patterns += 1
        if not is_left_out[p]:
            pattern[row] = p
            count[p + 1] += 1
    start = np.cumsum(count[: n_patterns + 1])
    ends = start[1:][count[1 : n_patterns + 1] > 0]
    order = np.empty(start[n_patterns], np.int64)
    for row in range(n):
        if pattern[row] >= 0:
            order[start[pattern[row]]] = row
            start[pattern[row]] += 1
    return order, ends


@kernel_part(nogil=True)
def _pattern_keys(X: np.ndarray) -> np.ndarray:
    """Return a number for what each row lacks; up to 64 features, another for each pattern."""
    n, d = X.shape
    parts = np.empty(d, np.uint64)
    for j in range(d):
        parts[j] = (
            np.uint64(1) << np.uint64(j) if d <= 64 else np.uint64(_GOLDEN) * np.uint64(j + 1)
        )
    keys = np.empty(n, np.uint64)
    for row in range(n):
        key = np.uint64(0)
        for j in range(d):
            key += parts[j] * np.uint64(X[row, j] != X[row, j])  # NaN alone is not itself
        keys[row] = key
    return keys


@kernel_part(nogil=True)
def _is_same(X: np.ndarray, keys: np.ndarray, one: int, other: int) -> bool:
    if keys[one] != keys[other] or X.shape[1] <= 64:
        return bool(keys[one] == keys[other])
    for j in range(X.shape[1]):  # noqa: SIM110 (numba compiles a loop, and no all())
        if math.isnan(X[one, j]) != math.isnan(X[other, j]):
            return False
    return True


@kernel_part(nogil=True)
def split_features(row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the features that a row has, and of those that it lacks."""
    is_missing = np.isnan(row)
    return np.flatnonzero(~is_missing), np.flatnonzero(is_missing)
