"""The record of a run, made of sums: counts at every stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xsift.catalogue.sums import FaintSums, Sums
from xsift.surveys import Survey

__all__ = [
    "by_number",
    "counts",
    "faintness",
    "faintness_said",
    "in_sample",
    "missing_values",
    "on_device",
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
_STAGES = (
    "detections sources_in complete with_missing_features without_features with_impossible_values "
    "labelled labelled_ambiguous labelled_other trained scored set_aside unscored voting "
    "sources unique ambiguous"
).split()


def counts(sums: Sums) -> dict[str, int]:
    """Return the numbers of detections and sources at every stage."""
    counted = sums.counts | sums.sources
    return {stage: counted.get(stage, 0) for stage in _STAGES}


def missing_values(sums: Sums) -> dict[str, int]:
    """Return the missing values of each feature that has any, the most frequent first."""
    return dict(sorted(((f, n) for f, n in sums.missing.items() if n), key=lambda pair: -pair[1]))


def by_number(counted: Mapping[str, int]) -> dict[str, int]:
    """Order numbers, the largest first; of equal ones, the first by name."""
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def faintness(found: FaintSums, survey: Survey) -> dict[str, Any]:
    """Return the numbers of detections by what tells how faint they are, and the median counts.

    The counts that the median is of are rounded down by at most 0.006 %.
    """
    if not found.rows:
        return {}
    median = float("nan") if found.counts is None else found.counts.median
    ways = dict.fromkeys([*(way.way for way in survey.counts), "exact"])
    rows = {way: found.rows[way] for way in ways if way in found.rows}
    return {"rows": rows, "median_counts": round(median, 1) if np.isfinite(median) else None}


def in_sample(sums: Sums) -> dict[str, int]:
    """Return the detections that trained the model, and the sources that have no others to vote."""
    without = sums.sources.get("without_a_vote", 0)
    return {**(sums.in_sample or {}), "sources_without_a_vote": without}


def source_counts(unique: np.ndarray) -> dict[str, int]:
    """Count the sources; `unique` tells whether a source's two votes agree."""
    n = int(unique.sum())
    return {"sources": len(unique), "unique": n, "ambiguous": len(unique) - n}


def on_device(device: str | None) -> str:
    """Say where mixtures were fitted: ``"on the GPU (NVIDIA H100 80GB HBM3)"``; empty for None."""
    return f"on the {device[:3].upper()}{device[3:]}" if device else ""


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
