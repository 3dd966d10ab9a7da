"""The verdict: from probabilities to the one class that is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xsift.classes import Classes

__all__ = ["Rule"]

_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class Rule:
    """The rule of the verdict: first the group, then the class in it.

    Without a prior the most probable one wins (verdict *probable*). With one, that of the highest
    p / prior (verdict *balanced*), among the plain classes where they are as probable as the
    classes apart and none together, else among these: shares of what is beside the classes are
    known worst, and dividing by small ones would make most detections something rare. Of equals the
    first wins.

    Attributes
    ----------
    group : ndarray of int, shape (K,)
        Group of each column of probabilities, 0 to G - 1.
    prior : ndarray of shape (K,), or None
        Shares under which the probabilities hold. What has none never wins.
    n_plain : int, optional
        The first so many columns are plain classes; where None, all.
    """

    group: np.ndarray
    prior: np.ndarray | None = None
    n_plain: int | None = None

    @classmethod
    def of(cls, classes: Classes, prior: np.ndarray | None = None) -> Rule:
        """Return the rule for columns of these classes, and of none after them."""
        group = np.array([*classes.group_index, len(classes.groups)])
        return cls(group, prior, classes.n_plain)

    @classmethod
    def published(cls, n: int) -> Rule:
        """Return the rule of the published method, for `n` columns: it knows no groups."""
        return cls(np.arange(n))

    def first(self, n: int) -> Rule:
        """Return the rule for the first `n` columns."""
        return replace(
            self, group=self.group[:n], prior=None if self.prior is None else self.prior[:n]
        )

    def plain(self) -> Rule:
        """Return the rule without its prior."""
        return replace(self, prior=None)

    def decide(self, p: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the column that wins in each row, shape (n,); -1 where a probability is NaN.

        Parameters
        ----------
        p : ndarray of shape (n, K) or more columns
            Those after the K-th are not looked at.
        rows : ndarray of int, optional
            Of all rows, those to decide.
        """
        n = len(p) if rows is None else len(rows)
        out = np.empty(n, dtype=np.int64)
        for start in range(0, n, _ROWS):
            part = slice(start, min(start + _ROWS, n))
            out[part] = self._decide(p[part if rows is None else rows[part], : len(self.group)])
        return out

    def group_sums(self, p: np.ndarray) -> np.ndarray:
        """Return the sums over the columns of each group, shape (n, G)."""
        out = np.zeros((len(p), int(self.group.max(initial=-1)) + 1))
        for k, g in enumerate(self.group):
            out[:, g] += p[:, k]
        return out

    def _decide(self, p: np.ndarray) -> np.ndarray:
        of_group, of_class = self.group_sums(p), np.ascontiguousarray(p)
        if self.prior is not None:
            of_group = _over(of_group, self.group_sums(self.prior[None])[0])
            of_group = np.where(self._is_on_the_side_of(p), of_group, -np.inf)
            of_class = _over(of_class, self.prior)
        winner = of_group.argmax(axis=1)
        best = np.where(self.group == winner[:, None], of_class, -np.inf).argmax(axis=1)
        return np.asarray(np.where(np.isnan(p).any(axis=1), -1, best))

    def _is_on_the_side_of(self, p: np.ndarray) -> np.ndarray:
        """Tell which groups each row may have, bool of shape (n, G): plain ones, or the others."""
        n = len(self.group) if self.n_plain is None else min(self.n_plain, len(self.group))
        is_plain = np.isin(np.arange(int(self.group.max()) + 1), self.group[:n])
        beside = p[:, n:].sum(axis=1)
        return np.asarray((p[:, :n].sum(axis=1) >= beside)[:, None] == is_plain)


def _over(p: np.ndarray, prior: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(p, prior, out=np.full(p.shape, -1.0), where=prior > 0))
