"""Plain rules that turn detections into sources, to compare a method's own with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, softmax

from xsift.evaluate.methods import mean_by_source

__all__ = ["FUSIONS", "geometric_mean", "majority", "product"]

_FLOOR = 1e-12


def geometric_mean(p: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the normalised geometric mean of each source's probabilities."""
    mean = mean_by_source(np.log(np.maximum(p, _FLOOR)), source)
    return np.asarray(np.exp(mean - logsumexp(mean, axis=1, keepdims=True)))


def majority(p: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the share of each source's detections that have their highest probability there."""
    ballot = np.zeros(p.shape)
    ballot[np.arange(len(p)), p.argmax(axis=1)] = 1
    return mean_by_source(ballot, source)


def product(p: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the normalised product: what independent detections under equal shares would give."""
    _, n = np.unique(source, return_counts=True)
    mean = mean_by_source(np.log(np.maximum(p, _FLOOR)), source)
    return np.asarray(softmax(mean * n[:, None], axis=1))


FUSIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": mean_by_source,
    "geometric_mean": geometric_mean,
    "majority": majority,
    "product": product,
}
"""Rules by name: each takes (n, C) probabilities and (n,) sources, and gives one row per source."""
