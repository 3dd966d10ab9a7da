"""The table that a validation works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xsift.classes import BANDS, Classes

__all__ = ["Sample", "is_certain_other", "types_to_hold_out"]

# Types that may well be one of the classes: a galaxy with an active nucleus by another name.
_LIKE_AN_AGN = frozenset({"BLL", "Bla", "LIN", "rG", "SyG", "G", "LeQ"})


@dataclass(frozen=True, eq=False)
class Sample:
    """Detections with what is known of them, in an order that the file's does not change.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Raw features; NaN where missing or impossible.
    y : ndarray of int, shape (n,)
        Class index; -1 for none.
    other : ndarray of object, shape (n,)
        Code of the type, where it is certainly none of the classes; else None.
    source : ndarray of int, shape (n,)
    unit : ndarray of int, shape (n,)
        Sources that share a detection are one unit.
    detection : ndarray of int, shape (n,)
        Rows of one number are one detection.
    along : ndarray of shape (n,)
        What runs along the sky.
    classes : Classes
    """

    X: np.ndarray
    y: np.ndarray
    other: np.ndarray
    source: np.ndarray
    unit: np.ndarray
    detection: np.ndarray
    along: np.ndarray
    classes: Classes

    @property
    def is_other(self) -> np.ndarray:
        """Which rows are known to be of another type, bool of shape (n,)."""
        return np.array([t is not None for t in self.other], dtype=bool)

    def source_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sources and the class of each: -1 where no detection has a label.

        A source with two labels has that of most of its detections; of equally frequent ones the
        first in the order of the classes.
        """
        sources, of = np.unique(self.source, return_inverse=True)
        n_classes = len(self.classes)
        known = self.y >= 0
        votes = np.zeros((len(sources), n_classes), dtype=np.int64)
        np.add.at(votes, (of[known], self.y[known]), 1)
        return sources, np.asarray(np.where(votes.any(axis=1), votes.argmax(axis=1), -1))


def is_certain_other(code: str | None, classes: Classes) -> bool:
    """Tell whether a type is certainly none of the classes.

    Ambiguous types (``X``, ``Star``), wavelength bands, candidates, and types that another observer
    might have called an active nucleus (``BLLac``, ``LINER``, ``Galaxy``) are not.
    """
    if code is None or code in classes.codes or code in classes.ambiguous:
        return False
    return not (code in BANDS or code in _LIKE_AN_AGN or code.endswith("?"))


def types_to_hold_out(sample: Sample, at_least: int) -> tuple[str, ...]:
    """List the other types with at least so many sources, most sources first."""
    sources = {
        t: len(np.unique(sample.source[sample.other == t]))
        for t in {t for t in sample.other if t is not None}
    }
    chosen = [t for t, n in sources.items() if n >= at_least]
    return tuple(sorted(chosen, key=lambda t: (-sources[t], t)))
