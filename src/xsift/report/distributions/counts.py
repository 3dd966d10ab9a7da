"""Counts and shares: by class, by probability, by latitude, by number of detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

__all__ = [
    "against_latitude",
    "class_counts",
    "detections_per_source",
    "feature_histograms",
    "shares_above",
    "top_probabilities",
]

N_BINS = 40
LATITUDES = (0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0)
"""Edges of the bins of absolute Galactic latitude, deg."""
THRESHOLDS = (0.5, 0.7, 0.9)


def class_counts(
    code: np.ndarray, is_unique: np.ndarray, names: Sequence[str], groups: Sequence[str]
) -> pa.Table:
    """Count the sources of each class whose two votes agree, and those whose votes differ.

    Returns
    -------
    pyarrow.Table
        ``group``, ``class``, ``unique``, ``ambiguous``, ``total`` and ``share`` (of all sources
        with a class; NaN if there are none).
    """
    k = len(names)
    total = np.bincount(code[code >= 0], minlength=k)
    unique = np.bincount(code[(code >= 0) & is_unique], minlength=k)
    share = total / total.sum() if total.sum() else np.full(k, np.nan)
    return pa.table(
        {
            "group": pa.array(groups, pa.string()),
            "class": pa.array(names, pa.string()),
            "unique": unique,
            "ambiguous": total - unique,
            "total": total,
            "share": share,
        }
    )


def detections_per_source(n_detections: np.ndarray, bins: int = 20) -> pa.Table:
    """Count sources in logarithmic bins of their number of detections.

    Returns
    -------
    pyarrow.Table
        ``from``, ``to`` (whole numbers, both inclusive) and ``sources``. A bin without a whole
        number is left out.
    """
    highest = int(n_detections.max(initial=1))
    edges = np.unique(np.ceil(np.geomspace(1, highest + 1, bins + 1) - 1e-9).astype(np.int64))
    counts, _ = np.histogram(n_detections, bins=edges)
    return pa.table({"from": edges[:-1], "to": edges[1:] - 1, "sources": counts})


def top_probabilities(p: np.ndarray, code: np.ndarray, names: Sequence[str]) -> pa.Table:
    """Count the sources of each class in bins of the probability of that class.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Probability of the source's own class. NaN is left out.

    Returns
    -------
    pyarrow.Table
        ``class``, ``low``, ``high``, ``sources`` and ``share`` of the class. A class without
        sources has no rows.
    """
    edges = np.linspace(0, 1, 21)
    rows: list[pa.Table] = []
    for k, name in enumerate(names):
        counts, _ = np.histogram(p[code == k], bins=edges, range=(0, 1))
        if counts.sum():
            rows.append(
                pa.table(
                    {
                        "class": [name] * 20,
                        "low": edges[:-1],
                        "high": edges[1:],
                        "sources": counts,
                        "share": counts / counts.sum(),
                    }
                )
            )
    return pa.concat_tables(rows) if rows else pa.table({"class": pa.array([], pa.string())})


def shares_above(p: np.ndarray, code: np.ndarray, names: Sequence[str]) -> pa.Table:
    """Return the share of each class whose class probability is above 0.5, 0.7 and 0.9.

    Returns
    -------
    pyarrow.Table
        ``class``, ``sources``, ``median``, and ``above_0.5`` and so on. Values are NaN if a class
        has no source. The last row, ``all``, covers every source that has a class.
    """
    there = np.isfinite(p) & (code >= 0)
    members = [*(p[there & (code == k)] for k in range(len(names))), p[there]]
    columns: dict[str, list[float]] = {
        "median": [float(np.median(m)) if len(m) else np.nan for m in members]
    }
    for t in THRESHOLDS:
        columns[f"above_{t:g}"] = [float((m > t).mean()) if len(m) else np.nan for m in members]
    return pa.table(
        {
            "class": pa.array([*names, "all"], pa.string()),
            "sources": [len(m) for m in members],
            **columns,
        }
    )


def against_latitude(b_deg: np.ndarray, code: np.ndarray, names: Sequence[str]) -> pa.Table:
    """Return the share of each population among the sources in bins of absolute latitude.

    Returns
    -------
    pyarrow.Table
        ``population``, ``low``, ``high`` (deg), ``sources`` (of it), ``of`` (all), ``share``,
        ``share_low`` and ``share_high`` (95 % Wilson interval). The shares of an empty bin are NaN.
    """
    b = np.abs(b_deg)
    known = np.isfinite(b) & (code >= 0)
    edges = np.array(LATITUDES)
    total, _ = np.histogram(b[known], bins=edges)
    parts = []
    for k, name in enumerate(names):
        counts, _ = np.histogram(b[known & (code == k)], bins=edges)
        low, high = _wilson(counts, total)
        with np.errstate(invalid="ignore"):
            share = counts / total
        parts.append(
            pa.table(
                {
                    "population": [name] * len(counts),
                    "low": edges[:-1],
                    "high": edges[1:],
                    "sources": counts,
                    "of": total,
                    "share": share,
                    "share_low": low,
                    "share_high": high,
                }
            )
        )
    return pa.concat_tables(parts)


def feature_histograms(
    features: Mapping[str, np.ndarray],
    code: np.ndarray,
    names: Sequence[str],
    spans: Mapping[str, tuple[float, float]],
    bins: int = N_BINS,
) -> pa.Table:
    """Count the values of each feature in equal bins, for each population.

    Parameters
    ----------
    features : mapping of str to ndarray of shape (n,)
    spans : mapping of str to pair of float
        Range of each feature. Values outside are not counted.
    bins : int

    Returns
    -------
    pyarrow.Table
        ``feature``, ``population``, ``low``, ``high``, ``n`` and ``share`` (of the population's
        counted values; NaN if there are none).
    """
    parts = []
    for feature, values in features.items():
        edges = np.linspace(*spans[feature], bins + 1)
        for k, name in enumerate(names):
            counts, _ = np.histogram(values[code == k], bins=edges)
            total = counts.sum()
            parts.append(
                pa.table(
                    {
                        "feature": [feature] * bins,
                        "population": [name] * bins,
                        "low": edges[:-1],
                        "high": edges[1:],
                        "n": counts,
                        "share": counts / total if total else np.full(bins, np.nan),
                    }
                )
            )
    return pa.concat_tables(parts)


def _wilson(k: np.ndarray, n: np.ndarray, z: float = 1.959963984540054) -> tuple[np.ndarray, ...]:
    """Return Wilson's interval of k out of n; NaN where n is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = k / n
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)
