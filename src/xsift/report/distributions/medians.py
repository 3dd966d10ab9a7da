"""What the classes look like in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

__all__ = ["class_medians"]


def class_medians(
    features: Mapping[str, np.ndarray],
    b_deg: np.ndarray | None,
    populations: Sequence[tuple[str, str, np.ndarray]],
) -> pa.Table:
    """Return each population's median features, and the shares that the paper quotes.

    Parameters
    ----------
    features : mapping of str to ndarray of shape (n,)
        Missing values are NaN.
    b_deg : ndarray of shape (n,), optional
        Galactic latitude.
    populations : sequence of (str, str, ndarray of bool)
        Level (``group``, ``class``), name, members.

    Returns
    -------
    pyarrow.Table
        ``level``, ``name``, ``sources`` and a column per feature. With latitudes, also
        ``below_5_deg`` and ``below_10_deg``: shares of the sources with a position. With the
        feature ``var_prob_b``, also ``variable``: the share above 0.9 among sources that have it.
        Unknown values are NaN.
    """
    members = [m for _, _, m in populations]
    columns: dict[str, object] = {
        "level": pa.array([level for level, _, _ in populations], pa.string()),
        "name": pa.array([name for _, name, _ in populations], pa.string()),
        "sources": [int(m.sum()) for m in members],
    }
    for feature, values in features.items():
        # A feature of one's own may have the name of a column here.
        name = f"median_{feature}" if feature in _TAKEN else feature
        columns[name] = [_median(values[m]) for m in members]
    if b_deg is not None:
        for limit in (5, 10):
            columns[f"below_{limit}_deg"] = [
                _share(np.abs(b_deg[m]) < limit, np.isfinite(b_deg[m])) for m in members
            ]
    if "var_prob_b" in features:
        v = features["var_prob_b"]
        columns["variable"] = [_share(v[m] > 0.9, np.isfinite(v[m])) for m in members]
    return pa.table(columns)


_TAKEN = ("level", "name", "sources", "below_5_deg", "below_10_deg", "variable")


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _share(has: np.ndarray, known: np.ndarray) -> float:
    return float(has[known].mean()) if known.any() else float("nan")
