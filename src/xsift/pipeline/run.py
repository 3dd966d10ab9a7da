"""`xsift run`: detections and known objects to a trained model and a classified catalogue.

read -> features -> label -> mixture, score -> vote -> write
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xsift import surveys
from xsift.catalogue.tables import Catalogue
from xsift.catalogue.verdicts import catalogue_of, with_record
from xsift.catalogue.warnings import recorded, warn_of_classes
from xsift.classes import Classes
from xsift.errors import SettingError
from xsift.model import model_tree
from xsift.model.answer import answer
from xsift.model.sample import Progress, read_sample, silent
from xsift.model.schema import TrainingTree
from xsift.model.training import train
from xsift.settings import Settings
from xsift.write import environment
from xsift.write.provenance import file_name, now

__all__ = ["run"]


def run(
    table: str | Path,
    labels: str | Path | None = None,
    settings: Settings | None = None,
    classes: Classes | None = None,
    progress: Progress = silent,
) -> Catalogue:
    """Do the main job: a table of detections and known objects become a classified catalogue.

    Parameters
    ----------
    table : str or Path
        Detections: VOTable, FITS, Parquet or CSV.
    labels : str or Path, optional
        Known objects; without it, `settings.label_column` is a column of `table`.
    settings : Settings, optional
    classes : Classes, optional
        Where None, those of the survey.
    progress : callable
        Told of each step as it begins.

    Raises
    ------
    XsiftError
        Where the data, the labels or the settings cannot serve; the message says what to do.
    """
    settings = settings or Settings()
    _refuse_idle_settings(settings)
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    classes = classes or survey.classes
    settings = replace(settings, survey=survey.name, features=feature_set)
    with recorded() as notes:
        chosen = survey.feature_set(feature_set)
        is_paper = settings.method == "paper"
        sample = read_sample(table, survey, chosen, settings, classes, labels, is_paper, progress)
        model, y = train(sample, survey, classes, settings, progress)
        sample = sample.held_to(model.features)
        progress("scoring and voting")
        said = answer(model, sample.features, settings.prior)
        warn_of_classes(model)
        result = catalogue_of(sample, model, said, settings)
    training = TrainingTree(
        input=file_name(sample.path),
        input_sha256=sample.sha256,
        labels=file_name(labels) if labels else settings.label_column,
        labels_sha256=sample.labels_sha256,
        settings=settings.as_dict(),
        counts=result.record["counts"],
        class_counts=sample.labels.counts(y >= 0),
        warnings=notes,
        environment=environment(),
        created=now(),
    )
    return with_record(result, model_tree(model, training), notes, "run", training, (table, labels))


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
