"""The open world: every detection of known type asked, whatever its type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xsift.evaluate.experiments import OPEN_METHODS, Answer, Load, Task, answers_of
from xsift.evaluate.metrics import (
    N_BINS,
    Level,
    Resamples,
    Scores,
    figure,
    ratio,
)
from xsift.evaluate.pooled import Pooled, Truth
from xsift.evaluate.ranking import pairs_won

__all__ = ["of_the_open_world", "promise"]


def of_the_open_world(
    truth: Truth, method: str, tasks: Sequence[Task], load: Load
) -> dict[str, Any]:
    """Return the figures of a method over the groups of the plain classes and all else.

    Parameters
    ----------
    truth : Truth
        Of the open world.
    method : str
    tasks : sequence of Task
    load : callable

    Returns
    -------
    dict
        ``detections`` and ``sources``, each by level; ``auc`` of all else against the plain
        classes. Or ``left_out`` or ``failed``: why there is nothing.
    """
    if method not in OPEN_METHODS:
        return {"left_out": "it gives types beside the classes no probability"}
    answers = answers_of(tasks, load)
    if isinstance(answers, str):
        return {"failed": answers}
    pooled = Pooled.of(answers, truth.cohort.classes, is_open=True)
    # Baselines do not tell the kinds of all else.
    tells_kinds = any((a.shares[a.p.shape[1] :] > 0).any() for a in answers)
    levels = truth.levels if tells_kinds else truth.levels[:1]
    parts = (
        ("detections", pooled.by_detection(truth), pooled.written_by_detection(truth)),
        ("sources", pooled.by_source(truth), pooled.written_by_source(truth)),
    )
    found: dict[str, Any] = {}
    for (what, scores, written), resamples in zip(
        parts, (truth.by_row, truth.by_source), strict=True
    ):
        found[what] = {}
        for level in levels:
            said = written.measure(level, resamples)
            for figures in said.values():
                del figures["all_else"]  # here it is one of the groups
            found[what][level.key] = scores.measure(level, resamples).as_dict() | {
                "written": said,
                "promise": promise(scores, level, resamples),
            }
        if sets := pooled.sets(truth, what == "sources"):
            found[what]["groups"]["sets"] = sets.measure(truth.set_level, resamples)
    return found | {"auc": _area(truth, answers)}


def promise(scores: Scores, level: Level, resamples: Resamples) -> dict[str, Any]:
    """Return for each group whether its probability is what it says, in ten equal bins of it.

    Returns
    -------
    dict
        By group, then by bin (such as ``90 to 100 %``; empty ones are left out): ``promised``, the
        mean probability; ``right``, the share that is of the group.
    """
    scored = np.isfinite(scores.p).all(axis=1)
    p, truth = level.sum(scores.p[scored]), level.of_class[scores.y[scored]]
    at = np.arange(len(p))
    found: dict[str, Any] = {}
    for g, name in enumerate(level.names):
        # A probability of 1 belongs into the last bin.
        bins = np.minimum((p[:, g] * N_BINS).astype(np.int64), N_BINS - 1)
        values = np.zeros((len(p), N_BINS, 3))
        values[at, bins] = np.column_stack([np.ones(len(p)), p[:, g], truth == g])
        sums = resamples.sums(scores.rows[scored], values.reshape(len(p), -1))
        count, promised, right = np.moveaxis(sums.reshape(-1, N_BINS, 3), 2, 0)
        found[name] = {
            f"{100 * b // N_BINS} to {100 * (b + 1) // N_BINS} %": {
                "promised": {"value": float(promised[0, b] / count[0, b]), "n": int(count[0, b])},
                "right": figure(ratio(right[:, b], count[:, b]), int(count[0, b])),
            }
            for b in np.flatnonzero(count[0])
        }
    return found


def _area(truth: Truth, answers: Sequence[Answer]) -> dict[str, Any]:
    """Return how often what is of no plain class has a higher probability of all else."""
    is_beside = truth.cohort.is_beside
    won, pairs, n = np.zeros(1), np.zeros(1), 0
    for a in answers:
        score = a.beside.sum(axis=1)
        chosen = np.isfinite(a.p).all(axis=1) & (truth.y[a.rows] >= 0)
        rows = a.rows[chosen]
        more = pairs_won(score[chosen], is_beside[rows], rows, truth.by_row)
        won, pairs, n = won + more[0], pairs + more[1], n + int(is_beside[rows].sum())
    return figure(ratio(won, pairs), n)
