"""What a model's own validation says of each group: reliability, purity and completeness.

Training judges each labelled detection by experts that never saw its source. The curves of these
probabilities go into the model file as sums, some hundred numbers for each group.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from xsift.model.schema_parts import Array, Strict, want
from xsift.score.calibrated import FOLDS

__all__ = ["NONE", "N_BINS", "THRESHOLDS", "ValidationTree", "validation_of"]

NONE = "none"
"""Name of none of the classes, the last of the groups where the model has learned of it."""

N_BINS = 10
THRESHOLDS = (*(k / 20 for k in range(20)), 0.98, 0.99)


class ValidationTree(Strict):
    """Sums over held-out detections; G groups.

    Detections weigh as in training, so that the sums have the class shares of training: by
    1 / sqrt(detections of the source). The weights are scaled to sum to the effective number of
    sources, (sum of W)^2 / sum of W^2 for sources of weight W. Purity at a threshold is
    `right_above` / `above`, completeness `right_above` / `right_above` at threshold 0. Groups
    without a source are left out.

    Attributes
    ----------
    of : {"all", "bright", "faint"}
        Bright: the detections as they are. Faint: those of few counts, as they are or made by
        training. All: counts do not matter to the model.
    groups : list of str
    detections, sources, folds : int
        What it was measured on.
    n, p, right : ndarray of shape (G, bins)
        By equal bins of the probability: sources, sum of the probability, sources of the group.
    thresholds : ndarray of shape (T,)
        Rising from 0.
    above, right_above : ndarray of shape (G, T)
        Sources with a probability of the threshold and more, and those of them of the group.
    """

    of: Literal["all", "bright", "faint"]
    groups: list[str] = Field(max_length=200)
    detections: int = Field(ge=0)
    sources: int = Field(ge=0)
    folds: int = Field(ge=2)
    n: Array
    p: Array
    right: Array
    thresholds: Array
    above: Array
    right_above: Array

    @model_validator(mode="after")
    def _sound(self) -> ValidationTree:
        G, T = len(self.groups), len(np.atleast_1d(self.thresholds))
        for name in ("n", "p", "right"):
            want(name, getattr(self, name).shape, (G, N_BINS))
        want("thresholds", self.thresholds.shape, (T,))
        for name in ("above", "right_above"):
            want(name, getattr(self, name).shape, (G, T))
        if not T or self.thresholds[0] != 0 or (np.diff(self.thresholds) <= 0).any():
            raise ValueError("thresholds are to rise from 0")
        for part, whole in (("right", "n"), ("p", "n"), ("right_above", "above")):
            low, high = getattr(self, part), getattr(self, whole)
            if (low < 0).any() or (low > high + 1e-6).any():
                raise ValueError(f"{part} are to be from 0 to {whole}")
        for name in ("above", "right_above"):
            if (np.diff(getattr(self, name), axis=1) > 1e-6).any():
                raise ValueError(f"{name} are to fall")
        return self


def validation_of(
    p: np.ndarray,
    group: np.ndarray,
    source: np.ndarray,
    weight: np.ndarray,
    names: tuple[str, ...],
    of: Literal["all", "bright", "faint"] = "all",
) -> ValidationTree:
    """Sum up held-out probabilities.

    Parameters
    ----------
    p : ndarray of shape (k, G)
        Of each group.
    group, source : ndarray of int, shape (k,)
        The true group, and the source.
    weight : ndarray of shape (k,)
        Of the detection in training.
    names : tuple of str
        Of the groups, as many at least.
    of : {"all", "bright", "faint"}
    """
    sources, code = np.unique(source, return_inverse=True)
    of_source = np.bincount(code, weight, len(sources))
    weight = weight * of_source.sum() / (of_source @ of_source)
    at = np.array(THRESHOLDS)
    there = [g for g in range(p.shape[1]) if (group == g).any()]
    sums = []
    for g in there:
        q = np.clip(p[:, g], 0.0, 1.0)
        mine, right = np.minimum((q * N_BINS).astype(np.int64), N_BINS - 1), weight * (group == g)
        by_bin = [np.bincount(mine, w, N_BINS) for w in (weight, weight * q, right)]
        reached = np.searchsorted(at, q, "right") - 1
        reached_by = (np.bincount(reached, w, len(at)) for w in (weight, right))
        sums.append([*by_bin, *(np.cumsum(w[::-1])[::-1] for w in reached_by)])
    n, total, right, above, right_above = (
        np.array([s[k] for s in sums]).reshape(len(there), -1) for k in range(5)
    )
    return ValidationTree(
        **{"of": of, "groups": [names[g] for g in there]},
        **{"detections": len(p), "sources": len(sources)},
        folds=max(2, min(FOLDS, len(sources))),
        **{"n": n, "p": total, "right": right, "thresholds": at},
        **{"above": above, "right_above": right_above},
    )
