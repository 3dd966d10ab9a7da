"""What a model says of detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xsift.errors import ModelError
from xsift.features import FeatureTable

__all__ = ["Classification", "refuse_other_features"]


@dataclass(frozen=True, eq=False)
class Classification:
    """What a model says of every row; NaN and -1 where it can say nothing.

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


def refuse_other_features(trained: tuple[str, ...], features: FeatureTable) -> None:
    """Refuse a table whose features are not those that a model was trained on.

    Raises
    ------
    ModelError
    """
    if features.names != trained:
        raise ModelError(
            f"the model was trained on {', '.join(trained)}, "
            f"the table gives {', '.join(features.names)}"
        )
