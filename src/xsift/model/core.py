"""The core of the calibrated method: from raw features to what each expert is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xsift.features import NormalScores, close_hardness
from xsift.mixture import (
    ClassMixtures,
    Mixture,
    group_by_pattern,
    log_density_and_responsibilities,
    mean_posterior,
    weigh_roots,
)
from xsift.model.faint import BRIGHT, coordinate_of, level_of
from xsift.score.evidence import SCALE, Evidence
from xsift.score.none import OpenScorer

__all__ = ["Block", "CalibratedCore", "responsibilities_in", "slices_of"]

_ROWS = 131_072  # the more, the more of them lack the same features, and are worked on at once
_AT_ONCE = 8_192


@dataclass(frozen=True, eq=False)
class CalibratedCore:
    """Normal scores, mixtures and scorers, frozen: class probabilities from raw features.

    Attributes
    ----------
    closing : {"keep", "remove"}
        What becomes of hardness ratios that do not close.
    closure : tuple of three int, or None
        Where they are among the features.
    scores : NormalScores
    mixtures : tuple of Mixture
        Of all detections. The first gives clusters and typicality.
    bags : tuple of tuples of ClassMixtures
        One tuple for each level of faintness, the last for exact detections; one alone where
        counts do not matter. Their classes are those of `scorers` and, where these are opened,
        none of them.
    scorers : tuple of OpenScorer
        Of faint and of bright detections; one alone where counts do not matter.
    """

    closing: str
    closure: tuple[int, int, int] | None
    scores: NormalScores
    mixtures: tuple[Mixture, ...]
    bags: tuple[tuple[ClassMixtures, ...], ...]
    scorers: tuple[OpenScorer, ...]

    @property
    def takes_counts(self) -> bool:
        """Whether it matters how faint a detection is."""
        return len(self.bags) > 1

    def class_probabilities(self, X: np.ndarray) -> np.ndarray:
        """Return P(class | a plain class), shape (n, C), of raw features; NaN is missing.

        A row without any feature has the class shares of training.
        """
        bright = self.scorers[-1]
        p = np.empty((len(X), len(bright.plain.group)))
        for block in self.blocks(X, np.full(len(X), np.inf)):
            raw = self.mixtures_say(block)[-1]
            evidence = self.evidence(block)
            for some in slices_of(len(block.Z)):
                part = bright.plain_probabilities(evidence.take(some), raw[some])
                p[block.rows[some]] = part
        p[np.isnan(X).all(axis=1)] = bright.plain.shares
        return p

    def scorer_of(self, level: int) -> OpenScorer:
        """Return the scorer of a level of faintness."""
        return self.scorers[0] if self.takes_counts and level < BRIGHT else self.scorers[-1]

    def blocks(self, X: np.ndarray, counts: np.ndarray) -> Iterator[Block]:
        """Give rows of one level of faintness, ordered by what they lack."""
        level = level_of(counts) if self.takes_counts else np.zeros(len(X), dtype=np.int64)
        for first in range(0, len(X), _ROWS):
            some = slice(first, first + _ROWS)
            Z = self.scores.transform(close_hardness(X[some], self.closure, self.closing))
            faint = coordinate_of(counts[some])[:, None] if self.takes_counts else None
            for k in np.unique(level[some]):
                here = np.flatnonzero(level[some] == k)
                order, ends = group_by_pattern(Z[here], np.ones(len(here)), True)
                here = here[order]
                yield Block(
                    *(first + here, Z[here], None if faint is None else faint[here]),
                    *(ends, int(k)),
                )

    def evidence(self, block: Block) -> Evidence:
        """Return what trees and class mixtures are asked of; no responsibilities."""
        p_class = mean_posterior(self.bags[block.level], block.Z, block.ends)
        return Evidence(block.Z, p_class, None, block.faint)

    def mixtures_say(self, block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log-density and component in the first mixture, and the regressions' raw scores.

        The scores are as `OpenScorer.slope` gives them.
        """
        scorer = self.scorer_of(block.level)
        slope = scorer.slope
        X, d = block.looked_at, block.looked_at.shape[1]
        raw = np.empty((len(X), slope.shape[1]), order="F")
        raw[:] = scorer.intercept
        for j in range(d):
            column = SCALE * np.nan_to_num(X[:, j])
            for g in range(slope.shape[1]):
                raw[:, g] += column * slope[j, g]
        said, at = [], d
        for m in self.mixtures:
            part = np.ascontiguousarray(slope[at : at + len(m.weights)])
            said.append(
                weigh_roots(block.Z, block.ends, m.weights, m.means, m.covariances, part, raw)
            )
            at += len(m.weights)
        return *said[0], raw


class Block(NamedTuple):
    """Rows of one level of faintness, ordered by what they lack.

    `faint` is how faint they are, shape (n, 1), or None where it does not matter.
    """

    rows: np.ndarray
    Z: np.ndarray
    faint: np.ndarray | None
    ends: np.ndarray
    level: int

    @property
    def looked_at(self) -> np.ndarray:
        """Normal scores and, where it matters, faintness."""
        return self.Z if self.faint is None else np.hstack([self.Z, self.faint])


def slices_of(n: int) -> Iterator[slice]:
    """Return slices of some thousand rows each."""
    return (slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE))


def responsibilities_in(
    mixtures: tuple[Mixture, ...], Z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-density under the first mixture, and the responsibilities in all."""
    scored = [log_density_and_responsibilities(Z, mixture) for mixture in mixtures]
    return scored[0][0], np.hstack([r for _, r in scored])
