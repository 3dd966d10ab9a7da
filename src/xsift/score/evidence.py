"""What is known of detections when they are scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xsift.score.softmax import normalised

__all__ = ["LEAST", "SCALE", "Evidence", "log_of"]

SCALE = 0.3
"""Of the normal scores beside the roots of responsibilities, in the logistic regression."""

LEAST = 1e-4
"""The lowest probability that an expert is taken to mean."""

_TINY = 1e-30  # no class at all: the classes share alike


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of detections when they are scored.

    Attributes
    ----------
    Z : ndarray of shape (n, d)
        Normal scores of the features; NaN is missing.
    p_class : ndarray of shape (n, C)
        Posterior of the class mixtures. For detections that train: of mixtures that never saw
        their source.
    responsibilities : ndarray of shape (n, M), or None
        Of the components of mixtures of all detections, labelled or not. None where the regression
        has been worked out from them already.
    faint : ndarray of shape (n, 1), or None
        How faint detections are: the lower, the fainter, 1 where they are as good as exact. None
        where that does not matter.
    """

    Z: np.ndarray
    p_class: np.ndarray
    responsibilities: np.ndarray | None
    faint: np.ndarray | None = None

    def among(self, n_classes: int) -> Evidence:
        """Return the evidence where a detection is of one of the first classes."""
        if n_classes == self.p_class.shape[1]:
            return self
        p = normalised(np.maximum(self.p_class[:, :n_classes], _TINY))
        return Evidence(self.Z, p, self.responsibilities, self.faint)

    def take(self, rows: np.ndarray | slice) -> Evidence:
        """Return the evidence of some rows."""
        r, faint = self.responsibilities, self.faint
        return Evidence(
            self.Z[rows],
            self.p_class[rows],
            None if r is None else r[rows],
            None if faint is None else faint[rows],
        )

    @property
    def looked_at(self) -> np.ndarray:
        """Normal scores and, where it matters, faintness: shape (n, d) or (n, d + 1)."""
        return self.Z if self.faint is None else np.hstack([self.Z, self.faint])

    @cached_property
    def features(self) -> np.ndarray:
        """What the trees look at: normal scores, and logarithms of the posterior."""
        looked_at = self.looked_at
        d = looked_at.shape[1]
        features = np.empty((len(self.Z), d + self.p_class.shape[1]), np.float32, order="F")
        features[:, :d], features[:, d:] = looked_at, log_of(self.p_class)
        return features

    @property
    def coordinates(self) -> np.ndarray:
        """What the logistic regression looks at, NaN nowhere."""
        assert self.responsibilities is not None
        # Square roots: distances between them are Hellinger's, and bounded.
        scores = SCALE * np.nan_to_num(self.looked_at)
        return np.column_stack([scores, np.sqrt(self.responsibilities)])

    @cached_property
    def lacks(self) -> np.ndarray:
        """What a detection lacks, shape (n, 1) or (n, 2): share of the features, and brightness."""
        missing = np.isnan(self.Z).mean(axis=1)
        return (
            missing[:, None] if self.faint is None else np.column_stack([missing, 1 - self.faint])
        )


def log_of(p: np.ndarray) -> np.ndarray:
    """Return the logarithm of probabilities, none of them below `LEAST`."""
    p = normalised(np.maximum(p, LEAST))
    return np.asarray(np.log(p, out=p))
