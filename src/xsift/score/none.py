"""None of the classes: how much a detection looks like things of other types."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from xsift.score.calibrated import CalibratedScorer, Evidence

__all__ = ["NONE_SHARE", "excess_entropy", "none_by_density", "opened_to"]

NONE_SHARE = 0.01
"""Share of detections of no class where training knew no detection of another type.

This is stated, not learned: labelled detections that all have a class say nothing of it.
"""

_DOUBT = 0.8  # what a nat of doubt between the classes adds to the log-odds (scoring notes)
_SUREST = np.log(1e6)  # odds by the density alone, where every class is a group of its own


def opened_to(
    opened: CalibratedScorer,
    evidence: Evidence,
    raw: np.ndarray,
    p_plain: np.ndarray,
    n_groups: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Open the plain classes to the kinds beside them.

    Parameters
    ----------
    opened : CalibratedScorer
        Of all groups, none of the classes last.
    evidence : Evidence
    raw : ndarray of shape (n, G)
        Raw scores of its regression.
    p_plain : ndarray of shape (n, C)
        P(class | a plain class).
    n_groups : int
        Groups of plain classes: the first.

    Returns
    -------
    p : ndarray of shape (n, classes)
    p_none : ndarray of shape (n,)
    """
    p_group = opened.group_probabilities(evidence, raw)
    is_plain = np.zeros(len(p_group))
    for column in p_group.T[:n_groups]:  # in this order whatever the number of rows
        is_plain += column
    p = np.empty((len(p_group), len(opened.group) - 1), order="F")
    for k, column in enumerate(p_plain.T):
        np.multiply(column, is_plain, out=p[:, k])
    for g in range(n_groups, p_group.shape[1] - 1):
        own = np.flatnonzero(opened.group == g)
        for at, share in zip(own, opened.shares_within(g, evidence).T, strict=True):
            np.multiply(p_group[:, g], share, out=p[:, at])
    return p, p_group[:, -1]


def none_by_density(Z: np.ndarray, log_density: np.ndarray, shares_groups: bool) -> np.ndarray:
    """Return the probability of none of the classes, shape (n,), where other types are not known.

    A detection is compared with what it would be if its features had nothing to do with each other.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Normal scores; NaN is missing.
    log_density : ndarray of shape (n,)
        Under the mixture of all detections.
    shares_groups : bool
        Whether classes share groups.
    """
    apart = -0.5 * np.nansum(Z**2 + np.log(2 * np.pi), axis=1)
    odds = apart - log_density
    if not shares_groups:
        # The misfit of a density adds up over features: of many, it would leave the classes
        # nothing at all, and with that no order.
        odds = odds.clip(-_SUREST, _SUREST)
    return np.asarray(expit(odds + logit(NONE_SHARE)))


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


def _entropy(p: np.ndarray) -> np.ndarray:
    # Column by column: numpy sums a single row in another order, and its last bits would differ.
    total = np.zeros(len(p))
    for column in p.T:
        total -= column * np.log(np.maximum(column, 1e-12))
    return total
