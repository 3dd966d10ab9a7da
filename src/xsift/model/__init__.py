"""Trained models: where the fitted stages meet; training, classification, and the model's file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from xsift.errors import TableError
from xsift.model.calibrated import CalibratedModel
from xsift.model.classification import Classification
from xsift.model.file import load_model_tree
from xsift.model.paper import PaperModel
from xsift.model.schema import ModelTree, TrainingTree
from xsift.model.training_rows import TrainingRowsTree
from xsift.surveys import is_shipped

__all__ = [
    "CalibratedModel",
    "Classification",
    "Model",
    "PaperModel",
    "load_model",
    "model_of",
    "model_tree",
]

Model = PaperModel | CalibratedModel


def model_of(tree: ModelTree) -> Model:
    """Rebuild a model from its file's data."""
    if tree.method == "paper":
        return PaperModel.from_tree(tree)
    return CalibratedModel.from_tree(tree)


def load_model(path: str | Path) -> Model:
    """Read a model file.

    Raises
    ------
    ModelError
        If it is not a sound model.
    """
    return model_of(load_model_tree(path))


def model_tree(model: Model, training: TrainingTree, rows: TrainingRowsTree) -> ModelTree:
    """Return a model as plain data, for its file.

    Raises
    ------
    TableError
        If the fit was degenerate, so that its file would not load.
    """
    is_paper, survey = isinstance(model, PaperModel), model.survey
    try:
        return ModelTree(
            method="paper" if is_paper else "calibrated",
            survey=survey.name,
            release=survey.release,
            profile=None if is_shipped(survey) else survey.without_query(),
            feature_set=model.feature_set,
            features=list(model.features),
            classes=model.classes,
            **{"paper" if is_paper else "calibrated": model.tree()},
            training=training,
            training_rows=rows,
            validation=[] if isinstance(model, PaperModel) else list(model.validation),
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]["msg"]
        raise TableError(
            f"the fit gave no sound model: {first.removeprefix('Value error, ')}; "
            "fewer clusters (--clusters) or more detections may help"
        ) from error
