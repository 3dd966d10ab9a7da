"""The open world: kinds of source beside the plain classes, and none of the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from xsift.score.calibrated import CalibratedScorer
from xsift.score.evidence import Evidence

__all__ = ["NONE_SHARE", "OpenScorer", "none_by_density"]

NONE_SHARE = 0.01
"""Share of detections of no class where training knew no detection of another type.

This is stated, not learned: labelled detections that all have a class say nothing of it.
"""

_SUREST = np.log(1e6)  # odds by the density alone, where every class is a group of its own


@dataclass(frozen=True, eq=False)
class OpenScorer:
    """Probabilities of the plain classes, opened to the kinds beside them.

    Attributes
    ----------
    plain : CalibratedScorer
        Of the plain classes.
    opened : CalibratedScorer or None
        Of all groups, those of classes apart and, last, none of the classes. None where no kind
        beside the plain classes trained.
    thresholds : ndarray of shape (G,), or None
        Of the sets of groups (`xsift.score.conformal`): of the groups of `plain` and, where
        `opened` is, of all else.
    """

    plain: CalibratedScorer
    opened: CalibratedScorer | None
    thresholds: np.ndarray | None = None

    @property
    def n_groups(self) -> int:
        """Number of groups of plain classes."""
        return len(self.plain.within)

    @property
    def slope(self) -> np.ndarray:
        """Of the regressions, side by side: first the plain groups, then all."""
        return np.hstack([s.slope for s in (self.plain, self.opened) if s is not None])

    @property
    def intercept(self) -> np.ndarray:
        """Of the regressions, as `slope`."""
        return np.concatenate([s.intercept for s in (self.plain, self.opened) if s is not None])

    def plain_probabilities(self, evidence: Evidence, raw: np.ndarray) -> np.ndarray:
        """Return P(class | a plain class), shape (n, C).

        Parameters
        ----------
        evidence : Evidence
        raw : ndarray
            Raw scores of the regressions, as `slope` and `intercept` give them.
        """
        part = evidence.among(len(self.plain.group))
        return self.plain.predict_proba(part, raw[:, : self.n_groups])

    def probabilities(
        self, evidence: Evidence, raw: np.ndarray, log_density: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the probability of each class, plain ones first, and of none of them.

        Parameters
        ----------
        evidence, raw
            As in `plain_probabilities`.
        log_density : ndarray of shape (n,)
            Of the features under the mixture of all detections.

        Returns
        -------
        p : ndarray of shape (n, classes)
        p_none : ndarray of shape (n,)
        """
        p_plain = self.plain_probabilities(evidence, raw)
        if self.opened is None:
            shares_groups = self.n_groups < len(self.plain.group)
            none = none_by_density(evidence.Z, log_density, shares_groups)
            return p_plain * (1 - none)[:, None], none
        p_group = self.opened.group_probabilities(evidence, raw[:, self.n_groups :])
        is_plain = np.zeros(len(p_group))
        for column in p_group.T[: self.n_groups]:  # in this order whatever the number of rows
            is_plain += column
        p = np.empty((len(p_group), len(self.opened.group) - 1), order="F")
        for k, column in enumerate(p_plain.T):
            np.multiply(column, is_plain, out=p[:, k])
        for g in range(self.n_groups, p_group.shape[1] - 1):
            own = np.flatnonzero(self.opened.group == g)
            for at, share in zip(own, self.opened.shares_within(g, evidence).T, strict=True):
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
