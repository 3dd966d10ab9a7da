"""What training learns from: detections as they are, with values hidden, and with fewer counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from xsift.features import NormalScores, close_hardness
from xsift.model.faint import BRIGHT, EDGES, Dimming, coordinate_of, level_of, levels_of_counts
from xsift.model.sample import Training

__all__ = ["Examples", "examples_of", "observed_copies"]

_HIDDEN = 0.6
_HIDDEN_WEIGHT = 0.5
_FAINT_WEIGHT = 0.1
_SAMPLED = 10_000


@dataclass(frozen=True, eq=False)
class Examples:
    """Detections, and copies of them.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        The detection of the training table that each is, or is made of.
    Z : ndarray of shape (m, d)
        Normal scores; NaN is missing.
    faint : ndarray of shape (m, 1), or None
        How faint they are; None where that does not matter.
    level : ndarray of int, shape (m,)
        Of faintness; 0 where that does not matter.
    weight : ndarray of shape (m,)
        Of a copy beside its detection.
    is_hidden : ndarray of bool, shape (m,)
        Those with values hidden: they teach the scorers, but no mixture.
    is_sampled : ndarray of bool, shape (m,)
        Those of a random choice of all detections: they teach what is typical.
    n_levels : int
    """

    row: np.ndarray
    Z: np.ndarray
    faint: np.ndarray | None
    level: np.ndarray
    weight: np.ndarray
    is_hidden: np.ndarray
    is_sampled: np.ndarray
    n_levels: int

    def take(self, chosen: np.ndarray) -> Examples:
        """Return some of them."""
        return Examples(
            *(
                self.row[chosen],
                self.Z[chosen],
                None if self.faint is None else self.faint[chosen],
                self.level[chosen],
            ),
            *(self.weight[chosen], self.is_hidden[chosen], self.is_sampled[chosen]),
            self.n_levels,
        )

    @property
    def is_copy(self) -> np.ndarray:
        """Which are detections with fewer counts than they have, bool of shape (m,)."""
        return np.asarray(~(self.is_itself | self.is_hidden))

    @property
    def is_itself(self) -> np.ndarray:
        """Which are detections as they are, bool of shape (m,)."""
        return np.asarray(self.weight == 1.0)

    def is_judged(self, levels: range) -> np.ndarray:
        """Tell which examples show what a scorer of these levels, the last ones, says of new rows.

        A scorer of bright detections is judged by detections as they are; one of faint detections
        by the faint ones, as they are or made. Those with values hidden are more than a table has.
        """
        if levels.start > 0 or self.n_levels == 1:
            return self.is_itself
        return np.asarray((self.level < BRIGHT) & ~self.is_hidden)

    def teaches(self, level: int) -> np.ndarray:
        """Return which examples the mixtures of a level learn from, as numbers.

        The brightest level has every detection as it is: few are as good as exact in most tables.
        """
        is_last = level == self.n_levels - 1
        own = self.is_itself if is_last else (self.level == level) & ~self.is_hidden
        return np.flatnonzero(own)


def examples_of(
    training: Training,
    Z: np.ndarray,
    scores: NormalScores,
    closure: tuple[int, int, int] | None,
    closing: str,
    dimming: Dimming | None,
    known: np.ndarray,
    seed: int,
) -> Examples:
    """Make the examples: known detections, the same with values hidden, and faint copies.

    Of the others some have faint copies, too, which say what is typical.

    Parameters
    ----------
    training : Training
    Z : ndarray of shape (n, d)
        Normal scores of all rows.
    scores, closure, closing
        How they came about.
    dimming : Dimming or None
        Where None, counts do not matter.
    known : ndarray of int
        Rows that teach the scorers.
    seed : int
    """
    plain = np.zeros(len(known), dtype=bool)
    row, made = np.concatenate([known, known]), [Z[known], _hide(Z[known], seed)]
    weight = np.repeat([1.0, _HIDDEN_WEIGHT], len(known))
    is_hidden = np.concatenate([plain, ~plain])
    if dimming is None:
        nothing = np.zeros(len(row), dtype=np.int64)
        none = np.zeros(len(row), dtype=bool)
        return Examples(row, np.concatenate(made), None, nothing, weight, is_hidden, none, 1)
    counts = training.counts if training.counts is not None else np.full(len(Z), np.inf)
    rng = np.random.default_rng(seed)
    is_sampled = np.zeros(len(Z), dtype=bool)
    is_sampled[rng.permutation(len(Z))[:_SAMPLED]] = True
    is_copied = is_sampled.copy()
    is_copied[known] = True
    copied = _fainter(training, scores, closure, closing, dimming.dimmed, is_copied, rng)
    rows, all_counts = [row], [counts[row]]
    for bright, Z_copy, effective in copied:
        made.append(Z_copy)
        rows.append(bright)
        all_counts.append(effective)
    row, effective = np.concatenate(rows), np.concatenate(all_counts)
    n_more = len(row) - len(weight)
    return Examples(
        row,
        np.concatenate(made),
        coordinate_of(effective)[:, None],
        level_of(effective),
        np.concatenate([weight, np.full(n_more, _FAINT_WEIGHT)]),
        np.concatenate([is_hidden, np.zeros(n_more, dtype=bool)]),
        is_sampled[row],
        len(EDGES) + 1,
    )


def observed_copies(
    training: Training,
    scores: NormalScores,
    closure: tuple[int, int, int] | None,
    closing: str,
    dimming: Dimming,
    chosen: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make faint copies of some detections as a survey would report them.

    Parameters
    ----------
    training : Training
    scores, closure, closing, dimming
        As in `examples_of`.
    chosen : ndarray of bool, shape (n,)
    seed : int

    Returns
    -------
    row : ndarray of int, shape (m,)
        The detection that each is made of.
    Z : ndarray of shape (m, d)
        Normal scores.
    level : ndarray of int, shape (m,)
        Of faintness.
    """
    rng = np.random.default_rng(seed)
    made = _fainter(training, scores, closure, closing, dimming.observed, chosen, rng)
    row, Z, effective = (np.concatenate(part) for part in zip(*made, strict=True))
    return row, Z, level_of(effective)


def _fainter(
    training: Training,
    scores: NormalScores,
    closure: tuple[int, int, int] | None,
    closing: str,
    observe: Callable[..., tuple[np.ndarray, np.ndarray]],
    chosen: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Give rows, normal scores and effective counts of a faint copy of each, level by level."""
    counts = training.counts if training.counts is not None else np.full(len(chosen), np.inf)
    for low, high in levels_of_counts():
        bright = np.flatnonzero(chosen & (counts > high))
        fewer = np.exp(rng.uniform(np.log(low), np.log(high), len(bright)))
        X, effective = observe(training.X[bright], fewer, rng)
        yield bright, scores.transform(close_hardness(X, closure, closing)), effective


def _hide(Z: np.ndarray, seed: int) -> np.ndarray:
    """Return rows with values hidden at random, each row at a rate of its own; one value stays."""
    rng = np.random.default_rng(seed)
    is_hidden = rng.random(Z.shape) < rng.uniform(0, _HIDDEN, len(Z))[:, None]
    would_be_empty = (is_hidden | np.isnan(Z)).all(axis=1)
    is_hidden[would_be_empty] = False
    return np.where(is_hidden, np.nan, Z)
