"""What a model says of a table, under the wanted class shares, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.features import FeatureTable
from xsift.model import Classification, Model
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import all_shares, shares_of, under_prior, wanted_prior
from xsift.model.shift import warn_of_shift

__all__ = ["Answer", "answer"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of a table.

    Attributes
    ----------
    said : Classification
        Of every detection, under the wanted class shares.
    can_score : ndarray of bool, shape (n,)
        Which detections have the features that the method needs.
    shift : dict
        How the table differs from the training table: ``shares`` (`shares_of`) and ``shift``
        (`warn_of_shift`) of the calibrated method; else empty.
    prior : ndarray of shape (C + 1,), or None
        The shares under which `said` holds, of none of the classes last; None: the paper's method.
    """

    said: Classification
    can_score: np.ndarray
    shift: dict[str, Any]
    prior: np.ndarray | None = None


def answer(model: Model, features: FeatureTable, prior: str) -> Answer:
    """Classify detections, and say how their table differs from the training table.

    Parameters
    ----------
    model : Model
    features : FeatureTable
    prior : str
        Which class shares the probabilities are to hold under (`under_prior`).

    Raises
    ------
    ModelError
        If the features are not those that the model was trained on.
    SettingError
        As `under_prior` does.
    """
    said = model.classify(features)
    shift: dict[str, Any] = {}
    shares = None
    if isinstance(model, CalibratedModel):
        shares = all_shares(wanted_prior(model, prior))
        shift["shares"] = shares_of(said, model)
        shift["shift"] = warn_of_shift(features.values, said, model)
    return Answer(under_prior(said, model, prior), model.can_score(features), shift, shares)
