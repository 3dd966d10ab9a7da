"""From the answers of all tasks to the figures of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xsift.evaluate.cohort import Cohort
from xsift.evaluate.experiments import (
    OPEN_BASELINES,
    SHARES,
    Answer,
    Load,
    Protocol,
    Task,
    answers_of,
    plan,
)
from xsift.evaluate.fewer_counts import by_counts
from xsift.evaluate.fusion import FUSIONS
from xsift.evaluate.metrics import MEASURES, Level, Measured, Resamples, Scores, figure
from xsift.evaluate.open_world import of_the_open_world
from xsift.evaluate.pooled import Pooled, Truth
from xsift.evaluate.ranking import unseen_types
from xsift.evaluate.strata import Stratum

__all__ = ["results"]


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
    truth = Truth.of(cohort, protocol.seed)
    tasks = plan(cohort, methods, protocol)
    found: dict[str, Any] = {}
    for experiment in dict.fromkeys(t.experiment for t in tasks if t.experiment != "open"):
        found[experiment] = {}
        for method in methods:
            mine = [t for t in tasks if (t.experiment, t.method) == (experiment, method)]
            found[experiment][method] = _of_method(truth, mine, load, protocol.seed)
    if "open" in protocol.experiments:
        found["open"] = _open(cohort, methods, tasks, load, protocol.seed)
    found["differences"] = _differences(truth, methods, tasks, load)
    return found


def _of_method(truth: Truth, tasks: list[Task], load: Load, seed: int) -> dict[str, Any]:
    experiment = tasks[0].experiment
    if experiment == "shares":
        return {share: _spread(truth, tasks, share, load) for share in SHARES}
    if experiment == "none":
        return unseen_types(truth.cohort, tasks, load, seed)
    if experiment == "faint":
        return by_counts(truth, tasks, load)
    variants = dict.fromkeys(t.variant for t in tasks)
    found: dict[str, Any] = {}
    for variant in variants:
        answers = answers_of([t for t in tasks if t.variant == variant], load)
        if isinstance(answers, str):
            found[variant] = {"failed": answers}
            continue
        found[variant] = _levels(truth, Pooled.of(answers, truth.cohort.classes)) | _seconds(
            answers
        )
        if experiment == "folds":
            pooled = Pooled.of(answers, truth.cohort.classes)
            found[variant]["strata"] = [
                s for stratum in truth.cohort.strata for s in _in(truth, pooled, stratum)
            ]
            found[variant]["fusion"] = _fusions(truth, pooled)
    return found if experiment == "missing" else found[""]


def _open(
    cohort: Cohort, methods: Sequence[str], tasks: list[Task], load: Load, seed: int
) -> dict[str, Any]:
    """Return the figures of the open world, of methods that were fitted for it or know of it."""
    truth = Truth.of(cohort, seed, is_open=True)
    found = {}
    for method in methods:
        experiment = "open" if method in OPEN_BASELINES else "folds"
        mine = [t for t in tasks if (t.experiment, t.method) == (experiment, method)]
        found[method] = of_the_open_world(truth, method, mine, load)
    return found


def _levels(truth: Truth, pooled: Pooled) -> dict[str, Any]:
    found = _of_levels(truth, pooled)
    for what, by_source in (("detections", False), ("sources", True)):
        if sets := pooled.sets(truth, by_source):
            resamples = truth.by_source if by_source else truth.by_row
            found[what]["groups"]["sets"] = sets.measure(truth.set_level, resamples)
    return found


def _of_levels(truth: Truth, pooled: Pooled) -> dict[str, Any]:
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


def _in(truth: Truth, pooled: Pooled, stratum: Stratum) -> list[dict[str, Any]]:
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


def _fusions(truth: Truth, pooled: Pooled) -> dict[str, Any]:
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
    truth: Truth, methods: Sequence[str], tasks: list[Task], load: Load
) -> dict[str, Any]:
    """Return each method minus each other, in the folds by source, where both have scored."""
    scores: dict[str, tuple[Scores, Scores]] = {}
    level = truth.levels[0]
    for method in methods:
        mine = [t for t in tasks if (t.experiment, t.method) == ("folds", method)]
        answers = answers_of(mine, load)
        if not isinstance(answers, str):
            pooled = Pooled.of(answers, truth.cohort.classes)
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


def _spread(truth: Truth, tasks: list[Task], share: str, load: Load) -> dict[str, Any]:
    """Return mean and spread over the draws of labelled sources."""
    drawn: dict[str, list[dict[str, float]]] = {"detections": [], "sources": []}
    failures: list[str] = []
    for draw in dict.fromkeys(t.draw for t in tasks):
        answers = answers_of([t for t in tasks if (t.variant, t.draw) == (share, draw)], load)
        if isinstance(answers, str):
            failures.append(answers)
            continue
        pooled = Pooled.of(answers, truth.cohort.classes)
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
