"""`xsift evaluate`: what the method, and others beside it, are worth on sources never seen."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift import surveys, write
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.tabular import Tabular
from xsift.catalogue.warnings import recorded, warn_of_no_figures
from xsift.classes import Classes
from xsift.cluster import Workers, check, workers_of
from xsift.errors import SettingError, XsiftWarning
from xsift.evaluate.baselines import Boosting, Forest, LinearSvc
from xsift.evaluate.cohort import Cohort, cohort_of
from xsift.evaluate.experiments import (
    FEWER_COUNTS,
    HIDDEN,
    SHARES,
    Protocol,
    Task,
    folds_of,
    plan,
)
from xsift.evaluate.flow import Validation, answered
from xsift.evaluate.methods import Method
from xsift.evaluate.metrics import N_RESAMPLES
from xsift.evaluate.ours import CalibratedMethod, PaperMethod
from xsift.evaluate.results import results
from xsift.evaluate.splits import N_BLOCKS
from xsift.evaluate.store import Store
from xsift.evaluate.warned import said_once
from xsift.features import columns_that_close
from xsift.jit import need_to_train
from xsift.model.faint import dimming_of
from xsift.model.sample import Sample, read_sample
from xsift.pipeline.keywords import takes_settings
from xsift.read import as_input, is_path
from xsift.report import evaluation_page
from xsift.report.evaluation_figures import evaluation_figures
from xsift.settings import EvaluationSettings, Settings
from xsift.surveys import Survey
from xsift.write.provenance import file_name, now

__all__ = ["Evaluation", "evaluate"]

Advance = Callable[[int, int], None]
PARTS = ".parts"
FILES = ("evaluation.json", "report.html")
_HEEDED = tuple(
    f.name for f in fields(Settings) if f.name not in ("method", "vote_trained", "keep")
)


class Evaluation(Shown, Tabular, dict[str, Any]):
    """A finished validation: the content of `evaluation.json` as a dict.

    As a table each figure is a row: ``experiment``, ``method``, ``of`` (such as
    ``detections.groups``), ``measure``, ``value``, and its interval from ``low`` to ``high``.
    """

    def to_arrow(self) -> pa.Table:
        """Return the figures as a pyarrow Table."""
        rows = list(_figures(self["results"], ()))
        columns = {
            "experiment": [path[0] for path, _ in rows],
            "method": [path[1] for path, _ in rows],
            "of": [".".join(path[2:-1]) for path, _ in rows],
            "measure": [path[-1] for path, _ in rows],
        }
        text = {name: pa.array(cells, pa.string()) for name, cells in columns.items()}
        numbers = {
            key: pa.array([figure.get(key) for _, figure in rows], pa.float64())
            for key in ("value", "low", "high")
        }
        return pa.table(text | numbers)

    def summary(self) -> Summary:
        """Return the figures over the groups, and the warnings.

        Of the folds by source and, where they were done, of the open world and of faint detections.
        """
        measures = ("balanced_accuracy", "accuracy", "log_loss", "ece")
        rows, lines = [], []
        for method, found in self["results"]["folds"].items():
            if "failed" in found:
                lines.append(f"{method} failed: {found['failed']}")
                continue
            figures = [found["detections"]["groups"][m] for m in measures]
            rows.append([method, *figures])
            values = zip(measures, figures, strict=True)
            lines.append(f"{method}: " + ", ".join(f"{m} {f['value']:.3f}" for m, f in values))
        counted = self["counts"]
        title = (
            f"Validation on {counted['labelled_detections']:,} detections of "
            f"{counted['labelled_sources']:,} sources, in folds by source"
        )
        lines += [f"Warning: {note}" for note in self["warnings"]]
        table = SummaryTable("Over the groups, with 95 % intervals", ["", *measures], rows)
        return Summary(title, lines, [table, *_more_tables(self["results"])])


def _more_tables(results: dict[str, Any]) -> Iterator[SummaryTable]:
    """Give the tables of the open world and of faint detections, where there are any."""
    if opened := {m: f for m, f in results.get("open", {}).items() if "detections" in f}:
        names = ("balanced_accuracy", "accuracy", "log_loss", "ece")
        rows = [
            [method, *(f["detections"]["groups"][name] for name in names), f["auc"]]
            for method, f in opened.items()
        ]
        caption = "The open world, all else as one more group"
        yield SummaryTable(caption, ["", *names, "auc of all else"], rows)
    if faint := {m: f for m, f in results.get("faint", {}).items() if "failed" not in f}:
        counts = [str(n) for n in FEWER_COUNTS if any(str(n) in f for f in faint.values())]
        rows = [[m, *(f.get(n, {}).get("log_loss", "") for n in counts)] for m, f in faint.items()]
        yield SummaryTable("Log-loss over the groups, by counts", ["", *counts], rows)


@takes_settings(settings=_HEEDED, evaluation=None)
def evaluate(
    table: Any,
    out: str | Path,
    labels: Any = None,
    settings: Settings | None = None,
    evaluation: EvaluationSettings | None = None,
    classes: Classes | None = None,
    advance: Advance | None = None,
    workers: int | str | None = None,
) -> Evaluation:
    """Validate methods on the labelled sources of a table, and write the figures and a report.

    xsift keeps finished fits in `out`, so a stopped validation resumes if you repeat it.

    Parameters
    ----------
    table : str, Path or table in memory
        A file, or a table in memory (as `run` takes it).
    out : str or Path
    labels : str, Path or table in memory, optional
        Known objects; without it, `label_column` is a column of `table`.
    settings : Settings, optional
        All settings at once. vote_trained, keep and method have no effect here.
    evaluation : EvaluationSettings, optional
    classes : Classes, optional
        If None, those of the survey.
    advance : callable, optional
        Called with the number of finished fits, and of all fits.
    workers : int or str, optional
        Number of processes on this machine, or the address of a Dask scheduler. The figures are the
        same. [default: this process]
    **keywords
        Both kinds of settings, each by its name: ``label_column="otype"``, ``folds=10``, ...

    Returns
    -------
    Evaluation
        A dict with the content of `evaluation.json`.

    Raises
    ------
    XsiftError
        If the table cannot be used or the folder cannot be written; SplitError if a source or a
        detection would be on both sides of a split.
    """
    need_to_train()
    settings, evaluation = settings or Settings(), evaluation or EvaluationSettings()
    advance = advance or _unheeded
    check(workers)
    given_files = [file for file in (table, labels) if is_path(file)]
    with write.Staging(out, FILES, "evaluation", given_files) as staging:
        survey, feature_set = surveys.survey_of(settings.survey, settings.features)
        classes = classes or survey.classes
        chosen = survey.feature_set(feature_set)
        if "faint" in evaluation.experiments:
            _refuse_faint(survey, tuple(f.name for f in chosen))
        methods = _methods(survey, feature_set, classes, settings)
        with recorded() as notes, workers_of(workers) as pool:
            table = as_input(table, settings.source_column)
            labels = None if labels is None else as_input(labels, role=" of labels")
            # The methods under comparison take incomplete detections, or leave them out themselves.
            keep = () if evaluation.fold_by is None else (evaluation.fold_by,)
            asked = replace(settings, keep=keep)
            sample = read_sample(table, survey, chosen, asked, classes, labels)
            where = str(labels or table)
            cohort = cohort_of(sample, classes, evaluation.folds, where, evaluation.fold_by)
            experiments = _possible(cohort, evaluation.experiments)
            protocol = Protocol(evaluation.folds, evaluation.draws, settings.seed, experiments)
            tasks = plan(cohort, evaluation.methods, protocol)
            fingerprint = _fingerprint(sample, settings, classes, evaluation)
            store = Store(staging.folder / PARTS, fingerprint, staging.scratch())
            folds = {e: folds_of(cohort, e, protocol) for e in {t.experiment for t in tasks}}
            _answer(Validation(cohort, folds, methods, protocol), tasks, store, pool, advance)
            figures = results(cohort, evaluation.methods, protocol, store.load)
            warn_of_no_figures()
        record = {
            "command": "evaluate",
            "input": file_name(str(table)),
            **_about(sample, cohort, feature_set),
            "settings": settings.as_dict(),
            "evaluation": evaluation.as_dict(),
            "counts": _counts(sample, cohort),
            "protocol": _protocol(sample, cohort, settings, evaluation),
            "warnings": notes,
            "environment": write.environment(),
            "created": now(),
            "results": figures,
        }
        write.write_json(record, staging.path("evaluation.json"))
        html = evaluation_page(record, evaluation_figures(figures))
        staging.path("report.html").write_text(html, "utf-8")
        staging.commit()
        store.drop_others()
    return Evaluation(record)


def _answer(
    validation: Validation, tasks: Sequence[Task], store: Store, pool: Workers, advance: Advance
) -> None:
    """Do the tasks that have no answer yet, and keep each answer as it comes."""
    todo = [task for task in tasks if store.load(task) is None]
    n_done = len(tasks) - len(todo)
    advance(n_done, len(tasks))
    with said_once():
        for task, answer in pool.flow(answered, validation, todo):
            store.save(task, answer)
            n_done += 1
            advance(n_done, len(tasks))


def _unheeded(done: int, total: int) -> None:
    pass


def _figures(found: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every figure of the results with the keys that lead to it."""
    if not isinstance(found, dict):
        return
    if "value" in found and len(path) > 2:
        yield path, found
        return
    for key, value in found.items():
        yield from _figures(value, (*path, str(key)))


def _methods(
    survey: Survey, feature_set: str, classes: Classes, settings: Settings
) -> dict[tuple[str, str], Method]:
    """Return the methods by experiment and name; those of "" are for all other experiments."""
    names = tuple(f.name for f in survey.feature_set(feature_set))
    n, closure = (len(classes), classes.n_plain), columns_that_close(survey.closure, names)
    found: tuple[Method, ...] = (
        PaperMethod(survey, feature_set, classes, settings),
        CalibratedMethod(survey, feature_set, classes, settings),
        Forest(*n),
        Boosting(*n, closure),
        LinearSvc(*n),
    )
    opened: tuple[Method, ...] = (Forest(*n, is_open=True), Boosting(*n, closure, is_open=True))
    known = {("", method.name): method for method in found}
    return known | {("open", method.name): method for method in opened}


def _possible(cohort: Cohort, wanted: Sequence[str]) -> tuple[str, ...]:
    """Leave out the experiments for which the table knows too little, and say so."""
    if cohort.is_beside.any():
        return tuple(wanted)
    lost = [name for name in ("none", "open") if name in wanted]
    if lost:
        warnings.warn(
            f"--experiments {','.join(lost)}: left out, as no detection is known to be of a type "
            "beside the classes: --type-column names a column of types",
            XsiftWarning,
            stacklevel=3,
        )
    return tuple(name for name in wanted if name not in lost)


def _refuse_faint(survey: Survey, names: tuple[str, ...]) -> None:
    if dimming_of(survey, names) is None:
        raise SettingError(
            f"--experiments faint: profile {survey.name} does not say what fewer counts do to "
            f"{', '.join(names)} (faint_copies, and bands of a hardness ratio): name the other "
            "experiments"
        )


def _fingerprint(
    sample: Sample, settings: Settings, classes: Classes, evaluation: EvaluationSettings
) -> str:
    """Hash all that an answer depends on, the code included."""
    used = settings.as_dict() | {
        "classes": classes.model_dump(mode="json"),
        "folds": evaluation.folds,
    }
    used |= {
        "input": sample.sha256,
        "labels": sample.labels_sha256,
        "fold_by": evaluation.fold_by,
        "survey": sample.features.survey.model_dump(mode="json"),
        "types": sample.type_column or "the labels",
        "environment": write.environment(),
    }
    digest = hashlib.sha256(json.dumps(used, sort_keys=True).encode())
    here = Path(__file__).parents[1]
    for path in sorted(here.rglob("*.py")):
        digest.update(path.relative_to(here).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _about(sample: Sample, cohort: Cohort, feature_set: str) -> dict[str, Any]:
    return {
        "input_sha256": sample.sha256,
        "labels_sha256": sample.labels_sha256,
        "survey": sample.features.survey.name,
        "feature_set": feature_set,
        "features": list(sample.features.names),
        "classes": {c.code: c.group for c in cohort.classes.classes},
    }


def _counts(sample: Sample, cohort: Cohort) -> dict[str, int]:
    return {
        "detections_in_the_table": len(sample),
        "detections_without_a_source": int((~sample.named).sum()),
        **sample.counts,
        **cohort.numbers(),
    }


def _protocol(
    sample: Sample, cohort: Cohort, settings: Settings, evaluation: EvaluationSettings
) -> dict[str, Any]:
    return {
        "plain_classes": cohort.classes.n_plain,
        "folds": evaluation.folds,
        "fold_by": evaluation.fold_by,
        "draws": evaluation.draws,
        "seed": settings.seed,
        "resamples": N_RESAMPLES,
        "blocks_of_the_sky": N_BLOCKS,
        "sky_order": cohort.along_what,
        "type_column": sample.type_column or "the labels",
        "label_shares": [float(s) for s in SHARES],
        "hidden_share": HIDDEN,
        "fewer_counts": list(FEWER_COUNTS),
    }
