"""What is trained on what, and tested on what: every experiment as a list of tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from xsift.errors import OutputError, XsiftError
from xsift.evaluate.cohort import Cohort, types_to_hold_out
from xsift.evaluate.methods import Method
from xsift.evaluate.splits import check_split, folds_by_sky
from xsift.model.folds import folds_by_source
from xsift.model.sample import Training

__all__ = [
    "HIDDEN",
    "REST",
    "SHARES",
    "Answer",
    "Load",
    "Protocol",
    "Task",
    "answers_of",
    "folds_of",
    "held_out",
    "plan",
    "run_task",
]

SHARES = ("0.03", "0.1", "0.3")
"""Shares of the training sources that keep their labels; all of them is the plain validation."""
HIDDEN = 0.3
"""Share of the values that are hidden."""
AT_LEAST = 20
"""Sources that a type needs to be held out alone."""
REST = "the rest"
"""Other types with fewer sources, held out together."""


@dataclass(frozen=True)
class Protocol:
    """How the validation is done.

    Attributes
    ----------
    folds, draws, seed : int
    experiments : tuple of str
        Of folds, sky, shares, missing, none; folds are always done.
    """

    folds: int
    draws: int
    seed: int
    experiments: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """One fit, and what it is asked: the smallest part of a validation that can be taken up again.

    Attributes
    ----------
    experiment, method : str
    variant : str
        The share of labels, where values are hidden, the type that is held out.
    draw, fold : int
    """

    experiment: str
    method: str
    variant: str
    draw: int
    fold: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method said in a task.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Test rows.
    p : ndarray of shape (n, C)
        Over the classes alone they sum to 1; NaN where not scored.
    p_none, typicality : ndarray of shape (n,)
    shares : ndarray of shape (C,)
    sources : ndarray of int, shape (m,)
        Those with a row that was scored.
    p_source : ndarray of shape (m, C)
    written_source : ndarray of shape (m, C + 1)
        Probabilities of the classes and of none, as a catalogue has them: they sum to 1.
    none_share : ndarray of shape ()
    sets, sets_source : ndarray of bool, shape (n, G), (n, G + 1) or (n, 0), and the same with m
        Groups in the set of each row; no columns where the method gives no sets.
    seconds : ndarray of shape (2,)
        Of fitting and of scoring.
    failed : str
        Why there is no answer; empty where there is one.
    """

    rows: np.ndarray
    p: np.ndarray
    p_none: np.ndarray
    typicality: np.ndarray
    shares: np.ndarray
    sources: np.ndarray
    p_source: np.ndarray
    written_source: np.ndarray
    none_share: np.ndarray
    sets: np.ndarray
    sets_source: np.ndarray
    seconds: np.ndarray
    failed: str = ""


Load = Callable[[Task], Answer | None]


def plan(cohort: Cohort, methods: Sequence[str], protocol: Protocol) -> list[Task]:
    """List the tasks of a validation, the plain folds first."""
    named = types_to_hold_out(cohort, AT_LEAST)
    variants = {
        "folds": ("",),
        "sky": ("",),
        "shares": SHARES,
        "missing": ("both", "test"),
        "none": (*named, REST) if len(set(cohort.other) - {None, *named}) else named,
    }
    tasks = []
    for experiment, chosen in variants.items():
        if experiment != "folds" and experiment not in protocol.experiments:
            continue
        draws = protocol.draws if experiment == "shares" else 1
        tasks += [
            Task(experiment, method, variant, draw, fold)
            for draw in range(draws)
            for variant in chosen
            for fold in range(protocol.folds)
            for method in methods
        ]
    return tasks


def folds_of(cohort: Cohort, experiment: str, protocol: Protocol) -> np.ndarray:
    """Return the fold of each row, by source or by blocks of the sky."""
    if experiment == "sky":
        return folds_by_sky(cohort.unit, cohort.along, protocol.folds, protocol.seed)
    return folds_by_source(cohort.unit, _stratum(cohort), protocol.folds, protocol.seed)


def run_task(
    cohort: Cohort, fold: np.ndarray, method: Method, task: Task, protocol: Protocol
) -> Answer:
    """Fit the method on all folds but one, and ask it for the one.

    Parameters
    ----------
    fold : ndarray of int, shape (n,)
        As `folds_of` gives it.

    Raises
    ------
    SplitError
        If a source or a detection stands on both sides.
    """
    train = np.flatnonzero(fold != task.fold)
    asked = np.isin(cohort.source, np.unique(cohort.source[cohort.y >= 0]))
    asked |= held_out(cohort, task) if task.experiment == "none" else cohort.is_other
    test = np.flatnonzero((fold == task.fold) & asked)
    check_split(train, test, sources=cohort.source, units=cohort.unit, detections=cohort.detection)
    seed = _seed(protocol.seed, task.draw, task.fold)
    features = cohort.plain if method.name == "paper" else None
    features = cohort.X if features is None else features
    training, X = _prepared(cohort, features, train, test, task, protocol)
    try:
        return _answer(method, training, X, test, cohort.source[test], seed)
    except XsiftError as error:
        return _no_answer(len(cohort.classes), str(error))


def held_out(cohort: Cohort, task: Task) -> np.ndarray:
    """Tell which rows are of the type that the task holds out."""
    if task.variant == REST:
        named = types_to_hold_out(cohort, AT_LEAST)
        return np.array([t is not None and t not in named for t in cohort.other], dtype=bool)
    return np.asarray(cohort.other == task.variant)


def answers_of(tasks: Sequence[Task], load: Load) -> list[Answer] | str:
    """Return the answers of finished tasks, or why a method has none."""
    answers = []
    for task in tasks:
        answer = load(task)
        if answer is None:
            raise OutputError(f"the answer of {task} is gone: run the same command again")
        if answer.failed:
            return answer.failed
        answers.append(answer)
    return answers


def _no_answer(n_classes: int, why: str) -> Answer:
    p, p_all = np.empty((0, n_classes)), np.empty((0, n_classes + 1))
    none, rows, at = np.empty(0), np.empty(0, dtype=np.int64), np.full(2, np.nan)
    no_sets = np.empty((0, 0), dtype=bool)
    share = np.array(np.nan)
    return Answer(rows, p, none, none, none, rows, p, p_all, share, no_sets, no_sets, at, why)


def _answer(
    method: Method,
    training: Training,
    X: np.ndarray,
    test: np.ndarray,
    source: np.ndarray,
    seed: int,
) -> Answer:
    start = perf_counter()
    fitted = method.fit(training, seed)
    middle = perf_counter()
    said = fitted.predict(X)
    seconds = np.array([middle - start, perf_counter() - middle])
    total = said.p.sum(axis=1, keepdims=True)
    # None of the classes for certain: of their shares nothing is said, so equal ones.
    p = np.divide(said.p, total, out=np.full(said.p.shape, 1 / said.p.shape[1]), where=total != 0)
    scored = np.isfinite(p).all(axis=1)
    sources = np.unique(source[scored])
    written = np.column_stack([said.p, said.p_none])
    p_source, written_source = (
        fitted.fuse(q[scored], source[scored]) if len(sources) else q[:0] for q in (p, written)
    )
    return Answer(
        rows=test,
        p=p,
        p_none=said.p_none,
        typicality=said.typicality,
        shares=fitted.shares,
        sources=sources,
        p_source=p_source,
        written_source=written_source,
        none_share=np.array(fitted.none_share),
        sets=fitted.sets(written),
        sets_source=fitted.sets(written_source),
        seconds=seconds,
    )


def _prepared(
    cohort: Cohort,
    features: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    task: Task,
    protocol: Protocol,
) -> tuple[Training, np.ndarray]:
    """Return what the method sees of the training rows, and the features of the test rows."""
    # Rows chosen by index are copies: what is hidden from the method stays in the cohort.
    X, y, other = features[train], cohort.y[train], cohort.other[train]
    X_test = features[test]
    if task.experiment == "shares":
        kept = _kept(cohort, train, float(task.variant), _seed(protocol.seed, task.draw))
        y[~kept], other[~kept] = -1, None
    elif task.experiment == "missing":
        rng = np.random.default_rng(_seed(protocol.seed, task.draw))
        hidden = rng.random(features.shape) < HIDDEN
        X_test[hidden[test]] = np.nan
        if task.variant == "both":
            X[hidden[train]] = np.nan
    elif task.experiment == "none":
        other[held_out(cohort, task)[train]] = None
    field = None if cohort.field is None else cohort.field[train]
    return Training(X, y, other, cohort.source[train], field), X_test


def _kept(cohort: Cohort, train: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Choose the training sources that keep their labels: that share of each class, at least one.

    The choices of one seed are nested: what 3 % keep, 10 % keep too.
    """
    stratum, source = _stratum(cohort)[train], cohort.source[train]
    sources, first = np.unique(source, return_index=True)
    rank = np.random.default_rng(seed).random(int(cohort.source.max()) + 1)[sources]
    chosen = []
    for s in np.unique(stratum[first]):
        members = np.flatnonzero(stratum[first] == s)
        n = max(1, round(share * len(members)))
        chosen.append(sources[members[np.argsort(rank[members], kind="stable")[:n]]])
    return np.isin(source, np.concatenate(chosen))


def _stratum(cohort: Cohort) -> np.ndarray:
    """Return the class of each row; two further numbers for other types and for the unlabelled."""
    n_classes = len(cohort.classes)
    unlabelled = np.where(cohort.is_other, n_classes, n_classes + 1)
    return np.where(cohort.y >= 0, cohort.y, unlabelled)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
