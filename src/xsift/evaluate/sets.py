"""Conformal sets of groups, as they are judged: how often they hold the truth, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.evaluate.metrics import Level, Resamples, figure, ratio

__all__ = ["Sets"]


@dataclass(frozen=True, eq=False)
class Sets:
    """The sets of rows with a class, beside the truth.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Rows of the sample that `Resamples` was drawn for.
    members : ndarray of bool, shape (n, G) or (n, G + 1)
        Which groups are in the set; none is the last, where it can be.
    y : ndarray of int, shape (n,)
        Class index.
    """

    rows: np.ndarray
    members: np.ndarray
    y: np.ndarray

    def measure(self, level: Level, resamples: Resamples) -> dict[str, Any]:
        """Return coverage and mean size, in all and by true group."""
        n, g = len(self.rows), len(level.names)
        truth, at = level.of_class[self.y], np.arange(len(self.rows))
        values = np.zeros((n, g, 3))
        values[at, truth, 0] = 1
        values[at, truth, 1] = self.members[at, truth]
        values[at, truth, 2] = self.members.sum(axis=1)
        sums = resamples.sums(self.rows, values.reshape(n, -1)).reshape(-1, g, 3)
        there = sums[0, :, 0]
        by_group = {
            name: _figures(sums[:, i], int(there[i]))
            for i, name in enumerate(level.names)
            if there[i]
        }
        return _figures(sums.sum(axis=1), n) | {"groups": by_group}


def _figures(sums: np.ndarray, n: int) -> dict[str, Any]:
    """Return the figures of sums of rows, hits and sizes, shape (1 + B, 3)."""
    count, hits, sizes = sums.T
    return {"coverage": figure(ratio(hits, count), n), "size": figure(ratio(sizes, count), n)}
