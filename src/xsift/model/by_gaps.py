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
from xsift.model.sums import Adding, Array, fixed, mixed

__all__ = ["GapSums", "by_group", "warn_of_gaps"]

_FEWEST = 100  # of a pattern, and of complete detections
_FEWEST_SHARE = 0.01
_PATTERNS = 12
_HIDDEN = 1_000
_OTHER = 0.1
_NAMED = 4


class Chosen(Adding):
    """A thousand rows chosen by their values, as good as at random, whatever their order.

    Attributes
    ----------
    key : ndarray of uint64, shape (m,)
        Rising.
    X : ndarray of shape (m, d)
    """

    key: Array
    X: Array

    @classmethod
    def of(cls, X: np.ndarray) -> Chosen:
        """Choose from rows without missing values, shape (n, d)."""
        bits = np.ascontiguousarray(X + 0.0).view(np.uint64)  # -0 becomes 0
        key = np.zeros(len(X), np.uint64)
        for column in bits.T:
            key = mixed(key, column)
        return cls._first(key, X)

    @classmethod
    def _first(cls, key: np.ndarray, X: np.ndarray) -> Chosen:
        if len(key) > _HIDDEN:
            some = np.flatnonzero(key <= np.partition(key, _HIDDEN - 1)[_HIDDEN - 1])
            key, X = key[some], X[some]
        order = np.lexsort((*X.T, key))[:_HIDDEN]
        return cls.model_construct(key=key[order], X=X[order])

    def __add__(self, other: Chosen) -> Chosen:
        key, X = np.concatenate([self.key, other.key]), np.concatenate([self.X, other.X])
        return Chosen._first(key, X)


class GapSums(Adding):
    """Detections by what they lack, over some rows of a table.

    Attributes
    ----------
    patterns : dict of str to ndarray of int, shape (1 + C,)
        By the features that are missing (``0010``: the third), the number of detections, and the
        sums of the class probabilities (`fixed`).
    complete : Chosen
        Complete detections.
    """

    patterns: dict[str, Array]
    complete: Chosen

    @classmethod
    def of(cls, X: np.ndarray, said: Classification, chosen: np.ndarray) -> GapSums:
        """Count detections.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Raw features; NaN is missing.
        said : Classification
        chosen : ndarray of bool, shape (n,)
            Detections to look at: those that did not train.
        """
        rows = np.flatnonzero(chosen & said.is_scored)
        patterns, complete = {}, rows[:0]
        if len(rows):
            order, ends = group_by_pattern(X[rows], np.ones(len(rows)), True)
            for first, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
                part = rows[order[first:end]]
                lacks = np.isnan(X[part[0]])
                patterns[_written(lacks)] = np.r_[len(part), fixed(said.p[part])]
                complete = complete if lacks.any() else part
        return cls.model_construct(patterns=patterns, complete=Chosen.of(X[complete]))


def _written(lacks: np.ndarray) -> str:
    return "".join("01"[int(no)] for no in lacks)


def warn_of_gaps(sums: GapSums, model: CalibratedModel) -> dict[str, Any]:
    """Warn where incomplete detections get other shares of the groups than complete ones.

    Complete detections are classified again with the features hidden that the others lack. With
    less to go by, a share tends to that of training. Where it goes elsewhere by 0.1, the model
    reads gaps. Else, where a share differs by 0.1, the detections have other values.

    Returns
    -------
    dict
        ``complete``: number and shares of the groups; ``patterns``: for each frequent one what it
        lacks, number, shares, and those of complete detections with the same hidden. Empty where
        fewer than 100 detections are complete, or lack the same.
    """
    n = {lacks: int(summed[0]) for lacks, summed in sums.patterns.items()}
    fewest = max(_FEWEST, _FEWEST_SHARE * sum(n.values()))
    complete = "0" * len(model.features)
    # By number, then by what they lack: never by their order in the file.
    others = sorted((-m, lacks) for lacks, m in n.items() if lacks != complete and m >= fewest)
    if n.get(complete, 0) < _FEWEST or not others:
        return {}
    shares = {lacks: _group_shares(summed[1:], model) for lacks, summed in sums.patterns.items()}
    patterns = []
    for _, lacks in others[:_PATTERNS]:
        are_missing = np.array([one == "1" for one in lacks])
        hidden = model.predict(np.where(are_missing, np.nan, sums.complete.X))
        patterns.append(
            {
                "lacks": [f for f, no in zip(model.features, are_missing, strict=True) if no],
                "detections": n[lacks],
                "shares": shares[lacks],
                "hidden": _group_shares(hidden.p.mean(axis=0), model),
            }
        )
    _warn(shares[complete], patterns, by_group(model.prior.shares, model), model.gaps_removed)
    of_complete = {"detections": n[complete], "shares": shares[complete]}
    return {"complete": of_complete, "patterns": patterns}


def _group_shares(p: np.ndarray, model: CalibratedModel) -> dict[str, float]:
    """Return the mean probability of each group, those of the groups to the sum 1."""
    return by_group(p / max(p.sum(), np.finfo(float).tiny), model)


def by_group(shares: np.ndarray, model: CalibratedModel) -> dict[str, float]:
    """Add the shares of classes, shape (C,), to those of groups."""
    found = dict.fromkeys(model.classes.groups, 0.0)
    for one, share in zip(model.classes.classes, shares, strict=True):
        found[one.group] += float(share)
    return {group: round(share, 4) for group, share in found.items()}


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
