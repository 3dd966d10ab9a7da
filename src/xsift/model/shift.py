"""How far a table is from the one that its model was trained on."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.special import bdtrc, ndtr

from xsift.errors import XsiftWarning
from xsift.model.calibrated import CalibratedModel
from xsift.model.sums import Adding, Array

__all__ = ["ShiftSums", "warn_of_shift"]

_RARE = 0.05
_TOO_MANY = 2.0
_FEWEST = 10
_CHANCE = 1e-3
_FAR = 0.15


class ShiftSums(Adding):
    """What tells a table from the training table, over some of its rows.

    Attributes
    ----------
    known, atypical : int
        Detections with a typicality; those of them with one below 0.05.
    there : ndarray of int, shape (d,)
        Values of each feature.
    below : ndarray of int
        At every knot of the features' distributions in training, one feature after the other: the
        values below, and those that are at most the knot.
    """

    known: int
    atypical: int
    there: Array
    below: Array

    @classmethod
    def of(cls, X: np.ndarray, typicality: np.ndarray, model: CalibratedModel) -> ShiftSums:
        """Count the rows of `X`, raw features of shape (n, d); NaN is missing."""
        known, below, there = ~np.isnan(typicality), [], []
        for j in range(X.shape[1]):
            x, value = np.sort(X[~np.isnan(X[:, j]), j]), model.marginal(j)[0]
            there.append(len(x))
            below.append(np.searchsorted(x, value, "left") + np.searchsorted(x, value, "right"))
        return cls.model_construct(
            known=int(known.sum()),
            atypical=int((typicality[known] < _RARE).sum()),
            there=np.array(there, np.int64),
            below=np.concatenate(below).astype(np.int64),
        )

    @property
    def is_unlike(self) -> bool:
        """Whether too many detections are atypical."""
        return self.known >= _FEWEST and _is_unlike(self.atypical, self.known)

    def distances(self, model: CalibratedModel) -> dict[str, float]:
        """Return the Kolmogorov-Smirnov distance of each feature that has values.

        It is taken at the knots, equal values by their mean rank.
        """
        found, at = {}, 0
        for j, name in enumerate(model.features):
            score = model.marginal(j)[1]
            below, n = self.below[at : at + len(score)], int(self.there[j])
            at += len(score)
            if n:
                found[name] = float(np.abs(below / (2 * n) - ndtr(score)).max())
        return found


def warn_of_shift(sums: ShiftSums, model: CalibratedModel) -> dict[str, float]:
    """Warn where more detections are atypical than in the training table, with figures.

    Of detections like those of training, one in twenty has a typicality below 0.05. More than twice
    as many, and more than chance makes of them once in a thousand tables, say that the table lies
    elsewhere (covariate shift): its probabilities are then extrapolations.

    Returns
    -------
    dict
        The share of atypical detections, and each feature's largest distance between its cumulative
        distribution here and in training.
    """
    if sums.known < _FEWEST:
        return {}
    share, distance = sums.atypical / sums.known, sums.distances(model)
    if sums.is_unlike:
        far = sorted((d, name) for name, d in distance.items() if d > _FAR)[::-1][:3]
        most = ", ".join(f"{name} by {d:.2f}" for d, name in far) or "no single feature"
        warnings.warn(
            f"this table is unlike the training table: {share:.0%} of its detections have a "
            f"typicality below {_RARE:g} (expected: {_RARE:.0%}); features that differ most: "
            f"{most}; probabilities may be wrong",
            XsiftWarning,
            stacklevel=2,
        )
    return {"atypical": round(share, 4)} | {k: round(v, 4) for k, v in distance.items()}


def _is_unlike(atypical: int, n: int) -> bool:
    """Tell whether these are too many of n detections to have a typicality below 0.05."""
    # In a small table a few more may be chance.
    by_chance = bdtrc(atypical - 1, n, _RARE)
    return bool(atypical > _TOO_MANY * _RARE * n and by_chance < _CHANCE)
