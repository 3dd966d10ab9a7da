"""The tasks of a validation, done one after another: in this process, or in several others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from xsift.evaluate.cohort import Cohort
from xsift.evaluate.experiments import Answer, Protocol, Task, run_task
from xsift.evaluate.methods import Method

__all__ = ["Validation", "answered"]


@dataclass(frozen=True, eq=False)
class Validation:
    """What all tasks of a validation share.

    Attributes
    ----------
    cohort : Cohort
    folds : mapping of str to ndarray of int
        The fold of each row, by experiment.
    methods : mapping of (str, str) to Method
        By experiment and name; those of "" are for all other experiments.
    protocol : Protocol
    """

    cohort: Cohort
    folds: Mapping[str, np.ndarray]
    methods: Mapping[tuple[str, str], Method]
    protocol: Protocol

    def method(self, task: Task) -> Method:
        """Return the method of a task."""
        opened = self.methods.get((task.experiment, task.method))
        return opened or self.methods["", task.method]


def answered(shared: Validation, tasks: Sequence[Task]) -> Iterator[tuple[Task, Answer]]:
    """Do tasks, and yield each with its answer."""
    for task in tasks:
        fold = shared.folds[task.experiment]
        # The last digits of scikit-learn's sums depend on the number of threads.
        with threadpool_limits(1):
            answer = run_task(shared.cohort, fold, shared.method(task), task, shared.protocol)
        yield task, answer
