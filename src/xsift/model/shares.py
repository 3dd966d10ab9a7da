"""Class shares that a table seems to have: estimate, interval, and whether to trust them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from xsift.errors import XsiftWarning
from xsift.model import Classification
from xsift.model.by_gaps import by_group
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import estimate_shares

__all__ = ["shares_of"]

_FEWEST = 100
_OTHER = 0.1
_TIMES = 2.0
_DRAWS = 100
_MOST = 20_000  # detections that are drawn anew: more would narrow what no chance makes
_STEPS = 200
_LEVEL = (2.5, 97.5)


def shares_of(
    said: Classification,
    model: CalibratedModel,
    source: np.ndarray,
    complete: np.ndarray,
    is_unlike: bool,
) -> dict[str, Any]:
    """Estimate the class shares of a table, with intervals, and say whether they can be trusted.

    Under label shift (`estimate_shares`). Sources are drawn anew 100 times, with all of their
    detections, so the interval is that of another draw of sources; it knows nothing of a table
    whose detections look different. An estimate is not trusted where the table is unlike the
    training table, where complete and incomplete detections give a group shares that differ by
    0.1, or where a group's estimate is 0.1 and twice apart from its mean probability.

    Parameters
    ----------
    said : Classification
        Under the shares of the training set.
    model : CalibratedModel
    source : ndarray of int, shape (n,)
        Code of the source of each detection.
    complete : ndarray of bool, shape (n,)
        Which detections have all features.
    is_unlike : bool
        Whether the table is unlike the training table.

    Returns
    -------
    dict
        By class: ``training``, ``estimated``, ``low``, ``high`` and ``mean_p``; ``doubts``: why
        the estimate cannot be trusted, in words. Empty where fewer than 100 detections are scored.

    Warns
    -----
    XsiftWarning
        If there are doubts.
    """
    scored = np.flatnonzero(said.is_scored)
    if len(scored) < _FEWEST:
        return {}
    p = said.p[scored]
    p = p / p.sum(axis=1, keepdims=True)
    trained = model.prior.shares
    estimated, mean = estimate_shares(p, trained), p.mean(axis=0)
    low, high = _interval(p, trained, estimated, source[scored])
    doubts = ["the table is unlike the training table"] if is_unlike else []
    doubts += _doubt_of_gaps(p, complete[scored], model)
    doubts += _doubt_of_mean(by_group(estimated, model), by_group(mean, model))
    if doubts:
        warnings.warn(
            f"the class shares estimated for this table (shares in run.json) cannot be trusted: "
            f"{'; '.join(doubts)}",
            XsiftWarning,
            stacklevel=2,
        )
    codes = model.classes.codes
    of_class = {
        "training": trained,
        "estimated": estimated,
        "low": low,
        "high": high,
        "mean_p": mean,
    }
    found: dict[str, Any] = {
        name: dict(zip(codes, shares.round(4).tolist(), strict=True))
        for name, shares in of_class.items()
    }
    return found | {"doubts": doubts}


def _doubt_of_gaps(p: np.ndarray, complete: np.ndarray, model: CalibratedModel) -> list[str]:
    if min(complete.sum(), (~complete).sum()) < _FEWEST:
        return []
    whole, gappy = (
        by_group(estimate_shares(p[some], model.prior.shares), model)
        for some in (complete, ~complete)
    )
    group = max(whole, key=lambda g: abs(whole[g] - gappy[g]))
    if abs(whole[group] - gappy[group]) <= _OTHER:
        return []
    return [f"{group} {whole[group]:.0%} by complete, {gappy[group]:.0%} by incomplete detections"]


def _doubt_of_mean(estimated: dict[str, float], mean: dict[str, float]) -> list[str]:
    def is_at_odds(group: str) -> bool:
        low, high = sorted((estimated[group], mean[group]))
        return high - low > _OTHER and high > _TIMES * low

    at_odds = [g for g in mean if is_at_odds(g)]
    return [f"{g} {estimated[g]:.0%}, where the mean probability is {mean[g]:.0%}" for g in at_odds]


def _interval(
    p: np.ndarray, trained: np.ndarray, estimated: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of the shares: percentiles of the estimates of sources drawn anew.

    Of a large table, sources with 20,000 detections are drawn from: the interval is then too wide.
    """
    rng = np.random.default_rng(0)
    _, source = np.unique(source, return_inverse=True)
    n_sources = int(source.max()) + 1
    if len(p) > _MOST:
        rank = rng.permutation(n_sources)[source]
        chosen = np.argsort(rank, kind="stable")[:_MOST]
        p, source = p[chosen], source[chosen]
    # Poisson weights: sources drawn with replacement, all draws at once.
    weight = rng.poisson(1.0, (_DRAWS, n_sources)).T[source].astype(np.float64)
    shares = estimate_shares(p, trained, weight, estimated, tol=1e-4, max_iter=_STEPS)
    low, high = np.percentile(shares, _LEVEL, axis=1)
    return np.minimum(low, estimated), np.maximum(high, estimated)
