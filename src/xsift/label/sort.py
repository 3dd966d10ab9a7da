"""Sort labels: which can train, which count as none, which are set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xsift.classes import UNKNOWN, Classes, is_certain_other

__all__ = ["Labels", "sort_labels", "with_types", "without_apart"]


@dataclass(frozen=True)
class Labels:
    """The labels of detections, and their use in training.

    Attributes
    ----------
    label : list of (str or None)
        Codes.
    y : ndarray of int, shape (n,)
        Index of the class among the model's; -1 for none.
    is_ambiguous, is_other : ndarray of bool, shape (n,)
        The label says nothing of the class (``X``, ``Star``, ``Unknown``); is a type that the model
        has not.
    """

    label: Sequence[str | None]
    y: np.ndarray
    is_ambiguous: np.ndarray
    is_other: np.ndarray

    def counts(self, rows: np.ndarray) -> dict[str, int]:
        """Count the labels among the detections that `rows` selects, most frequent first."""
        chosen = Counter(c for c, wanted in zip(self.label, rows, strict=True) if wanted)
        chosen.pop(None, None)
        return {str(k): n for k, n in sorted(chosen.items(), key=lambda item: (-item[1], item[0]))}


def sort_labels(label: Sequence[str | None], classes: Classes) -> Labels:
    """Sort labels into the model's classes, ambiguous types and others (paper, its labels).

    Parameters
    ----------
    label : sequence of (str or None)
        Codes, one per detection.
    classes : Classes
    """
    index = classes.index_of_type
    ambiguous = {*classes.ambiguous, UNKNOWN} - set(index)
    y = np.array([index.get(code, -1) if code else -1 for code in label], dtype=np.int64)
    is_ambiguous = np.array([code in ambiguous for code in label], dtype=bool)
    is_other = np.array([code is not None for code in label], dtype=bool) & (y < 0) & ~is_ambiguous
    return Labels(label, y, is_ambiguous, is_other)


def with_types(labels: Labels, types: Sequence[str | None], classes: Classes) -> Labels:
    """Label unlabelled detections by their type, if it is a class apart or another type.

    A type that counts as a plain class labels nothing: labels alone say which detections are known
    to be of it. So labels that were withheld stay so.

    Parameters
    ----------
    labels : Labels
    types : sequence of (str or None)
        Codes, one per detection, of whatever kind.
    classes : Classes
    """
    index = {t: i for t, i in classes.index_of_type.items() if i >= classes.n_plain}
    other = {t for t in set(types) if is_certain_other(t, classes)}
    label, y, is_other = list(labels.label), labels.y.copy(), labels.is_other.copy()
    for row, code in enumerate(types):
        if label[row] is None and code is not None and (code in index or code in other):
            label[row], y[row], is_other[row] = code, index.get(code, -1), code in other
    return Labels(label, y, labels.is_ambiguous, is_other)


def without_apart(labels: Labels, classes: Classes) -> Labels:
    """Return the labels for a model that knows the plain classes alone: the others are other types.

    Parameters
    ----------
    labels : Labels
    classes : Classes
    """
    is_apart = labels.y >= classes.n_plain
    return replace(labels, y=np.where(is_apart, -1, labels.y), is_other=labels.is_other | is_apart)
