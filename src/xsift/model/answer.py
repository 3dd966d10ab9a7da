"""What a model says of a table, under the wanted class shares, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xsift.model import Classification, Model
from xsift.model.by_gaps import GapSums, warn_of_gaps
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import all_shares, under_prior, wanted_prior
from xsift.model.progress import Tell
from xsift.model.sample import Sample
from xsift.model.shares import ShareSums, shares_of
from xsift.model.shift import ShiftSums, warn_of_shift
from xsift.model.sums import Adding

__all__ = ["Answer", "SaidSums", "answer", "trust", "wanted_shares"]


class SaidSums(Adding):
    """What tells how far to trust the calibrated method on a table, of some of its rows."""

    shift: ShiftSums
    by_gaps: GapSums
    shares: ShareSums


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of detections.

    Attributes
    ----------
    said : Classification
        Of every detection, under the wanted class shares.
    can_score : ndarray of bool, shape (n,)
        Which detections have the features that the method needs.
    sums : SaidSums or None
        Of the calibrated method.
    prior : ndarray of shape (C + 1,), or None
        The shares under which `said` holds, of none of the classes last; None: the paper's method.
    """

    said: Classification
    can_score: np.ndarray
    sums: SaidSums | None = None
    prior: np.ndarray | None = None


def answer(
    model: Model,
    sample: Sample,
    prior: str,
    trained: np.ndarray | None = None,
    first: int = 0,
    n_of_all: int | None = None,
    tell: Tell | None = None,
) -> Answer:
    """Classify detections, and add up what tells how their table differs from the training table.

    Parameters
    ----------
    model : Model
    sample : Sample
        With the features of the model.
    prior : str
        Which class shares the probabilities are to hold under (`under_prior`).
    trained : ndarray of bool, shape (n,), optional
        Which detections are known to have trained the model.
    first : int
        Of a part of a table: the place of its first detection.
    n_of_all : int, optional
        Detections of the table; where None, the sample is all of it.
    tell : callable, optional
        Told how many detections are classified, of how many.

    Raises
    ------
    ModelError
        If the features are not those that the model was trained on.
    SettingError
        As `under_prior` does.
    """
    shares = wanted_shares(model, prior)
    features = sample.features
    sums = None
    if not isinstance(model, CalibratedModel):
        said = model.classify(features)
    else:
        said = model.classify(features, tell)
        X, n = features.values, len(sample)
        unseen = np.ones(n, dtype=bool) if trained is None else ~trained
        names = sample.keys["name"].combine_chunks()
        sums = SaidSums.model_construct(
            shift=ShiftSums.of(X, said.typicality, model),
            by_gaps=GapSums.of(X, said, unseen),
            shares=ShareSums.of(said, names, features.complete, first, n_of_all),
        )
    return Answer(under_prior(said, model, prior), model.can_score(features), sums, shares)


def wanted_shares(model: Model, prior: str) -> np.ndarray | None:
    """Return the class shares that are wanted, of none last; None of the paper's method."""
    return all_shares(wanted_prior(model, prior)) if isinstance(model, CalibratedModel) else None


def trust(sums: SaidSums, model: CalibratedModel) -> dict[str, Any]:
    """Say how far to trust what a model says of a table: `shift`, `by_gaps` and `shares`.

    Warns
    -----
    XsiftWarning
        As `warn_of_shift`, `warn_of_gaps` and `shares_of` do.
    """
    return {
        "shift": warn_of_shift(sums.shift, model),
        "by_gaps": warn_of_gaps(sums.by_gaps, model),
        "shares": shares_of(sums.shares, model, sums.shift.is_unlike),
    }
