"""What a model says of a table, under the wanted class shares, and how far to trust it."""

from __future__ import annotations

from typing import Any

from xsift.features import FeatureTable
from xsift.model import Classification, Model
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import shares_of, under_prior
from xsift.model.shift import warn_of_shift

__all__ = ["answer"]


def answer(
    model: Model, features: FeatureTable, prior: str
) -> tuple[Classification, dict[str, Any]]:
    """Classify detections, and say how their table differs from the training table.

    Parameters
    ----------
    model : Model
    features : FeatureTable
    prior : str
        Which class shares the probabilities are to hold under (`under_prior`).

    Returns
    -------
    said : Classification
    shift : dict
        ``shares`` (`shares_of`) and ``shift`` (`warn_of_shift`) of the calibrated method; else
        empty.

    Raises
    ------
    ModelError
        If the features are not those that the model was trained on.
    SettingError
        As `under_prior` does.
    """
    said = model.classify(features)
    shift: dict[str, Any] = {}
    if isinstance(model, CalibratedModel):
        shift["shares"] = shares_of(said, model)
        shift["shift"] = warn_of_shift(features.values, said, model)
    return under_prior(said, model, prior), shift
