"""Faint detections: labelled ones observed again with fewer counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xsift.evaluate.experiments import FEWER_COUNTS, Load, Task, answers_of
from xsift.evaluate.metrics import MEASURES
from xsift.evaluate.pooled import Pooled, Truth

__all__ = ["by_counts"]


def by_counts(truth: Truth, tasks: Sequence[Task], load: Load) -> dict[str, Any]:
    """Return the figures over the groups of the plain classes, by counts.

    Parameters
    ----------
    truth : Truth
    tasks : sequence of Task
    load : callable

    Returns
    -------
    dict
        By counts, as text; levels without a detection are left out. Or ``failed``: why there is
        nothing.
    """
    answers = answers_of(tasks, load)
    if isinstance(answers, str):
        return {"failed": answers}
    found = {}
    for level, counts in enumerate(FEWER_COUNTS):
        parts = []
        for a in answers:
            here = np.flatnonzero(a.level == level)
            parts.append(
                replace(a, rows=a.rows[here], p=a.p[here], beside=a.beside[here], sets=a.sets[here])
            )
        if any(len(a.rows) for a in parts):
            found[str(counts)] = _figures(truth, Pooled.of(parts, truth.cohort.classes))
    return found


def _figures(truth: Truth, pooled: Pooled) -> dict[str, Any]:
    groups = truth.levels[0]
    measured = pooled.by_detection(truth).measure(groups, truth.by_row).as_dict()
    kept = {k: measured[k] for k in (*MEASURES, "n_detections", "n_units", "n_unscored")}
    if (sets := pooled.sets(truth, by_source=False)) and len(sets.rows):
        kept["sets"] = sets.measure(groups, truth.by_row)
    return kept
