"""Which detections of a large table train a model: the labelled ones, and a sample of the others.

The others teach how features are spread: normal scores, the mixtures of all detections, what is
typical. For that a sample is enough.
"""

from __future__ import annotations

import numpy as np

from xsift.model.recognise import hash_features
from xsift.model.sample import Sample
from xsift.model.sums import mixed, name_keys

__all__ = ["OTHERS", "drawn"]

OTHERS = 100_000
"""Detections without a label that train, about: more do not make a better model."""

_ALL = 2**64
_SALT = np.uint64(17)  # the class shares of a table are estimated from other sources


def drawn(sample: Sample, n_of_all: int, others: int = OTHERS) -> np.ndarray:
    """Choose the detections of a part of a table that train, bool of shape (n,).

    All with a label; of the others those of sources with a small hash of the name, whole sources:
    neither the cut of the table nor its order matters. A detection without a name is chosen by its
    features.

    Parameters
    ----------
    sample : Sample
        With labels.
    n_of_all : int
        Detections of the whole table.
    others : int
    """
    is_labelled = np.array([label is not None for label in sample.labels.label], dtype=bool)
    if n_of_all <= others:
        return np.ones(len(sample), dtype=bool)
    values = hash_features(sample.features.values)[0].view(np.uint64)
    key = name_keys(sample.keys["name"].combine_chunks(), values)
    end = np.uint64(_ALL * others // n_of_all)
    salted = mixed(key, np.full(len(key), _SALT))
    return np.asarray(is_labelled | (salted < end))
