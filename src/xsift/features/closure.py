"""Hardness ratios that belong together, and what becomes of them where they do not.

With counts h, m, s in three bands, atanh(hard_hm) = ln(h / m) / 2, and likewise for the others: so
atanh(hm) + atanh(ms) = atanh(hs), exactly, for three ratios of one spectrum. Where a table mixes
ratios of a detection with ratios of its source, the mismatch tells how the source was observed, and
not what it is: a model may learn the number of detections from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["close_hardness", "columns_that_close", "mismatch"]

_LIMIT = 0.9995  # a ratio of exactly 1 has no finite inverse hyperbolic tangent
_SATURATED = 0.99  # a band next to empty: such ratios do not close, of one spectrum either


def columns_that_close(
    closure: tuple[str, str, str] | None, names: Sequence[str]
) -> tuple[int, int, int] | None:
    """Return the indices of the ratios hm, ms and hs of a survey in the features `names`.

    None where the survey names no such ratios, or one of them is not a feature here.
    """
    if closure is None or not set(closure) <= set(names):
        return None
    hm, ms, hs = (tuple(names).index(name) for name in closure)
    return hm, ms, hs


def mismatch(X: np.ndarray, at: tuple[int, int, int]) -> np.ndarray:
    """Return atanh(hm) + atanh(ms) - atanh(hs) of each row, NaN where one is missing.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Raw features.
    at : tuple of three int
        Columns of hm, ms and hs.
    """
    hm, ms, hs = np.arctanh(X[:, at].clip(-_LIMIT, _LIMIT)).T
    return np.asarray(hm + ms - hs)


def close_hardness(X: np.ndarray, at: tuple[int, int, int] | None, closing: str) -> np.ndarray:
    """Add the mismatch of the hardness ratios as a feature, or remove it from the ratios.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Raw features; NaN is missing.
    at : tuple of three int, or None
        Columns of hm, ms and hs; None where the table has not all three.
    closing : {"keep", "remove"}
        keep: one more column, the mismatch. remove: a third of it is taken from each ratio, which
        then close; ratios of one spectrum stay as they are. Nothing is done where one is missing,
        or beyond 0.99 in size.

    Returns
    -------
    ndarray of shape (n, d + 1) or (n, d)
        Removed, the three columns hold inverse hyperbolic tangents.
    """
    if at is None:
        return X
    if closing == "keep":
        return np.column_stack([X, mismatch(X, at)])
    is_saturated = (np.abs(X[:, at]) > _SATURATED).any(axis=1)
    part = np.where(is_saturated, 0.0, np.nan_to_num(mismatch(X, at))) / 3
    closed = X.copy()
    for j, sign in zip(at, (-1, -1, 1), strict=True):
        closed[:, j] = np.arctanh(X[:, j].clip(-_LIMIT, _LIMIT)) + sign * part
    return closed
