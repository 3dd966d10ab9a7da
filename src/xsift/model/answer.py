"""What a model says of a table, under the wanted class shares, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.model import Classification, Model
from xsift.model.by_gaps import warn_of_gaps
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import all_shares, under_prior, wanted_prior
from xsift.model.sample import Sample
from xsift.model.shares import shares_of
from xsift.model.shift import is_unlike, warn_of_shift

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
        How the table differs from the training table: ``shift`` (`warn_of_shift`), ``by_gaps``
        (`warn_of_gaps`) and ``shares`` (`shares_of`) of the calibrated method; else empty.
    prior : ndarray of shape (C + 1,), or None
        The shares under which `said` holds, of none of the classes last; None: the paper's method.
    """

    said: Classification
    can_score: np.ndarray
    shift: dict[str, Any]
    prior: np.ndarray | None = None


def answer(model: Model, sample: Sample, prior: str, trained: np.ndarray | None = None) -> Answer:
    """Classify detections, and say how their table differs from the training table.

    Parameters
    ----------
    model : Model
    sample : Sample
        With the features of the model.
    prior : str
        Which class shares the probabilities are to hold under (`under_prior`).
    trained : ndarray of bool, shape (n,), optional
        Which detections are known to have trained the model.

    Raises
    ------
    ModelError
        If the features are not those that the model was trained on.
    SettingError
        As `under_prior` does.
    """
    features = sample.features
    said = model.classify(features)
    shift: dict[str, Any] = {}
    shares = None
    if isinstance(model, CalibratedModel):
        shares = all_shares(wanted_prior(model, prior))
        X, n = features.values, len(sample)
        shift["shift"] = warn_of_shift(X, said, model)
        unseen = np.ones(n, dtype=bool) if trained is None else ~trained
        shift["by_gaps"] = warn_of_gaps(X, said, model, unseen)
        n_typical = int((~np.isnan(said.typicality)).sum())
        unlike = is_unlike(shift["shift"].get("atypical", 0.0), n_typical)
        source = sample.source(np.arange(n))
        shift["shares"] = shares_of(said, model, source, features.complete, unlike)
    return Answer(under_prior(said, model, prior), model.can_score(features), shift, shares)
