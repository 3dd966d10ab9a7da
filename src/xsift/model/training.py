"""From detections and their labels to a trained model, by either method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xsift import read, surveys
from xsift.classes import Classes
from xsift.errors import TableError
from xsift.evaluate.methods import Training
from xsift.features import FeatureTable
from xsift.label import Labels
from xsift.model import Model
from xsift.model.calibration import fit_calibrated_model
from xsift.model.paper import fit_paper_model
from xsift.model.sample import codes_of, known_types, other_types, units_of
from xsift.settings import Settings
from xsift.vote import key_order

__all__ = ["train"]

Progress = Callable[[str], None]


def train(
    detections: read.Detections,
    features: FeatureTable,
    labels: Labels,
    survey: surveys.Survey,
    classes: Classes,
    settings: Settings,
    progress: Progress,
) -> tuple[Model, np.ndarray]:
    """Train by the method of the settings.

    Parameters
    ----------
    detections : Detections
    features : FeatureTable
    labels : Labels
    survey, classes, settings
        What the model is for, and how it is fitted.
    progress : callable
        Told of each step as it begins.

    Returns
    -------
    model : PaperModel or CalibratedModel
    y : ndarray of int, shape (n,)
        Class index of each detection that trained; -1 for all others.

    Raises
    ------
    TableError
        If no detection has the features that the method needs.
    LabelError
        If too few have a label.
    """
    feature_set = str(settings.features)
    is_paper = settings.method == "paper"
    can_train = features.complete if is_paper else features.usable.any(axis=1)
    order = key_order(detections.table, np.flatnonzero(can_train))
    if not len(order):
        raise TableError(f"{detections.path}: {_nothing_to_train_on(features, is_paper)}")
    y = np.where(can_train, labels.y, -1)
    if is_paper:
        progress(f"clustering {len(order):,} complete detections")
        return fit_paper_model(features, y, order, survey, feature_set, classes, settings), y
    progress(f"training on {len(order):,} detections, {int((y >= 0).sum()):,} of them labelled")
    types, _, shared = known_types(detections.path, settings.type_column)
    other = other_types(labels, types, classes)
    X = features.values
    source = codes_of(detections.table["name"])[order]
    # A detection without a name is a source of its own.
    source = np.where(source < 0, source.max(initial=0) + 1 + np.arange(len(order)), source)
    # In key order first: the numbers of the units must not depend on the order of the file.
    unit = units_of(source, X[order], None if shared is None else shared[order])
    training = Training(X[order], y[order], other[order], unit)
    model = fit_calibrated_model(training, survey, feature_set, classes, settings)
    # What has none of the features that the model kept did not train.
    return model, np.where(features.select(model.features).usable.any(axis=1), y, -1)


def _nothing_to_train_on(features: FeatureTable, is_paper: bool) -> str:
    if not is_paper:
        return f"no detection has any of the features {', '.join(features.names)}"
    if features.empty:
        lacks = f"no detection has a value of {', '.join(features.empty)}"
    else:
        lacks = f"no detection has all of {', '.join(features.names)}"
    return (
        f"{lacks}, and --method paper takes only detections with all features: leave it out (the "
        "calibrated method takes incomplete detections)"
    )
