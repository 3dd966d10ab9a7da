"""None of the classes: how much a detection looks like things of other types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from xsift.score.calibrated import Evidence
from xsift.score.trees import Trees, boost

__all__ = ["NONE_SHARE", "NoneScorer", "fit_none"]

NONE_SHARE = 0.01
"""Share of detections of no class under which `p_none` holds, unless another prior is given.

Labelled detections all have a class: their shares say nothing of it. This is stated, not learned.
"""

_FEWEST = 30


@dataclass(frozen=True, eq=False)
class NoneScorer:
    """Odds that a detection is of none of the classes.

    Attributes
    ----------
    trees : Trees or None
        Known types outside the classes against the classes. None where too few are known: then a
        detection is compared with what it would be if its features had nothing to do with each
        other.
    share : float
        Share of other types among the detections that trained.
    """

    trees: Trees | None
    share: float

    def log_odds(self, evidence: Evidence, log_density: np.ndarray) -> np.ndarray:
        """Return the logarithm of p(x | none) / p(x | a class), shape (n,).

        Parameters
        ----------
        evidence : Evidence
        log_density : ndarray of shape (n,)
            Under the mixture of all detections.
        """
        if self.trees is None:
            Z = evidence.Z
            apart = -0.5 * np.nansum(Z**2 + np.log(2 * np.pi), axis=1)
            return np.asarray(apart - log_density)
        raw = self.trees.raw_scores(evidence.features)
        return np.asarray(raw[:, 1] - raw[:, 0] - logit(self.share))

    def predict(
        self, evidence: Evidence, log_density: np.ndarray, none_share: float = NONE_SHARE
    ) -> np.ndarray:
        """Return the probability of none of the classes, shape (n,)."""
        return np.asarray(expit(self.log_odds(evidence, log_density) + logit(none_share)))


def fit_none(evidence: Evidence, is_other: np.ndarray, weight: np.ndarray, seed: int) -> NoneScorer:
    """Learn what other types look like.

    Parameters
    ----------
    evidence : Evidence
        Of labelled detections and of those known to be of other types.
    is_other : ndarray of bool, shape (n,)
    weight : ndarray of shape (n,)
    seed : int
    """
    if is_other.sum() < _FEWEST:
        return NoneScorer(None, NONE_SHARE)
    trees = boost(
        *(evidence.features, is_other.astype(np.int64), weight, 2, (seed, seed + 1)),
        max_iter=120,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(is_other.sum() // 30, 5, 30)),
        l2_regularization=5.0,
        max_features=0.5,
    )
    return NoneScorer(trees, float(weight[is_other].sum() / weight.sum()))
