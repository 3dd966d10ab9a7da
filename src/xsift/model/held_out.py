"""What experts say of the training detections whose source they never saw."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from xsift.classes import Classes
from xsift.model.validation import NONE, ValidationTree, validation_of

__all__ = ["HeldOut", "validations_of"]


class HeldOut(NamedTuple):
    """What experts that never saw their source say of detections.

    Attributes
    ----------
    p, crossed : ndarray of shape (k, G)
        Probabilities of the plain groups and, where others are known, of these and of none, as in
        `Unseen`.
    group : ndarray of int, shape (k,)
        The true one.
    unit, source : ndarray of int, shape (k,)
        What stood on one side of the splits, and the source.
    weight : ndarray of shape (k,)
    n_plain : int
        The first so many groups are plain.
    """

    p: np.ndarray
    crossed: np.ndarray
    group: np.ndarray
    unit: np.ndarray
    source: np.ndarray
    weight: np.ndarray
    n_plain: int

    def in_sets(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return probabilities, true group and unit with all but the plain groups as one."""
        p = self.p
        if p.shape[1] > self.n_plain:
            p = np.column_stack([p[:, : self.n_plain], p[:, self.n_plain :].sum(axis=1)])
        return p, np.minimum(self.group, self.n_plain), self.unit


def validations_of(held_out: tuple[HeldOut, ...], classes: Classes) -> tuple[ValidationTree, ...]:
    """Return the curves of all detections or, where counts matter, of faint and of bright ones."""
    whose: tuple[Literal["faint", "bright", "all"], ...] = ("faint", "bright")
    return tuple(
        validation_of(
            *(found.crossed, found.group, found.source, found.weight),
            *((*classes.groups, NONE), of),
        )
        for found, of in zip(held_out, whose if len(held_out) > 1 else ("all",), strict=True)
    )
