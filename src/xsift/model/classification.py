"""What a model was trained for, and what it says of detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xsift.classes import Classes
from xsift.errors import LabelError, ModelError
from xsift.features import FeatureTable
from xsift.model.schema import ModelTree
from xsift.surveys import Survey

__all__ = ["Classification", "Trained", "refuse_one_class", "trained_for"]


@dataclass(frozen=True, eq=False)
class Classification:
    """The probabilities and verdict of every row; NaN and -1 in a row that cannot be scored.

    Attributes
    ----------
    cluster : ndarray of int, shape (n,)
    p : ndarray of shape (n, C)
        Class probabilities; with `p_none` they sum to 1.
    p_none : ndarray of shape (n,)
        Probability of none of the classes; the paper's method knows no such thing: 0.
    typicality : ndarray of shape (n,)
        Share of detections like those of the training table that have a lower density.
    """

    cluster: np.ndarray
    p: np.ndarray
    p_none: np.ndarray
    typicality: np.ndarray

    @property
    def is_scored(self) -> np.ndarray:
        """Which rows have probabilities."""
        return np.asarray(~np.isnan(self.p).any(axis=1))


@dataclass(frozen=True, eq=False)
class Trained:
    """What a model was trained for.

    Attributes
    ----------
    survey : Survey
    feature_set : str
    features : tuple of str
    classes : Classes
    """

    survey: Survey
    feature_set: str
    features: tuple[str, ...]
    classes: Classes

    def refuse_other_features(self, features: FeatureTable) -> None:
        """Raise a ModelError where a table's features are not those of the training."""
        if features.names != self.features:
            raise ModelError(
                f"the model was trained on {', '.join(self.features)}, "
                f"the table gives {', '.join(features.names)}"
            )


def trained_for(tree: ModelTree) -> tuple[Survey, str, tuple[str, ...], Classes]:
    """Return what the model in a file was trained for."""
    return tree.survey_profile, tree.feature_set, tuple(tree.features), tree.classes


def refuse_one_class(y: np.ndarray, classes: Classes, needed: str) -> None:
    """Raise a LabelError where labels are of fewer than two classes.

    Parameters
    ----------
    y : ndarray of int, shape (n,)
        Class indices of the labelled detections that have the features `needed`.
    classes : Classes
    needed : str
        For the message: ``"all features"``.
    """
    n_classes = len(np.unique(y))
    if n_classes < 2:
        found = "no detection" if n_classes == 0 else f"{len(y)} detections of one class"
        raise LabelError(
            f"{found} with {needed} and a label among {', '.join(classes.codes)}: "
            "two classes are needed at least"
        )
