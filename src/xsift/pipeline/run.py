"""`xsift run`: detections and known objects to a trained model and a classified catalogue.

read -> features -> label -> mixture, score -> vote -> write
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xsift import surveys
from xsift.catalogue.tables import stamped
from xsift.catalogue.verdicts import Judge, catalogue_of, with_record
from xsift.catalogue.warnings import recorded, warn_of_classes
from xsift.classes import Classes
from xsift.errors import SettingError
from xsift.jit import need_to_train
from xsift.label import without_apart
from xsift.mixture.devices import gpu_for, name_of
from xsift.model import CalibratedModel, Model, model_tree
from xsift.model.answer import answer
from xsift.model.notebook import shown_in_notebook
from xsift.model.progress import Progress, told_in_parts
from xsift.model.recognise import training_rows
from xsift.model.sample import Sample, read_sample
from xsift.model.schema import TrainingTree
from xsift.model.training import can_train, taught, train
from xsift.pipeline.catalogue import Catalogue, open_streamed
from xsift.pipeline.keywords import takes_settings
from xsift.read import as_input, is_path
from xsift.read.known import known_of_lsdb
from xsift.read.lsdb_catalogue import is_lsdb_catalogue
from xsift.read.parts import goes_in_parts
from xsift.settings import Settings
from xsift.write import environment
from xsift.write.provenance import file_name, now

__all__ = ["known_labels", "of_training", "refuse_idle_settings", "run", "training_of"]


@takes_settings(settings=None)
def run(
    table: Any,
    labels: Any = None,
    settings: Settings | None = None,
    classes: Classes | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
    workers: int | str | None = None,
    device: str = "auto",
) -> Catalogue:
    """Train a model on known objects and classify a table of detections.

    Parameters
    ----------
    table : str, Path or table in memory
        Detections: a file (VOTable, FITS, Parquet or CSV), or a table in memory (astropy, pandas,
        polars, pyarrow, or any object with the Arrow PyCapsule interface); or a table in parts.
    labels : str, Path, table in memory or lsdb.Catalog, optional
        Known objects; without it, `label_column` is a column of `table`. It may be a folder
        of Parquet files, a HATS catalogue or a catalogue of LSDB; xsift holds the needed columns in
        memory, of at most 20,000,000 rows.
    settings : Settings, optional
        All settings at once; or give each as a keyword.
    classes : Classes, optional
        If None, those of the survey; the published method takes its plain classes.
    progress : callable, optional
        Called with a description of each step as it begins.
    out : str or Path, optional
        Folder for the results. A folder, a pattern, a HATS catalogue, an address or a large
        Parquet file is read in parts and needs it; the result is then opened from there.
    workers : int or str, optional
        For a table in parts: processes on this machine, or the address of a Dask scheduler.
    device : {"auto", "cpu", "gpu"}
        Where the mixtures of all detections are fitted. auto: on a GPU, if 100,000 detections or
        more train, and JAX (the extra `gpu`) is installed and has one.
    **keywords
        The settings (`Settings`): ``label_column="otype"``, ``method="paper"``, ...

    Returns
    -------
    Catalogue

    Raises
    ------
    XsiftError
        If the data, labels or settings cannot be used; the message says what to do.
    """
    need_to_train()
    gpu_for(device, 0)  # refuses before the table is read
    settings, progress = settings or Settings(), progress or shown_in_notebook()
    if is_path(table) and goes_in_parts(table):
        from xsift.pipeline.run_stream import run_stream  # of a table of one part, it calls this

        job = partial(run_stream, table, labels, settings, classes, device=device)
        return open_streamed(job, table, out, workers, progress)
    refuse_idle_settings(settings)
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    is_paper = settings.method == "paper"
    classes = classes or (survey.classes.plain if is_paper else survey.classes)
    settings = replace(settings, survey=survey.name, features=feature_set)
    with recorded() as notes:
        table = as_input(table, settings.source_column)
        if is_lsdb_catalogue(labels):
            labels = known_of_lsdb(labels, survey, settings.label_column)
        labels = None if labels is None else as_input(labels, role=" of labels")
        chosen = survey.feature_set(feature_set)
        sample = read_sample(table, survey, chosen, settings, classes, labels, is_paper, progress)
        model, y = train(sample, survey, classes, settings, progress, device)
        sample = sample.held_to(model.features)
        sample, y = known_labels(sample, model, y)
        rows = training_rows(sample, taught(sample, model, y))
        tell = told_in_parts(progress, "scoring and voting")
        warn_of_classes(model)
        judge = Judge.of(model, settings)
        result = catalogue_of(
            sample, judge, answer(model, sample, settings.prior, y >= 0, tell=tell)
        )
    counts = result.record["counts"]
    training = training_of(sample, model, y, settings, labels, counts, notes, device)
    result.record.update(of_training(training, model))
    tree = model_tree(model, training, rows)
    result = stamped(result, tree.model_id)
    found = Catalogue.of(with_record(result, tree, notes, "run", training, (table, labels)))
    if out is not None:
        found.write(out)
    return found


def known_labels(sample: Sample, model: Model, y: np.ndarray) -> tuple[Sample, np.ndarray]:
    """Return a sample and the classes that trained, for what a model has learned to tell.

    A model that learned nothing of kinds beside the plain classes takes these for other types.

    Parameters
    ----------
    sample : Sample
    model : Model
    y : ndarray of int, shape (n,)
        As `trained_classes` returns it.
    """
    classes = model.classes
    if not isinstance(model, CalibratedModel) or model.scorers[-1].opened is not None:
        return sample, y
    sample = replace(sample, labels=without_apart(sample.labels, classes))
    return sample, np.where(y < classes.n_plain, y, -1)


def training_of(
    sample: Sample,
    model: Model,
    y: np.ndarray,
    settings: Settings,
    labels: Any,
    counts: dict[str, int],
    notes: list[str],
    device: str,
) -> TrainingTree:
    """Return what a model's file says of its training.

    Parameters
    ----------
    sample : Sample
    model : Model
    y : ndarray of int, shape (n,)
        As `trained_classes` returns it.
    settings : Settings
    labels : str, Path, InMemory or None
        Known objects; where None, the labels are a column of the table.
    counts : dict of str to int
    notes : list of str
        What the user should be wary of.
    device : {"auto", "cpu", "gpu"}
        Where mixtures were to be fitted.
    """
    used = name_of(gpu_for(device, int(can_train(sample.features, settings.method).sum())))
    gaps = model.gaps if isinstance(model, CalibratedModel) else None
    return TrainingTree(
        input=file_name(sample.path),
        input_sha256=sample.sha256,
        labels=file_name(str(labels)) if labels else settings.label_column,
        labels_sha256=sample.labels_sha256,
        settings=settings.as_dict(),
        counts=counts,
        class_counts=_class_counts(y, model.classes),
        warnings=notes,
        # The CPU is the rule, of which a model says nothing.
        environment=environment() | ({} if used == "cpu" else {"device": used}),
        created=now(),
        gaps=gaps.record() if gaps else None,
    )


def of_training(training: TrainingTree, model: Model) -> dict[str, Any]:
    """Return what `run.json` says of a training beside its counts."""
    said: dict[str, Any] = {"device": training.environment.get("device", "cpu")}
    if training.gaps:
        said["gaps"] = training.gaps
    if isinstance(model, CalibratedModel) and model.closure is not None:
        said["closing"] = model.closing
    return said


def refuse_idle_settings(settings: Settings) -> None:
    """Refuse what the user set for the other method: it would do nothing."""
    of = {"calibrated": ("clusters", "min_members"), "paper": ("closing", "missing", "verdict")}
    default = Settings()
    for name in of[settings.method]:
        if (value := getattr(settings, name)) != getattr(default, name):
            other = "paper" if settings.method == "calibrated" else "calibrated"
            raise SettingError(
                f"--{name.replace('_', '-')} {value} does nothing with --method {settings.method}: "
                f"leave it out, or give --method {other}"
            )


def _class_counts(y: np.ndarray, classes: Classes) -> dict[str, int]:
    """Count the detections of each class that trained, the most frequent first."""
    n = np.bincount(y[y >= 0], minlength=len(classes)).tolist()
    counted = sorted(zip(classes.codes, n, strict=True), key=lambda item: (-item[1], item[0]))
    return {code: number for code, number in counted if number}
