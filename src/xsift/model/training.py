"""From a sample to a trained model, by either method."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from xsift.classes import Classes
from xsift.errors import TableError
from xsift.features import FeatureTable
from xsift.model.calibrated import CalibratedModel
from xsift.model.calibrated_training import fit_calibrated_model
from xsift.model.paper import PaperModel, fit_paper_model
from xsift.model.progress import Progress, silent, told_in_parts
from xsift.model.sample import Sample
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["can_train", "taught", "train", "trained_classes"]


def can_train(features: FeatureTable, method: str) -> np.ndarray:
    """Tell which rows a method can learn from: with all features (paper), or with any."""
    usable = features.complete if method == "paper" else features.usable.any(axis=1)
    return np.asarray(usable)


def train(
    sample: Sample,
    survey: Survey,
    classes: Classes,
    settings: Settings,
    progress: Progress = silent,
    device: str = "cpu",
) -> tuple[PaperModel | CalibratedModel, np.ndarray]:
    """Train by the method of the settings.

    Parameters
    ----------
    sample : Sample
    survey, classes, settings
        What the model is for, and how it is fitted.
    progress : callable
        Called with a description of each step as it begins.
    device : {"cpu", "gpu", "auto"}
        Where mixtures of all detections are fitted.

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
    features = sample.features
    feature_set = str(settings.features)
    is_paper = settings.method == "paper"
    serves = can_train(features, settings.method)
    # The numbers of sources, like all that follows, must not depend on the order of the file.
    order = sample.in_order(serves)
    if not len(order):
        raise TableError(f"{sample.path}: {_nothing_to_train_on(features, is_paper)}")
    y = np.where(serves, sample.labels.y, -1)
    if is_paper:
        progress(f"clustering {len(order):,} complete detections")
        model: PaperModel | CalibratedModel = fit_paper_model(
            features, y, order, survey, feature_set, classes, settings, device
        )
        return model, y
    step = f"training on {len(order):,} detections, {int((y >= 0).sum()):,} of them labelled"
    # Not the mixtures: their kernels have threads of their own, and the same bits on any number.
    # The last digits of other sums depend on it, and on small matrices threads cost time.
    with threadpool_limits(1):
        model = fit_calibrated_model(
            *(sample.training(order), survey, feature_set, classes, settings),
            tell=told_in_parts(progress, step),
            device=device,
        )
    return model, trained_classes(sample, model)


def trained_classes(sample: Sample, model: PaperModel | CalibratedModel) -> np.ndarray:
    """Return the class index of each detection that trained; -1 for all others.

    What has none of the features that the model kept did not train.

    Parameters
    ----------
    sample : Sample
        The training table, or a part of it.
    model : PaperModel or CalibratedModel
    """
    features = sample.features.select(model.features)
    method = "paper" if isinstance(model, PaperModel) else "calibrated"
    return np.where(can_train(features, method), sample.labels.y, -1)


def taught(sample: Sample, model: PaperModel | CalibratedModel, y: np.ndarray) -> np.ndarray:
    """Tell which detections taught the scorer, bool of shape (n,).

    Those with a class and, by the calibrated method, those of a known other type.

    Parameters
    ----------
    sample : Sample
        With the features of the model.
    model, y
        What `train` returned.
    """
    if isinstance(model, PaperModel):
        return np.asarray(y >= 0)
    is_other = np.array([t is not None for t in sample.other], dtype=bool)
    return np.asarray((y >= 0) | (is_other & model.can_score(sample.features)))


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
