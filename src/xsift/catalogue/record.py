"""The record of a run: counts at every stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.features import FeatureTable
from xsift.model.sample import Sample

__all__ = [
    "counts",
    "distinct",
    "faintness",
    "faintness_said",
    "missing_values",
    "reasons",
    "source_counts",
]

_WAYS = {
    "hardness": "limits of hardness ratios",
    "flux": "errors of fluxes or rates",
    "fit": "limits of fits",
    "counts": "counts",
    "significance": "significance",
    "likelihood": "detection likelihood",
}


def counts(sample: Sample, role: np.ndarray, in_vote: np.ndarray) -> dict[str, int]:
    """Count the detections at every stage."""
    features, labels = sample.features, sample.labels
    impossible = (~features.usable & ~np.isnan(features.X)).any(axis=1)
    counted = {
        "detections": len(features.X),
        "sources_in": distinct(sample.keys["name"]),
        "complete": int(features.complete.sum()),
        "with_missing_features": int(np.isnan(features.X).any(axis=1).sum()),
        "without_features": int((~features.usable.any(axis=1)).sum()),
        "with_impossible_values": int(impossible.sum()),
        "labelled": int((labels.y >= 0).sum()),
        "labelled_ambiguous": int(labels.is_ambiguous.sum()),
        "labelled_other": int(labels.is_other.sum()),
    }
    for name in ("trained", "scored", "set_aside", "unscored"):
        counted[name] = int((role == name).sum())
    return {**counted, "voting": int(in_vote.sum())}


def missing_values(features: FeatureTable) -> dict[str, int]:
    """Count the missing values of each feature that has any, the most frequent first."""
    n = np.isnan(features.X).sum(axis=0).tolist()
    found = [(name, m) for name, m in zip(features.names, n, strict=True) if m]
    return dict(sorted(found, key=lambda pair: -pair[1]))


def faintness(features: FeatureTable) -> dict[str, Any]:
    """Count the detections by what tells how faint they are, and return their median counts."""
    found = features.faintness
    if found is None:
        return {}
    median = round(found.median, 1) if np.isfinite(found.median) else None
    return {"rows": dict(found.rows), "median_counts": median}


def faintness_said(record: Mapping[str, Any]) -> str:
    """Say in a line how faint the detections are, and what tells it; empty where unknown."""
    found = record.get("faintness")
    if not found:
        return ""
    exact = found["rows"].get("exact", 0)
    said = [f"{text} {found['rows'][way]:,}" for way, text in _WAYS.items() if way in found["rows"]]
    if not said:
        return f"Faintness: no limits, errors or counts: {exact:,} detections are taken as exact"
    rest = f"; {exact:,} taken as exact" if exact else ""
    median = f"; median {found['median_counts']:,g} effective counts"
    closed = "; hardness ratios closed" if record.get("closing") == "remove" else ""
    return f"Faintness from {', '.join(said)}{rest}{median}{closed}"


def reasons(
    flag: Sequence[str | None], rows: np.ndarray, is_empty: np.ndarray, most: int = 20
) -> dict[str, int]:
    """Count the reasons given for `rows`, the most frequent first.

    Missing values are a reason only where no feature is left: `missing_values` counts the others.
    """
    said = (
        f
        for f, wanted, empty in zip(flag, rows, is_empty, strict=True)
        if wanted and f is not None and (empty or not f.startswith("misses"))
    )
    return dict(Counter(said).most_common(most))


def source_counts(unique: np.ndarray) -> dict[str, int]:
    """Count the sources; `unique` tells whether a source's two votes agree."""
    n = int(unique.sum())
    return {"sources": len(unique), "unique": n, "ambiguous": len(unique) - n}


def distinct(names: pa.ChunkedArray) -> int:
    """Count the different names, by sorting: a hash table takes several times the memory."""
    names = names.drop_null()
    names = names.take(pc.sort_indices(names))
    changes = pc.sum(pc.not_equal(names[1:], names[:-1])).as_py() or 0
    return changes + min(1, len(names))
