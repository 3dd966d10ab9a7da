"""A map of the feature space: the two directions in which the sources differ most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["FeatureMap", "feature_map"]

_MOST_MISSING = 0.5
_FARTHEST = 4.0


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Principal components of a table of features.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Rows that have every feature of the map.
    xy : ndarray of shape (m, 2)
    explained : ndarray of shape (2,)
        Share of the variance along each component.
    weights : ndarray of shape (2, d)
        Weight of each feature in each component.
    features : tuple of str
        Features of the map.
    left_out : tuple of str
        Features that too few rows have, or that are constant.
    """

    rows: np.ndarray
    xy: np.ndarray
    explained: np.ndarray
    weights: np.ndarray
    features: tuple[str, ...]
    left_out: tuple[str, ...]


def feature_map(values: Mapping[str, np.ndarray]) -> FeatureMap | None:
    """Project the rows onto the two principal components of their features.

    Nothing is imputed. First, features that more than half of the rows lack are left out. Then
    rows that lack a remaining feature are left out. Each feature is centred on its median and
    divided by half the range of its middle 68 %. The results are clipped at 4.

    Parameters
    ----------
    values : mapping of str to ndarray of shape (n,)
        Values on the scales of the figures. Missing values are NaN.

    Returns
    -------
    FeatureMap or None
        None if fewer than two features or three rows remain. The sign of each component makes its
        largest weight positive.
    """
    from sklearn.decomposition import PCA

    n = max((len(v) for v in values.values()), default=0)
    kept, columns = [], []
    for name, column in values.items():
        known = column[np.isfinite(column)]
        if len(known) < max((1 - _MOST_MISSING) * n, 3):
            continue
        low, middle, high = np.quantile(known, [0.16, 0.5, 0.84])
        width = (high - low) / 2 or float(np.std(known))
        if width > 0:
            kept.append(name)
            columns.append(np.clip((column - middle) / width, -_FARTHEST, _FARTHEST))
    if len(kept) < 2:
        return None
    X = np.column_stack(columns)
    rows = np.flatnonzero(np.isfinite(X).all(axis=1))
    if len(rows) < 3:
        return None
    found = PCA(2, svd_solver="full").fit(X[rows])
    largest = np.take_along_axis(
        found.components_, np.abs(found.components_).argmax(axis=1)[:, np.newaxis], axis=1
    )
    turn = np.sign(largest)
    return FeatureMap(
        rows,
        found.transform(X[rows]) * turn.T,
        found.explained_variance_ratio_,
        found.components_ * turn,
        tuple(kept),
        tuple(name for name in values if name not in kept),
    )
