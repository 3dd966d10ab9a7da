"""The place of a source's features among those of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.features import FeatureTable

__all__ = ["Standing", "standing_of"]

_FEWEST = 10


@dataclass(frozen=True, eq=False)
class Standing:
    """The features of a source's detections and of all other detections of the catalogue.

    Attributes
    ----------
    features : tuple of str
    groups : tuple of str
        Those with members to stand among.
    basis : str
        ``known``: the groups hold the known objects that trained; ``classified``: a catalogue
        without such, and the groups hold what it classified.
    X : ndarray of shape (k, d)
        Of the source's detections; NaN where missing or not possible.
    others : ndarray of shape (n, d)
    group : ndarray of str, shape (n,)
        Of the others.
    """

    features: tuple[str, ...]
    groups: tuple[str, ...]
    basis: str
    X: np.ndarray
    others: np.ndarray
    group: np.ndarray

    def percentile(self, feature: str, group: str) -> float:
        """Return the percentage of a group's values below the source's median; ties count half.

        NaN where the source lacks the feature, or fewer than ten of the group have it.
        """
        j = self.features.index(feature)
        own = self.X[:, j][np.isfinite(self.X[:, j])]
        theirs = self.others[self.group == group, j]
        theirs = theirs[np.isfinite(theirs)]
        if not len(own) or len(theirs) < _FEWEST:
            return float("nan")
        middle = np.median(own)
        below = (theirs < middle).sum() + (theirs == middle).sum() / 2
        return float(100 * below / len(theirs))

    def as_dict(self) -> dict[str, Any]:
        """Return the source's values and percentiles, by feature, for JSON."""
        found: dict[str, Any] = {"basis": self.basis, "features": {}}
        for j, name in enumerate(self.features):
            values = self.X[:, j]
            ranks = {group: _or_none(self.percentile(name, group)) for group in self.groups}
            found["features"][name] = {
                "values": [_or_none(x) for x in values.tolist()],
                "percentile": ranks,
            }
        return found


def standing_of(features: FeatureTable, table: pa.Table, mine: np.ndarray) -> Standing:
    """Compare a source with the other detections of its catalogue.

    Parameters
    ----------
    features : FeatureTable
        Of all detections of the catalogue.
    table : pyarrow.Table
        The detections, with ``role`` and ``group``, and ``label_group``: the group of the label.
    mine : ndarray of bool, shape (n,)
        Which of them are the source's.
    """
    by_label = np.array(table["label_group"].to_pylist(), dtype=object)
    # Where a trained model classified, those that trained it have no label here.
    is_known = (np.array(table["role"].to_pylist()) == "trained") & np.array(
        [g is not None for g in by_label]
    )
    by_verdict = np.array(table["group"].to_pylist(), dtype=object)
    basis = "known" if (is_known & ~mine).any() else "classified"
    group = by_verdict
    if basis == "known":
        group = by_label
        group[~is_known] = None
    rows = ~mine & np.array([g is not None for g in group])
    X = features.values
    groups = tuple(dict.fromkeys(sorted(group[rows].tolist())))
    return Standing(features.names, groups, basis, X[mine], X[rows], group[rows])


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
