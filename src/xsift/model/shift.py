"""How far a table is from the one that its model was trained on."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.special import bdtrc, ndtr

from xsift.errors import XsiftWarning
from xsift.model import Classification
from xsift.model.calibrated import CalibratedModel

__all__ = ["is_unlike", "warn_of_shift"]

_RARE = 0.05
_TOO_MANY = 2.0
_FEWEST = 10
_CHANCE = 1e-3
_FAR = 0.15


def warn_of_shift(X: np.ndarray, said: Classification, model: CalibratedModel) -> dict[str, float]:
    """Warn where more detections are atypical than in the training table, with figures.

    Of detections like those of training, one in twenty has a typicality below 0.05. More than twice
    as many, and more than chance makes of them once in a thousand tables, say that the table lies
    elsewhere (covariate shift): its probabilities are then extrapolations.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Raw features; NaN is missing.
    said : Classification
    model : CalibratedModel

    Returns
    -------
    dict
        The share of atypical detections, and each feature's largest distance between its cumulative
        distribution here and in training.
    """
    known = ~np.isnan(said.typicality)
    n = int(known.sum())
    if n < _FEWEST:
        return {}
    share = float((said.typicality[known] < _RARE).mean())
    distance = {
        name: _distance(X[:, j], *model.marginal(j))
        for j, name in enumerate(model.features)
        if not np.isnan(X[:, j]).all()
    }
    if is_unlike(share, n):
        far = sorted((d, name) for name, d in distance.items() if d > _FAR)[::-1][:3]
        most = ", ".join(f"{name} by {d:.2f}" for d, name in far) or "no single feature"
        warnings.warn(
            f"this table is unlike the training table: {share:.0%} of its detections have a "
            f"typicality below {_RARE:g}, where {_RARE:.0%} are expected; what differs most in "
            f"distribution: {most}; probabilities may be off",
            XsiftWarning,
            stacklevel=2,
        )
    return {"atypical": round(share, 4)} | {k: round(v, 4) for k, v in distance.items()}


def is_unlike(share: float, n: int) -> bool:
    """Tell whether this share of n detections is too many to have a typicality below 0.05."""
    # In a small table a few more may be chance.
    by_chance = bdtrc(round(share * n) - 1, n, _RARE)
    return bool(share > _TOO_MANY * _RARE and by_chance < _CHANCE)


def _distance(x: np.ndarray, value: np.ndarray, score: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance at the knots, equal values by their mean rank."""
    x = np.sort(x[~np.isnan(x)])
    below = np.searchsorted(x, value, side="left") + np.searchsorted(x, value, side="right")
    return float(np.abs(below / (2 * len(x)) - ndtr(score)).max())
