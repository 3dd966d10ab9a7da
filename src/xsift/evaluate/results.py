"""From the answers of all tasks to the figures of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xsift.classes import Classes
from xsift.evaluate.cohort import Cohort
from xsift.evaluate.experiments import SHARES, Answer, Load, Protocol, Task, answers_of, plan
from xsift.evaluate.fusion import FUSIONS
from xsift.evaluate.metrics import MEASURES, Level, Measured, Resamples, Scores, figure, levels_of
from xsift.evaluate.ranking import unseen_types
from xsift.evaluate.sets import Sets
from xsift.evaluate.strata import Stratum
from xsift.evaluate.written import Written, written_by

__all__ = ["results"]


@dataclass(frozen=True, eq=False)
class _Truth:
    """The sample's rows and sources with a class, and the resamples of both."""

    cohort: Cohort
    levels: tuple[Level, ...]
    sources: np.ndarray
    y_source: np.ndarray
    by_row: Resamples
    by_source: Resamples

    @classmethod
    def of(cls, cohort: Cohort, seed: int) -> _Truth:
        sources, y_source = cohort.source_labels()
        _, first = np.unique(cohort.source, return_index=True)
        by_row = Resamples.draw(cohort.unit, cohort.y >= 0, seed)
        return cls(cohort, levels_of(cohort.classes), sources, y_source, by_row, by_row.of(first))


@dataclass(frozen=True, eq=False)
class _Pooled:
    """The answers of all folds: each row was asked once."""

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
    def of(cls, answers: Sequence[Answer], classes: Classes) -> _Pooled:
        def repeated(by: str) -> np.ndarray:
            parts = [np.tile(a.shares, (len(getattr(a, by)), 1)) for a in answers]
            return np.concatenate(parts)

        joined = {
            name: np.concatenate([getattr(a, name) for a in answers])
            for name in ("rows", "p", "sources", "p_source")
        }
        return cls(
            shares=repeated("rows"),
            shares_source=repeated("sources"),
            written=written_by(answers, classes, by_source=False),
            written_source=written_by(answers, classes, by_source=True),
            members=_together([a.sets for a in answers]),
            members_source=_together([a.sets_source for a in answers]),
            **joined,
        )

    def by_detection(self, truth: _Truth) -> Scores:
        labelled = truth.cohort.y[self.rows] >= 0
        rows = self.rows[labelled]
        return Scores(rows, self.p[labelled], truth.cohort.y[rows], self.shares[labelled])

    def by_source(self, truth: _Truth) -> Scores:
        """Return every labelled source once; those without a scored detection have NaN."""
        place = np.flatnonzero(truth.y_source >= 0)
        p = np.full((len(truth.sources), self.p.shape[1]), np.nan)
        shares = p.copy()
        at = np.searchsorted(truth.sources, self.sources)
        p[at], shares[at] = self.p_source, self.shares_source
        return Scores(place, p[place], truth.y_source[place], shares[place])

    def fused(self, truth: _Truth, how: str) -> Scores:
        """Return the sources by another rule of fusion than the method's own."""
        scored = np.isfinite(self.p).all(axis=1)
        source = truth.cohort.source[self.rows[scored]]
        order = np.argsort(source, kind="stable")
        sources, first = np.unique(source[order], return_index=True)
        p = FUSIONS[how](self.p[scored][order], source[order])
        shares = self.shares[scored][order][first]
        fused = replace(self, sources=sources, p_source=p, shares_source=shares)
        return fused.by_source(truth)

    def written_by_detection(self, truth: _Truth) -> Written:
        """Return the verdicts on the labelled detections."""
        labelled = truth.cohort.y[self.rows] >= 0
        rows = self.rows[labelled]
        chosen = {rule: said[labelled] for rule, said in self.written.items()}
        return Written(rows, chosen, truth.cohort.y[rows])

    def sets(self, truth: _Truth, by_source: bool) -> Sets | None:
        """Return the sets of groups of what has a class; None where the method gives none."""
        members = self.members_source if by_source else self.members
        if not members.shape[1]:
            return None
        rows, y = self.rows, truth.cohort.y[self.rows]
        if by_source:
            rows = np.searchsorted(truth.sources, self.sources)
            y = truth.y_source[rows]
            scored = np.ones(len(rows), dtype=bool)
        else:
            scored = np.isfinite(self.p).all(axis=1)
        kept = scored & (y >= 0)
        return Sets(rows[kept], members[kept], y[kept])

    def written_by_source(self, truth: _Truth) -> Written:
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


def results(
    cohort: Cohort,
    methods: Sequence[str],
    protocol: Protocol,
    load: Load,
) -> dict[str, Any]:
    """Work out every figure of a finished validation.

    Returns
    -------
    dict
        By experiment, then by method; plain data. A method that failed has ``failed``: why.
    """
    truth = _Truth.of(cohort, protocol.seed)
    tasks = plan(cohort, methods, protocol)
    found: dict[str, Any] = {}
    for experiment in dict.fromkeys(t.experiment for t in tasks):
        found[experiment] = {}
        for method in methods:
            mine = [t for t in tasks if (t.experiment, t.method) == (experiment, method)]
            found[experiment][method] = _of_method(truth, mine, load, protocol.seed)
    found["differences"] = _differences(truth, methods, tasks, load)
    return found


def _of_method(truth: _Truth, tasks: list[Task], load: Load, seed: int) -> dict[str, Any]:
    experiment = tasks[0].experiment
    if experiment == "shares":
        return {share: _spread(truth, tasks, share, load) for share in SHARES}
    if experiment == "none":
        return unseen_types(truth.cohort, tasks, load, seed)
    variants = dict.fromkeys(t.variant for t in tasks)
    found: dict[str, Any] = {}
    for variant in variants:
        answers = answers_of([t for t in tasks if t.variant == variant], load)
        if isinstance(answers, str):
            found[variant] = {"failed": answers}
            continue
        found[variant] = _levels(truth, _Pooled.of(answers, truth.cohort.classes)) | _seconds(
            answers
        )
        if experiment == "folds":
            pooled = _Pooled.of(answers, truth.cohort.classes)
            found[variant]["strata"] = [
                s for stratum in truth.cohort.strata for s in _in(truth, pooled, stratum)
            ]
            found[variant]["fusion"] = _fusions(truth, pooled)
    return found if experiment == "missing" else found[""]


def _levels(truth: _Truth, pooled: _Pooled) -> dict[str, Any]:
    found = _of_levels(truth, pooled)
    for what, by_source in (("detections", False), ("sources", True)):
        if sets := pooled.sets(truth, by_source):
            resamples = truth.by_source if by_source else truth.by_row
            found[what]["groups"]["sets"] = sets.measure(truth.levels[0], resamples)
    return found


def _of_levels(truth: _Truth, pooled: _Pooled) -> dict[str, Any]:
    parts = {
        "detections": (
            pooled.by_detection(truth),
            pooled.written_by_detection(truth),
            truth.by_row,
        ),
        "sources": (pooled.by_source(truth), pooled.written_by_source(truth), truth.by_source),
    }
    return {
        what: {
            level.key: scores.measure(level, resamples).as_dict()
            | {"written": written.measure(level, resamples)}
            for level in truth.levels
        }
        for what, (scores, written, resamples) in parts.items()
    }


def _seconds(answers: Sequence[Answer]) -> dict[str, float]:
    fit, score = np.mean([a.seconds for a in answers], axis=0).tolist()
    n = np.mean([len(a.rows) for a in answers])
    return {"seconds_to_fit": fit, "microseconds_per_detection": 1e6 * score / n}


def _in(truth: _Truth, pooled: _Pooled, stratum: Stratum) -> list[dict[str, Any]]:
    """Return the figures at the level of groups in each part of the cohort."""
    everyone, resamples = pooled.by_detection(truth), truth.by_row
    code = stratum.code
    if stratum.by_source:
        everyone, resamples = pooled.by_source(truth), truth.by_source
        _, first = np.unique(truth.cohort.source, return_index=True)
        code = code[first]
    found = []
    for i, name in enumerate(stratum.names):
        chosen = everyone.keep(code[everyone.rows] == i)
        if len(chosen.rows):
            measured = chosen.measure(truth.levels[0], resamples).as_dict()
            kept = {k: measured[k] for k in (*MEASURES, "n_detections", "n_units", "n_unscored")}
            found.append({"stratum": stratum.title, "part": name, **kept})
    return found


def _fusions(truth: _Truth, pooled: _Pooled) -> dict[str, Any]:
    """Compare the method's own fusion with the mean, the geometric mean, the vote, the product."""
    level, resamples = truth.levels[0], truth.by_source
    own = pooled.by_source(truth).measure(level, resamples)
    found = {"own": _short(own)}
    for how in FUSIONS:
        other = pooled.fused(truth, how).measure(level, resamples)
        found[how] = _short(other) | {"own_minus_this": _minus(own, other)}
    return found


def _short(measured: Measured) -> dict[str, Any]:
    found = measured.as_dict()
    return {k: found[k] for k in MEASURES}


def _minus(a: Measured, b: Measured) -> dict[str, Any]:
    """Return the differences of two methods with paired intervals."""
    n = min(a.n_detections, b.n_detections)
    return {k: figure(a.series[k] - b.series[k], n) for k in MEASURES}


def _differences(
    truth: _Truth, methods: Sequence[str], tasks: list[Task], load: Load
) -> dict[str, Any]:
    """Return each method minus each other, in the folds by source, where both have scored."""
    scores: dict[str, tuple[Scores, Scores]] = {}
    level = truth.levels[0]
    for method in methods:
        mine = [t for t in tasks if (t.experiment, t.method) == ("folds", method)]
        answers = answers_of(mine, load)
        if not isinstance(answers, str):
            pooled = _Pooled.of(answers, truth.cohort.classes)
            scores[method] = (pooled.by_detection(truth), pooled.by_source(truth))
    return {
        a: {
            b: {
                "detections": _common(scores[a][0], scores[b][0], level, truth.by_row),
                "sources": _common(scores[a][1], scores[b][1], level, truth.by_source),
            }
            for b in scores
            if b != a
        }
        for a in scores
    }


def _common(a: Scores, b: Scores, level: Level, resamples: Resamples) -> dict[str, Any]:
    """Compare two methods on the rows that both scored."""
    both = np.isfinite(a.p).all(axis=1) & np.isfinite(b.p).all(axis=1)
    if not both.any():
        return {}
    return _minus(a.keep(both).measure(level, resamples), b.keep(both).measure(level, resamples))


def _spread(truth: _Truth, tasks: list[Task], share: str, load: Load) -> dict[str, Any]:
    """Return mean and spread over the draws of labelled sources."""
    drawn: dict[str, list[dict[str, float]]] = {"detections": [], "sources": []}
    failures: list[str] = []
    for draw in dict.fromkeys(t.draw for t in tasks):
        answers = answers_of([t for t in tasks if (t.variant, t.draw) == (share, draw)], load)
        if isinstance(answers, str):
            failures.append(answers)
            continue
        pooled = _Pooled.of(answers, truth.cohort.classes)
        for what, scores, resamples in (
            ("detections", pooled.by_detection(truth), truth.by_row.point()),
            ("sources", pooled.by_source(truth), truth.by_source.point()),
        ):
            series = {lv.key: scores.measure(lv, resamples).series for lv in truth.levels}
            drawn[what].append(
                {f"{key} {m}": float(s[m][0]) for key, s in series.items() for m in MEASURES}
            )
    found: dict[str, Any] = {"n_draws": len(drawn["detections"]), "n_failed": len(failures)}
    if failures:
        found["failed"] = failures[0]
    for what, rows in drawn.items():
        found[what] = {lv.key: {} for lv in truth.levels}
        for name in rows[0] if rows else ():
            key, measure = name.split(" ")
            values = np.array([row[name] for row in rows])
            found[what][key][measure] = _mean_and_sd(values)
    return found


def _mean_and_sd(values: np.ndarray) -> dict[str, Any]:
    sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return {"mean": float(values.mean()), "sd": sd, "n": len(values), "values": values.tolist()}
