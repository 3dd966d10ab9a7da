"""The answers of all folds put together, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xsift.classes import Classes
from xsift.evaluate.cohort import Cohort
from xsift.evaluate.experiments import Answer
from xsift.evaluate.fusion import FUSIONS
from xsift.evaluate.metrics import Level, Resamples, Scores, levels_of, open_levels_of
from xsift.evaluate.sets import Sets
from xsift.evaluate.written import Written, written_by

__all__ = ["Pooled", "Truth"]


@dataclass(frozen=True, eq=False)
class Truth:
    """The sample's rows and sources with a class, and the resamples of both.

    Attributes
    ----------
    cohort : Cohort
    levels : tuple of Level
    y : ndarray of int, shape (n,)
        Plain class of each row; -1 for none. In the open world its class, whatever it is, and one
        more for none of the classes.
    sources, y_source : ndarray of int, shape (m,)
        The sources, and the same of each.
    by_row, by_source : Resamples
    is_open : bool
    """

    cohort: Cohort
    levels: tuple[Level, ...]
    y: np.ndarray
    sources: np.ndarray
    y_source: np.ndarray
    by_row: Resamples
    by_source: Resamples
    is_open: bool = False

    @property
    def set_level(self) -> Level:
        """The level of the groups that sets hold."""
        return self.levels[0]

    @classmethod
    def of(cls, cohort: Cohort, seed: int, is_open: bool = False) -> Truth:
        """Return the truth of the plain classes, or of the open world."""
        y = cohort.y_open if is_open else cohort.y_plain
        levels = (open_levels_of if is_open else levels_of)(cohort.classes)
        sources, y_source = cohort.source_labels(y)
        _, first = np.unique(cohort.source, return_index=True)
        by_row = Resamples.draw(cohort.unit, y >= 0, seed)
        return cls(cohort, levels, y, sources, y_source, by_row, by_row.of(first), is_open)


@dataclass(frozen=True, eq=False)
class Pooled:
    """The answers of all folds: each row was asked once.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
    p, shares : ndarray of shape (n, P), or (n, C + 1) in the open world
    sources : ndarray of int, shape (m,)
    p_source, shares_source
        The same of the sources.
    written, written_source : dict of str to ndarray of int
        By rule, what a catalogue would have.
    members, members_source : ndarray of bool
        As in `Answer`.
    """

    rows: np.ndarray
    p: np.ndarray
    shares: np.ndarray
    sources: np.ndarray
    p_source: np.ndarray
    shares_source: np.ndarray
    written: dict[str, np.ndarray]
    written_source: dict[str, np.ndarray]
    members: np.ndarray
    members_source: np.ndarray

    @classmethod
    def of(cls, answers: Sequence[Answer], classes: Classes, is_open: bool = False) -> Pooled:
        """Put the answers together, for the plain classes or the open world."""

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(a, name) for a in answers])

        def repeated(by: str) -> np.ndarray:
            shares = [a.all_shares if is_open else a.plain_shares for a in answers]
            pairs = zip(shares, answers, strict=True)
            return np.concatenate([np.tile(s, (len(getattr(a, by)), 1)) for s, a in pairs])

        return cls(
            rows=joined("rows"),
            p=joined("written" if is_open else "p"),
            shares=repeated("rows"),
            sources=joined("sources"),
            p_source=joined("written_source" if is_open else "p_source"),
            shares_source=repeated("sources"),
            written=written_by(answers, classes, by_source=False),
            written_source=written_by(answers, classes, by_source=True),
            members=_together([a.sets for a in answers]),
            members_source=_together([a.sets_source for a in answers]),
        )

    def by_detection(self, truth: Truth) -> Scores:
        """Return the labelled detections."""
        labelled = truth.y[self.rows] >= 0
        rows = self.rows[labelled]
        return Scores(rows, self.p[labelled], truth.y[rows], self.shares[labelled])

    def by_source(self, truth: Truth) -> Scores:
        """Return every labelled source once; those without a scored detection have NaN."""
        place = np.flatnonzero(truth.y_source >= 0)
        p = np.full((len(truth.sources), self.p.shape[1]), np.nan)
        shares = p.copy()
        at = np.searchsorted(truth.sources, self.sources)
        p[at], shares[at] = self.p_source, self.shares_source
        return Scores(place, p[place], truth.y_source[place], shares[place])

    def fused(self, truth: Truth, how: str) -> Scores:
        """Return the sources by another rule of fusion than the method's own."""
        scored = np.isfinite(self.p).all(axis=1)
        source = truth.cohort.source[self.rows[scored]]
        order = np.argsort(source, kind="stable")
        sources, first = np.unique(source[order], return_index=True)
        p = FUSIONS[how](self.p[scored][order], source[order])
        shares = self.shares[scored][order][first]
        fused = replace(self, sources=sources, p_source=p, shares_source=shares)
        return fused.by_source(truth)

    def written_by_detection(self, truth: Truth) -> Written:
        """Return the verdicts on the labelled detections."""
        labelled = truth.y[self.rows] >= 0
        rows = self.rows[labelled]
        chosen = {rule: said[labelled] for rule, said in self.written.items()}
        return Written(rows, chosen, truth.y[rows])

    def sets(self, truth: Truth, by_source: bool) -> Sets | None:
        """Return the sets of groups of what has a class; None where the method gives none."""
        members = self.members_source if by_source else self.members
        if not members.shape[1]:
            return None
        rows, y = self.rows, truth.y[self.rows]
        if by_source:
            rows = np.searchsorted(truth.sources, self.sources)
            y = truth.y_source[rows]
            scored = np.ones(len(rows), dtype=bool)
        else:
            scored = np.isfinite(self.p).all(axis=1)
        # Types that no set speaks of are left out.
        kept = scored & (y >= 0) & (truth.set_level.of_class[y] < members.shape[1])
        return Sets(rows[kept], members[kept], y[kept])

    def written_by_source(self, truth: Truth) -> Written:
        """Return the verdicts on the labelled sources."""
        place = np.flatnonzero(truth.y_source >= 0)
        at = np.searchsorted(truth.sources, self.sources)
        chosen = {}
        for rule, said in self.written_source.items():
            of_all = np.full(len(truth.sources), -1)
            of_all[at] = said
            chosen[rule] = of_all[place]
        return Written(place, chosen, truth.y_source[place])


def _together(sets: Sequence[np.ndarray]) -> np.ndarray:
    """Join the sets of all folds: those speak of none alone that have all learned of it."""
    n_columns = min(s.shape[1] for s in sets)
    return np.concatenate([s[:, :n_columns] for s in sets])
