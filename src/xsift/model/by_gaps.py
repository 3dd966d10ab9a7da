"""Whether incomplete detections get other probabilities than complete ones, and why."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from xsift.errors import XsiftWarning
from xsift.mixture import group_by_pattern
from xsift.model import Classification
from xsift.model.calibrated import CalibratedModel

__all__ = ["by_group", "warn_of_gaps"]

_FEWEST = 100  # of a pattern, and of complete detections
_FEWEST_SHARE = 0.01
_PATTERNS = 12
_HIDDEN = 1_000
_OTHER = 0.1
_NAMED = 4
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: its multiples spread evenly


def warn_of_gaps(
    X: np.ndarray, said: Classification, model: CalibratedModel, chosen: np.ndarray
) -> dict[str, Any]:
    """Warn where incomplete detections get other shares of the groups than complete ones.

    Complete detections are classified again with the features hidden that the others lack. With
    less to go by, a share tends to that of training. Where it goes elsewhere by 0.1, the model
    reads gaps. Else, where a share differs by 0.1, the detections have other values.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Raw features; NaN is missing.
    said : Classification
    model : CalibratedModel
    chosen : ndarray of bool, shape (n,)
        Detections to look at: those that did not train.

    Returns
    -------
    dict
        ``complete``: number and shares of the groups; ``patterns``: for each frequent one what it
        lacks, number, shares, and those of complete detections with the same hidden. Empty where
        fewer than 100 detections are complete, or lack the same.
    """
    rows = np.flatnonzero(chosen & said.is_scored)
    if not len(rows):
        return {}
    order, ends = group_by_pattern(X[rows], np.ones(len(rows)), True)
    parts = [rows[order[a:b]] for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
    is_complete = [not np.isnan(X[part[0]]).any() for part in parts]
    fewest = max(_FEWEST, _FEWEST_SHARE * len(rows))
    complete = next((p for p, whole in zip(parts, is_complete, strict=True) if whole), rows[:0])
    others = [
        p for p, whole in zip(parts, is_complete, strict=True) if not whole and len(p) >= fewest
    ]
    if len(complete) < _FEWEST or not others:
        return {}
    # By number, then by what they lack: never by their order in the file.
    others.sort(key=lambda p: (-len(p), np.isnan(X[p[0]]).tobytes()))
    others = others[:_PATTERNS]
    some = X[complete[_spread(X[complete])]]
    shares = _group_shares(said, model, complete)
    patterns = []
    for part in others:
        lacks = np.isnan(X[part[0]])
        hidden = model.predict(np.where(lacks, np.nan, some))
        patterns.append(
            {
                "lacks": [name for name, no in zip(model.features, lacks, strict=True) if no],
                "detections": len(part),
                "shares": _group_shares(said, model, part),
                "hidden": _group_shares(hidden, model, np.arange(len(some))),
            }
        )
    _warn(shares, patterns, by_group(model.prior.shares, model), model.gaps_removed)
    return {"complete": {"detections": len(complete), "shares": shares}, "patterns": patterns}


def _group_shares(
    said: Classification, model: CalibratedModel, rows: np.ndarray
) -> dict[str, float]:
    """Return the mean probability of each group over some rows, those of the groups to the sum 1.

    Parameters
    ----------
    rows : ndarray of int
        That are scored, one at least.
    """
    p = said.p[rows].mean(axis=0)
    return by_group(p / p.sum(), model)


def by_group(shares: np.ndarray, model: CalibratedModel) -> dict[str, float]:
    """Add the shares of classes, shape (C,), to those of groups."""
    found = dict.fromkeys(model.classes.groups, 0.0)
    for one, share in zip(model.classes.classes, shares, strict=True):
        found[one.group] += float(share)
    return {group: round(share, 4) for group, share in found.items()}


def _spread(X: np.ndarray) -> np.ndarray:
    """Choose rows by their values, as good as at random, whatever their order."""
    bits = np.ascontiguousarray(X + 0.0).view(np.uint64)  # -0 becomes 0
    key = np.zeros(len(X), np.uint64)
    for column in bits.T:
        key = (key ^ column) * _MIXER
        key ^= key >> np.uint64(29)
    return np.asarray(np.argsort(key, kind="stable")[:_HIDDEN])


def _warn(
    complete: dict[str, float],
    patterns: Sequence[dict[str, Any]],
    trained: dict[str, float],
    is_removed: bool,
) -> None:
    """Warn of the pattern and group that gaps change most; else of those that differ most."""
    found = [(p, g) for p in patterns for g in complete]

    def by_gaps(one: tuple[dict[str, Any], str]) -> float:
        # With less to go by, a share tends from that of complete detections to that of training.
        p, g = one
        low, high = sorted((complete[g], trained[g]))
        return float(max(low - p["hidden"][g], p["hidden"][g] - high))

    def apart(one: tuple[dict[str, Any], str]) -> float:
        p, g = one
        return float(abs(p["shares"][g] - complete[g]))

    reads = by_gaps(max(found, key=by_gaps)) > _OTHER
    p, group = max(found, key=by_gaps if reads else apart)
    if not reads and apart((p, group)) <= _OTHER:
        return
    why = (
        "the model reads what is missing"
        + ("" if is_removed else "; --missing remove in training takes that out")
        if reads
        else "their values differ; what they lack changes little"
    )
    lacks = ", ".join(p["lacks"][:_NAMED])
    lacks += f" and {len(p['lacks']) - _NAMED} more" * (len(p["lacks"]) > _NAMED)
    warnings.warn(
        f"incomplete detections get other shares of the groups than complete ones: {group} "
        f"{p['shares'][group]:.0%} of the {p['detections']:,} that lack {lacks}, against "
        f"{complete[group]:.0%} of the complete ones, and {p['hidden'][group]:.0%} of these with "
        f"the same features hidden: {why}",
        XsiftWarning,
        stacklevel=3,
    )
