"""The verdicts that a catalogue writes, as they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.classes import Classes
from xsift.evaluate.experiments import Answer
from xsift.evaluate.metrics import Level, Resamples, figure, mean_recall, ratio
from xsift.vote import Rule

__all__ = ["Written", "written_by"]


@dataclass(frozen=True, eq=False)
class Written:
    """The classes that are written, beside the truth.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Rows of the sample that `Resamples` was drawn for.
    chosen : dict of str to ndarray of int, shape (n,)
        By rule: index of a class, one more for none; -1 where nothing is written.
    y : ndarray of int, shape (n,)
    """

    rows: np.ndarray
    chosen: dict[str, np.ndarray]
    y: np.ndarray

    def measure(self, level: Level, resamples: Resamples) -> dict[str, Any]:
        """Return accuracy and balanced accuracy by rule.

        What the level does not have counts as wrong: where it is one of the plain classes, those
        apart and none. ``all_else`` is the share of rows that is called so. What has no verdict is
        left out.
        """
        return {
            rule: _measured(self.rows, said, self.y, level, resamples)
            for rule, said in self.chosen.items()
        }


def written_by(
    answers: Sequence[Answer], classes: Classes, by_source: bool
) -> dict[str, np.ndarray]:
    """Return what each rule writes of all answers, detection by detection or by source.

    A method that states no shares is the published one: it has the most probable class alone.
    """
    is_published = any(np.isnan(a.shares).any() for a in answers)
    parts: dict[str, list[np.ndarray]] = {"probable": [], "balanced": []}
    for a in answers:
        p = a.written_source if by_source else a.written
        if is_published:
            parts["probable"].append(Rule.published(p.shape[1]).decide(p))
            continue
        parts["probable"].append(Rule.of(classes).decide(p))
        parts["balanced"].append(Rule.of(classes, a.all_shares).decide(p))
    return {rule: np.concatenate(said) for rule, said in parts.items() if said}


def _measured(
    rows: np.ndarray, said: np.ndarray, y: np.ndarray, level: Level, resamples: Resamples
) -> dict[str, Any]:
    has = said >= 0
    g, n = len(level.names), int(has.sum())
    # Classes that the level does not have are the last.
    beyond = np.minimum(said[has], len(level.of_class))
    truth, called = level.of_class[y[has]], np.append(level.of_class, g)[beyond]
    values = np.zeros((n, g * (g + 1)))
    values[np.arange(n), truth * (g + 1) + called] = 1
    sums = resamples.sums(rows[has], values).reshape(-1, g, g + 1)
    right, total = np.diagonal(sums, axis1=1, axis2=2), sums.sum(axis=(1, 2))
    series = {
        "accuracy": ratio(right.sum(axis=1), total),
        "balanced_accuracy": mean_recall(ratio(right, sums.sum(axis=2))),
        "all_else": ratio(sums[:, :, g].sum(axis=1), total),
    }
    return {name: figure(values, n) for name, values in series.items()}
