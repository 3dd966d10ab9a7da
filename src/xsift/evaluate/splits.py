"""Splits in which no source, and no detection, stands on both sides."""

from __future__ import annotations

import numpy as np

from xsift.errors import SplitError

__all__ = ["N_BLOCKS", "check_split", "folds_by_sky"]

N_BLOCKS = 20
"""Contiguous blocks of the sky."""


def folds_by_sky(unit: np.ndarray, along: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Cut the units into 20 contiguous blocks of equal number and deal the blocks to folds.

    Parameters
    ----------
    unit : ndarray of int, shape (n,)
    along : ndarray of shape (n,)
        What runs along the sky: right ascension, or the number of the source where the sources
        are numbered along it. A unit stands where its first row stands.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    units, first, of = np.unique(unit, return_index=True, return_inverse=True)
    n_blocks = min(N_BLOCKS, len(units))
    place = np.empty(len(units), dtype=np.int64)
    place[np.argsort(along[first], kind="stable")] = np.arange(len(units))
    block = place * n_blocks // len(units)
    dealt = np.random.default_rng(seed).permutation(n_blocks) % n_folds
    return np.asarray(dealt[block][of])


def check_split(train: np.ndarray, test: np.ndarray, **numbers: np.ndarray) -> None:
    """Refuse a split that has something of the test rows among its training rows.

    Parameters
    ----------
    train, test : ndarray of int
        Rows.
    **numbers : ndarray of int, shape (n,)
        What must not stand on both sides, by its name (``source=...``); -1 says nothing.

    Raises
    ------
    SplitError
        If a number stands on both sides.
    """
    if len(both := np.intersect1d(train, test)):
        raise SplitError(f"a split that leaks: row {both[0]} is on both sides")
    for name, code in numbers.items():
        shared = np.intersect1d(code[train], code[test])
        shared = shared[shared >= 0]
        if len(shared):
            a, b = (rows[code[rows] == shared[0]][0] for rows in (train, test))
            raise SplitError(
                f"a split that leaks: {len(shared)} {name} on both sides, the first in row {a} of "
                f"the training rows and row {b} of the test rows"
            )
