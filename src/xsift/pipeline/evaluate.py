"""`xsift evaluate`: what the method, and others beside it, are worth on sources never seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xsift import surveys, write
from xsift.catalogue.record import recorded
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.classes import PAPER_CLASSES, Classes
from xsift.evaluate.baselines import Boosting, Forest, LinearSvc
from xsift.evaluate.experiments import HIDDEN, SHARES, Protocol, folds_of, plan, run_task
from xsift.evaluate.fusion import geometric_mean
from xsift.evaluate.methods import Method, Prediction, Training, mean_by_source
from xsift.evaluate.metrics import N_RESAMPLES
from xsift.evaluate.results import results
from xsift.evaluate.splits import N_BLOCKS
from xsift.evaluate.store import Store
from xsift.features import FeatureTable
from xsift.model import PaperModel
from xsift.model.calibrated import CalibratedModel
from xsift.model.calibration import fit_calibrated_model
from xsift.model.paper import fit_paper_model
from xsift.model.sample import Sampled, read_sample
from xsift.report import evaluation_page
from xsift.report.evaluation_figures import evaluation_figures
from xsift.settings import EvaluationSettings, Settings
from xsift.surveys import Survey
from xsift.write.provenance import file_name, now

__all__ = ["Evaluation", "evaluate"]

Advance = Callable[[int, int], None]
PARTS = ".parts"
FILES = ("evaluation.json", "report.html")


@dataclass(frozen=True, eq=False)
class _Trained:
    """The published method after its fit: it states no class shares and takes the mean."""

    model: PaperModel
    shares: np.ndarray

    def predict(self, X: np.ndarray) -> Prediction:
        said = self.model.classify(_features(X, self.model.features, self.model.survey))
        return Prediction(said.p, said.p_none, said.typicality)

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        return mean_by_source(p, source)


@dataclass(frozen=True)
class PaperMethod:
    """The published method, as `xsift run` does it."""

    survey: Survey
    feature_set: str
    classes: Classes
    settings: Settings
    name: str = "paper"

    def fit(self, training: Training, seed: int) -> _Trained:
        """Fit on the complete rows."""
        names = tuple(f.name for f in self.survey.feature_set(self.feature_set))
        features = _features(training.X, names, self.survey.name)
        complete = features.complete
        model = fit_paper_model(
            features,
            np.where(complete, training.y, -1),
            np.flatnonzero(complete),
            self.survey,
            self.feature_set,
            self.classes,
            replace(self.settings, seed=seed),
        )
        return _Trained(model, np.full(len(self.classes), np.nan))


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """The calibrated method after its fit: it pools detections by the geometric mean."""

    model: CalibratedModel
    columns: list[int]

    @property
    def shares(self) -> np.ndarray:
        return self.model.scorer.shares

    def predict(self, X: np.ndarray) -> Prediction:
        said = self.model.predict(X[:, self.columns])
        return Prediction(said.p, said.p_none, said.typicality)

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        return geometric_mean(p, source)


@dataclass(frozen=True)
class CalibratedMethod:
    """The calibrated method, as `xsift run --method calibrated` does it."""

    survey: Survey
    feature_set: str
    classes: Classes
    settings: Settings
    name: str = "calibrated"

    def fit(self, training: Training, seed: int) -> _Calibrated:
        """Fit on all rows."""
        settings = replace(self.settings, seed=seed)
        model = fit_calibrated_model(
            training, self.survey, self.feature_set, self.classes, settings
        )
        names = [f.name for f in self.survey.feature_set(self.feature_set)]
        return _Calibrated(model, [names.index(name) for name in model.features])


def _features(X: np.ndarray, names: tuple[str, ...], survey: str) -> FeatureTable:
    return FeatureTable(names, X, np.isfinite(X), surveys.load(survey))


class Evaluation(Shown, dict[str, Any]):
    """A finished validation: a dict of what `evaluation.json` holds."""

    def summary(self) -> Summary:
        """Return the figures over the groups, by method, of the folds by source."""
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
        table = SummaryTable("Over the groups, with 95 % intervals", ["", *measures], rows)
        return Summary(title, lines, [table])


def evaluate(
    table: str | Path,
    out: str | Path,
    labels: str | Path | None = None,
    settings: Settings | None = None,
    evaluation: EvaluationSettings | None = None,
    classes: Classes = PAPER_CLASSES,
    advance: Advance = lambda done, total: None,
) -> Evaluation:
    """Validate methods on the labelled sources of a table, and write the figures and a report.

    Finished fits are kept in `out`; the same command goes on where it was stopped.

    Parameters
    ----------
    table, out : str or Path
    labels : str or Path, optional
        Known objects; without it, `settings.label_column` is a column of `table`.
    settings : Settings, optional
        Of these, vote_trained and method do not matter here.
    evaluation : EvaluationSettings, optional
    classes : Classes
    advance : callable
        Told how many fits are done, and how many there are.

    Returns
    -------
    Evaluation
        A dict: what `evaluation.json` holds.

    Raises
    ------
    XsiftError
        Where the table cannot serve or the folder cannot be written; SplitError where a source or a
        detection would stand on both sides of a split.
    """
    settings, evaluation = settings or Settings(), evaluation or EvaluationSettings()
    given_files = [file for file in (table, labels) if file is not None]
    with write.Staging(out, FILES, "evaluation", given_files) as staging:
        given = read_sample(table, labels, settings, evaluation.folds, classes)
        protocol = Protocol(
            evaluation.folds, evaluation.draws, settings.seed, tuple(evaluation.experiments)
        )
        methods = _methods(given, classes, settings)
        tasks = plan(given.sample, evaluation.methods, protocol)
        fingerprint = _fingerprint(given, settings, classes, evaluation.folds)
        store = Store(staging.folder / PARTS, fingerprint, staging.scratch())
        with recorded() as notes:
            folds = {e: folds_of(given.sample, e, protocol) for e in {t.experiment for t in tasks}}
            for done, task in enumerate(tasks):
                advance(done, len(tasks))
                if store.load(task) is None:
                    answer = run_task(
                        given.sample, folds[task.experiment], methods[task.method], task, protocol
                    )
                    store.save(task, answer)
            advance(len(tasks), len(tasks))
        figures = results(given.sample, evaluation.methods, protocol, given.strata, store.load)
        record = _record(table, given, settings, evaluation, notes) | {"results": figures}
        write.write_json(record, staging.path("evaluation.json"))
        html = evaluation_page(record, evaluation_figures(figures))
        staging.path("report.html").write_text(html, "utf-8")
        staging.commit()
        store.drop_others()
    return Evaluation(record)


def _methods(given: Sampled, classes: Classes, settings: Settings) -> dict[str, Method]:
    names = tuple(f.name for f in given.survey.feature_set(given.feature_set))
    found: tuple[Method, ...] = (
        PaperMethod(given.survey, given.feature_set, classes, settings),
        CalibratedMethod(given.survey, given.feature_set, classes, settings),
        Forest(len(classes)),
        Boosting(len(classes), names),
        LinearSvc(len(classes)),
    )
    return {method.name: method for method in found}


def _fingerprint(given: Sampled, settings: Settings, classes: Classes, folds: int) -> str:
    """Hash all that an answer depends on, the code included."""
    used = settings.as_dict() | {"classes": classes.model_dump(mode="json"), "folds": folds}
    used |= {
        "input": given.sha256,
        "labels": given.labels_sha256,
        "types": given.type_column,
        "environment": write.environment(),
    }
    digest = hashlib.sha256(json.dumps(used, sort_keys=True).encode())
    here = Path(__file__).parents[1]
    for path in sorted(here.rglob("*.py")):
        digest.update(path.relative_to(here).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _record(
    table: str | Path,
    given: Sampled,
    settings: Settings,
    evaluation: EvaluationSettings,
    notes: list[str],
) -> dict[str, Any]:
    classes = given.sample.classes
    return {
        "command": "evaluate",
        "input": file_name(table),
        "input_sha256": given.sha256,
        "labels_sha256": given.labels_sha256,
        "survey": given.survey.name,
        "feature_set": given.feature_set,
        "features": [f.name for f in given.survey.feature_set(given.feature_set)],
        "classes": {c.code: c.group for c in classes.classes},
        "settings": settings.as_dict(),
        "evaluation": evaluation.as_dict(),
        "counts": given.counts,
        "protocol": {
            "folds": evaluation.folds,
            "draws": evaluation.draws,
            "seed": settings.seed,
            "resamples": N_RESAMPLES,
            "blocks_of_the_sky": N_BLOCKS,
            "sky_order": given.along,
            "type_column": given.type_column,
            "label_shares": [float(s) for s in SHARES],
            "hidden_share": HIDDEN,
        },
        "warnings": list(dict.fromkeys(notes)),
        "environment": write.environment(),
        "created": now(),
    }
