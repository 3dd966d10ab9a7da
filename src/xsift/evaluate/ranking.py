"""None of these: how well types that training did not know rank above the plain classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.evaluate.cohort import Cohort
from xsift.evaluate.experiments import REST, Answer, Load, Task, answers_of, held_out
from xsift.evaluate.metrics import Resamples, figure

__all__ = ["RANKINGS", "pairs_won", "unseen_types"]

RANKINGS = ("p_else", "doubt", "typicality")
"""By p of all else; by 1 - the highest probability among the plain classes; by 1 - typicality."""
_CHUNK = 100


def unseen_types(cohort: Cohort, tasks: list[Task], load: Load, seed: int) -> dict[str, Any]:
    """Return the area under the ROC curve of each type of no plain class, unseen in training.

    Returns
    -------
    dict
        ``types``, ``all`` (every pair of a detection of another type and one of a class, scored by
        the same fit) and ``mean_of_types`` (those held out alone), each by ranking; or ``failed``.
    """
    resamples = Resamples.draw(cohort.unit, (cohort.y_plain >= 0) | cohort.is_beside, seed)
    found: dict[str, Any] = {"types": {}}
    total = _Pairs.none()
    for variant in dict.fromkeys(t.variant for t in tasks):
        mine = [t for t in tasks if t.variant == variant]
        answers = answers_of(mine, load)
        if isinstance(answers, str):
            return {"failed": answers}
        held = held_out(cohort, mine[0])
        pairs = _Pairs.none()
        for answer in answers:
            pairs = pairs + _Pairs.of(answer, cohort.y_plain >= 0, held, resamples)
        total = total + pairs
        found["types"][variant] = pairs.figures() | {
            "n_sources": len(np.unique(cohort.source[held]))
        }
    found["all"] = total.figures()
    named = [v for k, v in found["types"].items() if k != REST]
    found["mean_of_types"] = {
        r: float(np.mean([t[r]["value"] for t in named])) if named else np.nan for r in RANKINGS
    }
    return found


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs won and pairs in all, by ranking, in the sample and its resamples."""

    won: dict[str, Any]
    all: dict[str, Any]
    n: int

    @classmethod
    def none(cls) -> _Pairs:
        return cls(dict.fromkeys(RANKINGS, 0.0), dict.fromkeys(RANKINGS, 0.0), 0)

    @classmethod
    def of(cls, a: Answer, known: np.ndarray, held: np.ndarray, resamples: Resamples) -> _Pairs:
        scored = np.isfinite(a.p).all(axis=1) & (known | held)[a.rows]
        pairs = cls.none()
        scores = (a.beside.sum(axis=1), 1 - a.p.max(axis=1), -a.typicality)
        for r, score in zip(RANKINGS, scores, strict=True):
            chosen = scored & np.isfinite(score)
            rows = a.rows[chosen]
            if len(rows):
                pairs.won[r], pairs.all[r] = pairs_won(score[chosen], held[rows], rows, resamples)
        return cls(pairs.won, pairs.all, int((scored & held[a.rows]).sum()))

    def __add__(self, other: _Pairs) -> _Pairs:
        won = {r: self.won[r] + other.won[r] for r in RANKINGS}
        return _Pairs(won, {r: self.all[r] + other.all[r] for r in RANKINGS}, self.n + other.n)

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = {"n_detections": self.n}
        for r in RANKINGS:
            won, pairs = np.atleast_1d(self.won[r]), np.atleast_1d(self.all[r])
            area = np.divide(won, pairs, out=np.full(won.shape, np.nan), where=pairs > 0)
            found[r] = figure(area, self.n)
        return found


def pairs_won(
    score: np.ndarray, is_other: np.ndarray, rows: np.ndarray, resamples: Resamples
) -> tuple[np.ndarray, np.ndarray]:
    """Count the pairs in which the other type ranks above the known class, ties half.

    Their ratio is the area under the ROC curve. As counts, those of several fits add up, and only
    scores of one fit are ever compared.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Finite.
    is_other : ndarray of bool, shape (n,)
    rows : ndarray of int, shape (n,)
        Rows that the resamples are drawn for.

    Returns
    -------
    won, pairs : ndarray of shape (1 + B,)
    """
    _, level = np.unique(score, return_inverse=True)
    order = np.argsort(level, kind="stable")
    level, is_other, rows = level[order], is_other[order], rows[order]
    known = ~is_other
    ends = np.searchsorted(level[known], np.arange(level.max(initial=-1) + 1), side="right")
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    won, pairs = [], []
    for first in range(0, len(resamples.weights), _CHUNK):
        w = resamples.weights[first : first + _CHUNK, resamples.unit[rows]].astype(np.float64)
        below = np.concatenate([np.zeros((len(w), 1)), np.cumsum(w[:, known], axis=1)], axis=1)
        at = level[is_other]
        beaten = (below[:, starts[at]] + below[:, ends[at]]) / 2
        won.append((w[:, is_other] * beaten).sum(axis=1))
        pairs.append(w[:, is_other].sum(axis=1) * below[:, -1])
    return np.concatenate(won), np.concatenate(pairs)
