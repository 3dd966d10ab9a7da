"""Probabilities from logarithms, column by column."""

from __future__ import annotations

import numpy as np

__all__ = ["add_columns", "group_sums", "normalised", "softmax"]


def softmax(raw: np.ndarray) -> np.ndarray:
    """Return exp(raw), each row brought to the sum 1: shape (n, C), in Fortran order.

    Columns lie together, and are added one after the other: numpy's sum over a short axis is slow,
    and its order of additions depends on the shape, so that a row alone would have other bits.
    """
    largest = raw[:, 0].copy()
    for column in raw.T[1:]:
        np.maximum(largest, column, out=largest)
    p = np.empty(raw.shape, order="F")
    np.subtract(raw, largest[:, None], out=p)
    np.exp(p, out=p)
    return normalised(p)


def normalised(p: np.ndarray) -> np.ndarray:
    """Bring each row of `p` to the sum 1, in place."""
    p /= add_columns(p)[:, None]
    return p


def add_columns(p: np.ndarray) -> np.ndarray:
    """Return the sum of each row, shape (n,): the columns added in their order."""
    total = p[:, 0].copy()
    for column in p.T[1:]:
        total += column
    return total


def group_sums(p: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the sum of the columns of each group, shape (n, G).

    Parameters
    ----------
    p : ndarray of shape (n, C)
    group : ndarray of int, shape (C,)
        Group of each column, 0 to G - 1.
    """
    out = np.zeros((len(p), int(group.max()) + 1), order="F")
    for k, g in enumerate(group):
        out[:, g] += p[:, k]
    return out
