"""The whole method, in the order it happens. The only module that knows it.

read -> features -> label -> cluster, score -> vote -> write
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import read, surveys, write
from xsift.catalogue.record import (
    counts,
    missing_values,
    reasons,
    recorded,
    source_counts,
    warn_of_classes,
    warn_of_nothing_scored,
    warn_of_rows,
    warn_of_training_table,
    warn_of_unused,
)
from xsift.catalogue.tables import CARRIED, Catalogue, detection_table, roles, source_table
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import SettingError
from xsift.features import FeatureTable, derive
from xsift.label import Labels, sort_labels
from xsift.model import Model, PaperModel, model_of, model_tree
from xsift.model.calibrated import CalibratedModel
from xsift.model.file import load_model_tree
from xsift.model.packaged import fitting_model, named_model, refuse_other_model
from xsift.model.prior import shares_of, under_prior
from xsift.model.sample import label_detections
from xsift.model.schema import ModelTree, TrainingTree
from xsift.model.shift import warn_of_shift
from xsift.model.training import train
from xsift.settings import Settings
from xsift.vote import Pool, tally
from xsift.write.provenance import file_name, now

__all__ = ["Catalogue", "classify", "run", "vote_table"]

Progress = Callable[[str], None]


def _silent(step: str) -> None:
    """Take no notice of a step."""


def run(
    table: str | Path,
    labels: str | Path | None = None,
    settings: Settings | None = None,
    classes: Classes = PAPER_CLASSES,
    progress: Progress = _silent,
) -> Catalogue:
    """Do the main job: a table of detections and known objects become a classified catalogue.

    Parameters
    ----------
    table : str or Path
        Detections: VOTable, FITS, Parquet or CSV.
    labels : str or Path, optional
        Known objects; without it, `settings.label_column` is a column of `table`.
    settings : Settings, optional
    classes : Classes
    progress : callable
        Told of each step as it begins.

    Raises
    ------
    XsiftError
        Where the data, the labels or the settings cannot serve; the message says what to do.
    """
    settings = settings or Settings()
    if labels is None and settings.label_column is None:
        raise SettingError("no known objects: give --labels FILE or --label-column COL")
    _refuse_idle_settings(settings)
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    settings = replace(settings, survey=survey.name, features=feature_set)
    with recorded() as notes:
        known = read.read_known(labels, survey, settings.label_column) if labels else None
        progress(f"reading {table}")
        column = settings.label_column if labels is None else None
        chosen = survey.feature_set(feature_set)
        detections = read.read_detections(
            table, survey, chosen, settings.source_column, column, settings.method == "paper"
        )
        features = derive(detections.table, survey, chosen)
        detections = _without_inputs(detections)
        progress("matching known objects")
        known_types = label_detections(detections, known, settings, classes)
        labelled = known_types.labels
        model, y = train(detections, features, labelled, survey, classes, settings, progress)
        features = features.select(model.features)
        warn_of_classes(model)
        progress("scoring and voting")
        result = _catalogue(
            detections, features, labelled, known_types.separation_arcsec, model, settings
        )
        result.record["counts"] |= known_types.counts
    training = TrainingTree(
        input=file_name(detections.path),
        input_sha256=detections.sha256,
        labels=file_name(labels) if labels else settings.label_column,
        labels_sha256=known.sha256 if known else None,
        settings=settings.as_dict(),
        counts=result.record["counts"],
        class_counts=labelled.counts(y >= 0),
        warnings=notes,
        environment=write.environment(),
        created=now(),
    )
    result = replace(result, inputs=_places(table, labels))
    return _finish(result, model_tree(model, training), notes, "run", training)


def classify(
    table: str | Path | read.InMemory,
    model: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress = _silent,
) -> Catalogue:
    """Classify detections with a frozen model.

    Parameters
    ----------
    table : str, Path or InMemory
    model : str or Path, optional
        A model file, or the name of a packaged one (``csc12``, ``csc11``). Where None: csc12,
        unless most detections that have the other features lack its twelfth,
        var_newq_b; then csc11.
    settings : Settings, optional
        Of these, only source_column, survey and features matter here.

    Raises
    ------
    XsiftError
        Where the table or the model cannot serve.
    """
    settings = settings or Settings()
    with recorded() as notes:
        progress(f"reading {table}")
        if model is None:
            path, why, detections = fitting_model(table, settings)
        else:
            path, why, detections = named_model(str(model)), f"model {model}, as asked for", None
        tree = load_model_tree(path)
        refuse_other_model(tree, settings, str(model or why))
        trained = model_of(tree)
        survey = surveys.load(tree.survey)
        chosen = survey.feature_set(tree.feature_set, tree.features)
        detections = detections or read.read_detections(
            table, survey, chosen, settings.source_column, need_all=tree.method == "paper"
        )
        features = derive(detections.table, survey, chosen)
        warn_of_unused(detections.table, survey.feature_set(tree.feature_set), features)
        detections = _without_inputs(detections)
        if detections.sha256 == tree.training.input_sha256:
            warn_of_training_table(tree.training.counts.get("trained", 0))
        warn_of_classes(trained)
        progress("scoring and voting")
        nothing = sort_labels([None] * len(features.X), trained.classes)
        result = _catalogue(detections, features, nothing, None, trained, settings)
    result = replace(
        result, record={**result.record, "model_choice": why}, inputs=_places(table, path)
    )
    return _finish(result, tree, notes, "classify", None)


def vote_table(
    table: str | Path,
    settings: Settings | None = None,
    classes: Classes = PAPER_CLASSES,
    progress: Progress = _silent,
) -> Catalogue:
    """Let the detections of a table of probabilities vote: one row per source.

    Parameters
    ----------
    table : str or Path
        Detections with a source column and a column of probabilities per class: ours (``p_qso``)
        or the published ones (``QSO``, ``Seyfert_1``, ...).
    settings : Settings, optional
        Of these, survey, source_column and vote_trained matter here.
    classes : Classes
        What the columns are looked up in.

    Raises
    ------
    XsiftError
        Where the table cannot serve.
    """
    settings = settings or Settings()
    survey, _ = surveys.survey_of(settings.survey, settings.features)
    with recorded() as notes:
        progress(f"reading {table}")
        given = read.read_probabilities(
            table, survey, settings.source_column, classes, settings.vote_trained
        )
        progress("voting")
        rows = np.flatnonzero(given.votes)
        voting = np.column_stack([given.p, given.beside])
        # Only the calibrated method gives "none of these" a share, and it takes this mean.
        pool: Pool = "geometric" if (given.beside[rows, :1] > 0).any() else "mean"
        n_ballots = len(given.classes) + min(1, given.beside.shape[1])
        votes = tally(given.table, voting, rows, n_ballots, pool)
        features = tuple(f.name for f in survey.features if f.name in given.table.column_names)
        sources = source_table(given.table, features, votes, given.classes, survey)
    counted = {
        "detections": given.table.num_rows,
        "voting": len(rows),
        **source_counts(votes.unique),
    }
    record = {
        "about": {"command": "vote", "input": file_name(table)},
        "input": file_name(table),
        "input_sha256": given.sha256,
        # Without a model in the folder nothing else says them.
        "survey": survey.name,
        "classes": [c.model_dump() for c in given.classes.classes],
        "settings": {k: getattr(settings, k) for k in ("source_column", "vote_trained")},
        "counts": counted,
    }
    result = Catalogue(None, sources, None, record, _places(table))
    return _finish(result, None, notes, "vote", None)


def _places(*files: str | Path | read.InMemory | None) -> tuple[Path, ...]:
    return tuple(Path(file).absolute() for file in files if isinstance(file, str | Path))


def _refuse_idle_settings(settings: Settings) -> None:
    """Refuse what the user set for the other method: it would do nothing."""
    of = {"calibrated": ("clusters", "min_members"), "paper": ("closing", "missing")}
    default = Settings()
    for name in of[settings.method]:
        if (value := getattr(settings, name)) != getattr(default, name):
            other = "paper" if settings.method == "calibrated" else "calibrated"
            raise SettingError(
                f"--{name.replace('_', '-')} {value} does nothing with --method {settings.method}: "
                f"leave it out, or give --method {other}"
            )


def _without_inputs(detections: read.Detections) -> read.Detections:
    """Let go of the raw columns, once the features are derived: most of a large table's memory."""
    carried = [k for k in CARRIED if k in detections.table.column_names]
    detections = replace(detections, table=detections.table.select(carried))
    pa.default_memory_pool().release_unused()
    return detections


def _catalogue(
    detections: read.Detections,
    features: FeatureTable,
    labels: Labels,
    separation: np.ndarray | None,
    model: Model,
    settings: Settings,
) -> Catalogue:
    """Classify, vote and count: what `run` and `classify` share."""
    table, voting, rows, record = _judge(detections, features, labels, separation, model, settings)
    # The share of none is a ballot, too: under the paper's method it is 0, and never wins.
    pool: Pool = "mean" if isinstance(model, PaperModel) else "geometric"
    votes = tally(detections.table, voting, rows, len(model.classes) + 1, pool)
    raw = table.select([c for c in table.column_names if c not in model.classes.columns])
    sources = source_table(raw, features.names, votes, model.classes, features.survey)
    record["counts"] |= source_counts(votes.unique)
    return Catalogue(table, sources, None, record)


def _judge(
    detections: read.Detections,
    features: FeatureTable,
    labels: Labels,
    separation: np.ndarray | None,
    model: Model,
    settings: Settings,
) -> tuple[pa.Table, np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the table of detections, what is voted on, the rows that vote, and the record."""
    named = np.asarray(pc.is_valid(detections.table["name"]))
    warn_of_rows(detections.table, features, named)
    said = model.classify(features)
    shift: dict[str, Any] = {}
    if isinstance(model, CalibratedModel):
        X = features.values
        shift = {"shares": shares_of(said, model), "shift": warn_of_shift(X, said, model)}
    said = under_prior(said, model, settings.prior)
    role, flag = roles(features, labels, model.can_score(features), said.is_scored, said.cluster)
    warn_of_nothing_scored(role, labels)
    # What is set aside is of a type that the model does not know: it gets no verdict.
    verdict = np.isin(role, ("trained", "scored")) & said.is_scored
    # One array under both tables: its columns are what the table of detections holds.
    voting = np.column_stack([said.p, said.p_none, said.typicality])
    voting[~verdict, :-1] = np.nan
    n_classes = len(model.classes)
    said = replace(said, p=voting[:, :n_classes], p_none=voting[:, n_classes])
    in_vote = verdict & named & (settings.vote_trained | (role == "scored"))
    record = {
        "about": {"input": file_name(detections.path)},
        "input": file_name(detections.path),
        "input_sha256": detections.sha256,
        "settings": settings.as_dict(),
        "counts": counts(detections.table, features, labels, role, in_vote),
        "labels": labels.counts(np.ones(len(labels.label), dtype=bool)),
        "set_aside": labels.counts(role == "set_aside"),
        "missing": missing_values(features),
        "unscored": reasons(flag, role == "unscored"),
        **shift,
    }
    table = detection_table(
        detections.table, features, said, model.classes, labels.label, separation, role, flag
    )
    return table, voting, np.flatnonzero(in_vote), record


def _finish(
    result: Catalogue,
    model: ModelTree | None,
    notes: list[str],
    command: str,
    training: TrainingTree | None,
) -> Catalogue:
    """Stamp the model's fingerprint on every row, and complete the record."""
    detections, sources = result.detections, result.sources
    record = {"command": command, **result.record}
    if model is not None:
        detections = _stamped(detections, model.model_id) if detections is not None else None
        sources = _stamped(sources, model.model_id)
        record["about"] = {**record["about"], "command": command, "model_id": model.model_id}
        record["model"] = {
            "model_id": model.model_id,
            "method": model.method,
            "survey": model.survey,
            "feature_set": model.feature_set,
            "features": model.features,
            "trained_on": model.training.input,
            "class_counts": model.training.class_counts,
        }
    if training is not None:
        record |= {"labels_file": training.labels, "labels_sha256": training.labels_sha256}
    record |= {"warnings": notes, "environment": write.environment()}
    # The same of everything above gives the same run: what it writes is then the same, too.
    digest = hashlib.sha256(json.dumps(write.finite(record), sort_keys=True).encode())
    record |= {"run_id": digest.hexdigest()[:16], "created": now()}
    return Catalogue(detections, sources, model, record, result.inputs)


def _stamped(table: pa.Table, model_id: str) -> pa.Table:
    at = table.schema.get_field_index("model_id")
    column = pa.repeat(pa.scalar(model_id), table.num_rows)
    return table.set_column(at, table.schema.field(at), column)
