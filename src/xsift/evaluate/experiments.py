"""What is trained on what, and tested on what: every experiment as a list of tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from xsift.classes import Classes
from xsift.errors import OutputError, XsiftError
from xsift.evaluate.cohort import Cohort, types_to_hold_out
from xsift.evaluate.methods import Method
from xsift.evaluate.splits import check_split, folds_by_sky
from xsift.model.folds import folds_by_source
from xsift.model.sample import Training

__all__ = [
    "FEWER_COUNTS",
    "HIDDEN",
    "OPEN_BASELINES",
    "OPEN_METHODS",
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
FEWER_COUNTS = (8, 15, 30, 60, 120, 500, 100_000)
"""Counts that test detections are observed again with."""
OPEN_METHODS = ("calibrated", "forest", "boosting")
"""Methods that give all else than the plain classes a probability."""
OPEN_BASELINES = OPEN_METHODS[1:]
"""Those of them that are fitted anew for the open world: with all else as one more class."""
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
        Of folds, sky, shares, missing, none, open, faint; folds are always done.
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
    p : ndarray of shape (n, P)
        Over the plain classes alone they sum to 1; NaN where not scored.
    beside : ndarray of shape (n, C - P + 1)
        Probabilities of the classes apart and of none: what they leave is the plain classes'.
    typicality : ndarray of shape (n,)
    level : ndarray of int, shape (n,) or (0,)
        Which of `FEWER_COUNTS` a row is observed with, in the experiment faint.
    shares : ndarray of shape (C,)
    sources : ndarray of int, shape (m,)
        Those with a row that was scored; none in the experiment faint.
    p_source : ndarray of shape (m, P)
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
    beside: np.ndarray
    typicality: np.ndarray
    level: np.ndarray
    shares: np.ndarray
    sources: np.ndarray
    p_source: np.ndarray
    written_source: np.ndarray
    none_share: np.ndarray
    sets: np.ndarray
    sets_source: np.ndarray
    seconds: np.ndarray
    failed: str = ""

    @property
    def written(self) -> np.ndarray:
        """Probabilities of the classes and of none, shape (n, C + 1): they sum to 1."""
        plain = 1 - self.beside.sum(axis=1, keepdims=True)
        return np.hstack([self.p * plain, self.beside])

    @property
    def all_shares(self) -> np.ndarray:
        """Shares of the classes and of none, shape (C + 1,): they sum to 1."""
        return np.append(self.shares * (1 - self.none_share), self.none_share)

    @property
    def plain_shares(self) -> np.ndarray:
        """Class shares among the plain classes, shape (P,)."""
        shares = self.shares[: self.p.shape[1]]
        return np.asarray(shares / shares.sum())


Load = Callable[[Task], Answer | None]


def plan(cohort: Cohort, methods: Sequence[str], protocol: Protocol) -> list[Task]:
    """List the tasks of a validation, the plain folds first."""
    named = types_to_hold_out(cohort, AT_LEAST)
    variants = {
        "folds": ("",),
        "sky": ("",),
        "shares": SHARES,
        "missing": ("both", "test"),
        "none": (*named, REST) if len(set(cohort.beside) - {None, *named}) else named,
        "open": ("",),
        "faint": ("",),
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
            if experiment != "open" or method in OPEN_BASELINES
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
    test = np.flatnonzero((fold == task.fold) & _asked(cohort, task))
    check_split(train, test, sources=cohort.source, units=cohort.unit, detections=cohort.detection)
    seed = _seed(protocol.seed, task.draw, task.fold)
    features = cohort.plain if method.name == "paper" else None
    features = cohort.X if features is None else features
    training, X = _prepared(cohort, features, train, test, task, protocol)
    counts = None if cohort.counts is None else cohort.counts[test]
    asked = _Asked(test, cohort.source[test], X, counts)
    if task.experiment == "faint":
        asked = _observed_again(asked, cohort, protocol)
    try:
        return _answer(method, training, asked, cohort.classes, seed)
    except XsiftError as error:
        return _no_answer(cohort.classes, str(error))


class _Asked(NamedTuple):
    """What a method is asked: rows, the source of each, raw features, effective counts.

    `level` is as in `Answer`.
    """

    rows: np.ndarray
    source: np.ndarray
    X: np.ndarray
    counts: np.ndarray | None
    level: np.ndarray = np.empty(0, dtype=np.int8)


def _asked(cohort: Cohort, task: Task) -> np.ndarray:
    """Tell which rows a task asks about, where they are in its fold."""
    if task.experiment == "faint":
        return np.asarray(cohort.y_plain >= 0)
    asked = np.isin(cohort.source, np.unique(cohort.source[cohort.y_plain >= 0]))
    if task.experiment == "none":
        return np.asarray(asked | held_out(cohort, task))
    if task.experiment == "open" or task.experiment == "folds":
        asked |= np.isin(cohort.source, np.unique(cohort.source[cohort.is_beside]))
    return asked


def _observed_again(asked: _Asked, cohort: Cohort, protocol: Protocol) -> _Asked:
    """Observe the rows with each of `FEWER_COUNTS`: at a level those that have more counts."""
    assert cohort.dimming is not None
    own = np.full(len(asked.rows), np.inf) if asked.counts is None else asked.counts
    parts = []
    for level, n in enumerate(FEWER_COUNTS):
        here = np.flatnonzero(own > n)
        rng = np.random.default_rng(_seed(protocol.seed, level))
        X, counts = cohort.dimming.observed(asked.X[here], np.full(len(here), float(n)), rng)
        code = np.full(len(here), level, dtype=np.int8)
        parts.append(_Asked(asked.rows[here], asked.source[here], X, counts, code))
    return _Asked(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def held_out(cohort: Cohort, task: Task) -> np.ndarray:
    """Tell which rows are of the type that the task holds out."""
    if task.variant == REST:
        named = types_to_hold_out(cohort, AT_LEAST)
        return np.array([t is not None and t not in named for t in cohort.beside], dtype=bool)
    return np.asarray(cohort.beside == task.variant)


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


def _no_answer(classes: Classes, why: str) -> Answer:
    p, p_all = np.empty((0, classes.n_plain)), np.empty((0, len(classes) + 1))
    none, rows, at = np.empty(0), np.empty(0, dtype=np.int64), np.full(2, np.nan)
    no_sets, level = np.empty((0, 0), dtype=bool), np.empty(0, dtype=np.int8)
    share, beside = np.array(np.nan), p_all[:, classes.n_plain :]
    return Answer(
        *(rows, p, beside, none, level, none, rows, p, p_all, share, no_sets, no_sets, at, why)
    )


def _answer(
    method: Method, training: Training, asked: _Asked, classes: Classes, seed: int
) -> Answer:
    start = perf_counter()
    fitted = method.fit(training, seed)
    middle = perf_counter()
    said = fitted.predict(asked.X, asked.counts)
    seconds = np.array([middle - start, perf_counter() - middle])
    n_plain = classes.n_plain
    p = said.p[:, :n_plain]
    total = p.sum(axis=1, keepdims=True)
    # None of the plain classes for certain: of their shares nothing is said, so equal ones.
    p = np.divide(p, total, out=np.full(p.shape, 1 / n_plain), where=total != 0)
    # Copies of one detection are no detections of a source.
    scored = np.isfinite(p).all(axis=1) & (len(asked.level) == 0)
    source = asked.source[scored]
    sources, of = np.unique(source, return_inverse=True)
    counts = np.full(len(p), np.inf) if asked.counts is None else asked.counts
    most = np.zeros(len(sources))
    np.maximum.at(most, of, counts[scored])
    written = np.column_stack([said.p, said.p_none])
    p_source, written_source = (
        fitted.fuse(q[scored], source) if len(sources) else q[:0] for q in (p, written)
    )
    return Answer(
        rows=asked.rows,
        p=p,
        beside=written[:, n_plain:],
        typicality=said.typicality,
        level=asked.level,
        shares=fitted.shares,
        sources=sources,
        p_source=p_source,
        written_source=written_source,
        none_share=np.array(fitted.none_share),
        sets=fitted.sets(written, counts),
        sets_source=fitted.sets(written_source, most),
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
        held = held_out(cohort, task)[train]
        y[held], other[held] = -1, None
    field = None if cohort.field is None else cohort.field[train]
    counts = None if cohort.counts is None else cohort.counts[train]
    return Training(X, y, other, cohort.source[train], field, counts), X_test


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
