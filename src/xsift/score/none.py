"""None of the classes: how much a detection looks like things of other types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, logsumexp

from xsift.score.calibrated import Evidence
from xsift.score.trees import Trees, boost

__all__ = ["NONE_SHARE", "NoneScorer", "excess_entropy", "fit_none"]

NONE_SHARE = 0.01
"""Share of detections of no class under which `p_none` holds, unless another prior is given.

Labelled detections all have a class: their shares say nothing of it. This is stated, not learned.
"""

_DOUBT = 0.8  # what a nat of doubt between the classes adds to the log-odds (scoring notes)
_SUREST = np.log(1e6)  # odds by the density alone, where every class is a group of its own
_FEWEST = 30
_SOURCES = 30


@dataclass(frozen=True, eq=False)
class NoneScorer:
    """Odds that a detection is of none of the classes.

    Attributes
    ----------
    trees : Trees or None
        Of the groups of classes and, after them, the types outside the classes: what makes one
        other type unlike a group tells more of types never seen than what they have in common.
        None where too few are known: then a detection is compared with what it would be if its
        features had nothing to do with each other.
    n_groups : int
    share : float
        Share of other types among the detections that trained.
    """

    trees: Trees | None
    n_groups: int
    share: float

    def log_odds(
        self, evidence: Evidence, log_density: np.ndarray, doubt: np.ndarray
    ) -> np.ndarray:
        """Return the logarithm of p(x | none) / p(x | a class), shape (n,).

        Parameters
        ----------
        evidence : Evidence
        log_density : ndarray of shape (n,)
            Under the mixture of all detections.
        doubt : ndarray of shape (n,)
            Between the classes, as `excess_entropy` gives it. What is like no class leaves doubt:
            that holds of types never seen, too.
        """
        if self.trees is None:
            Z = evidence.Z
            apart = -0.5 * np.nansum(Z**2 + np.log(2 * np.pi), axis=1)
            odds = apart - log_density
            if evidence.p_class.shape[1] == self.n_groups:
                # The misfit of a density adds up over features: of many, it would leave the classes
                # nothing at all, and with that no order.
                odds = odds.clip(-_SUREST, _SUREST)
            return np.asarray(odds)
        raw = self.trees.raw_scores(evidence.features)
        other = logsumexp(raw[:, self.n_groups :], axis=1)
        odds = other - logsumexp(raw[:, : self.n_groups], axis=1) - logit(self.share)
        return np.asarray(odds + _DOUBT * doubt)

    def predict(
        self,
        evidence: Evidence,
        log_density: np.ndarray,
        doubt: np.ndarray,
        none_share: float = NONE_SHARE,
    ) -> np.ndarray:
        """Return the probability of none of the classes, shape (n,)."""
        odds = self.log_odds(evidence, log_density, doubt)
        return np.asarray(expit(odds + logit(none_share)))


def excess_entropy(p_class: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the entropy of class probabilities, less that of the class shares, shape (n,).

    In nats: 0 where nothing is known of a detection, lower the surer its class is.

    Parameters
    ----------
    p_class : ndarray of shape (n, C)
        Of the classes, if it is one of them.
    shares : ndarray of shape (C,)
    """
    return np.asarray(_entropy(p_class) - _entropy(shares[None]))


def fit_none(
    evidence: Evidence,
    y: np.ndarray,
    group: np.ndarray,
    other: np.ndarray,
    weight: np.ndarray,
    source: np.ndarray,
    seed: int,
) -> NoneScorer:
    """Learn what other types look like.

    Parameters
    ----------
    evidence : Evidence
        Of labelled detections and of those known to be of other types.
    y : ndarray of int, shape (n,)
        Class index; -1 where there is none.
    group : ndarray of int, shape (C,)
        Group of each class.
    other : ndarray of object, shape (n,)
        Type, where it is none of the classes; else None. Types of 30 sources at least are told
        apart, all others are one.
    weight : ndarray of shape (n,)
    source : ndarray of int, shape (n,)
    seed : int
    """
    n_groups, is_other = int(group.max()) + 1, y < 0
    if is_other.sum() < _FEWEST:
        return NoneScorer(None, n_groups, NONE_SHARE)
    output, n = np.where(is_other, -1, group[y]), n_groups
    for code in sorted(set(other[is_other])):
        if len(np.unique(source[other == code])) >= _SOURCES:
            output[other == code], n = n, n + 1
    output[output < 0] = n
    trees = boost(
        *(evidence.features, output, weight, int(output.max()) + 1, (seed, seed + 1)),
        max_iter=80,
        learning_rate=0.08,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(is_other.sum() // 30, 5, 30)),
        l2_regularization=5.0,
        max_features=0.3,
    )
    return NoneScorer(trees, n_groups, float(weight[is_other].sum() / weight.sum()))


def _entropy(p: np.ndarray) -> np.ndarray:
    # Column by column: numpy sums a single row in another order, and its last bits would differ.
    total = np.zeros(len(p))
    for column in p.T:
        total -= column * np.log(np.maximum(column, 1e-12))
    return total
