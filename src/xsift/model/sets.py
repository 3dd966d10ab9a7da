"""Conformal sets of groups: what a model's thresholds say of class probabilities."""

from __future__ import annotations

import warnings

import numpy as np

from xsift.classes import Classes
from xsift.errors import XsiftWarning
from xsift.model.calibrated import CalibratedModel
from xsift.model.faint import BRIGHT, level_of
from xsift.model.prior import all_shares, reweight
from xsift.score.conformal import RATE, fewest_sources, set_members, set_thresholds
from xsift.score.softmax import group_sums

__all__ = ["OTHER", "group_sets", "thresholds_of", "thresholds_said"]

OTHER = "other"
"""What sets call all else than the plain classes: kinds apart, and none of the classes.

Each of these is rare: a set that has to hold it at the rate would hold it nearly always.
"""

_ROWS = 65_536


def groups_in_sets(classes: Classes) -> np.ndarray:
    """Return the group of each class in sets, none of them last: all but plain ones are one."""
    n_groups = len(classes.plain.groups)
    return np.minimum([*classes.group_index, n_groups], n_groups)


def group_sets(
    model: CalibratedModel, p: np.ndarray, prior: np.ndarray, counts: np.ndarray
) -> np.ndarray | None:
    """Tell which groups are in the set of each row, bool; None where the model has no thresholds.

    The rate holds in each group by itself, so it does not depend on the class shares. The
    thresholds are those of probabilities under the shares of training: the probabilities are
    brought back to them. A group that has no share here, or had none in training, is in no set.

    Parameters
    ----------
    model : CalibratedModel
    p : ndarray of shape (n, C + 1) or more columns
        Of the classes, and of none after them. NaN: an empty set.
    prior : ndarray of shape (C + 1,)
        Shares under which `p` holds.
    counts : ndarray of shape (n,)
        Effective counts: faint detections have thresholds of their own.

    Returns
    -------
    ndarray of shape (n, G) or (n, G + 1), or None
        Of the groups of plain classes, with a column of all else where the model has learned of
        other types; else the set speaks of what a detection is if it is one of the classes.
    """
    faint, bright = model.scorers[0].thresholds, model.scorers[-1].thresholds
    if faint is None or bright is None:
        return None
    group = groups_in_sets(model.classes)
    trained = all_shares(model.prior)
    is_trained = np.bincount(group, trained)[: len(bright)] > 0
    is_other = not np.array_equal(prior, trained)
    level = level_of(counts)
    out = np.empty((len(p), len(bright)), dtype=bool)
    for start in range(0, len(p), _ROWS):
        part = slice(start, start + _ROWS)
        q = p[part, : len(prior)]
        if is_other:
            q = reweight(q, prior, trained)
        of_group = group_sums(q, group)[:, : len(bright)]
        thresholds = np.where((level[part] < BRIGHT)[:, None], faint, bright)
        out[part] = set_members(_among(of_group, is_trained), thresholds)
    has_share = np.bincount(group, prior)[: len(bright)] > 0
    return np.asarray(out & is_trained & has_share)


def thresholds_said(model: CalibratedModel) -> list[dict[str, float]]:
    """Return the thresholds by group, of faint detections and of bright ones, as plain data."""
    names = [*model.classes.plain.groups, OTHER]
    given = [s.thresholds for s in model.scorers if s.thresholds is not None]
    return [dict(zip(names, values.tolist(), strict=False)) for values in given]


def thresholds_of(
    p: np.ndarray, truth: np.ndarray, source: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """Return the thresholds of the groups, and say of which there are too few sources.

    Parameters
    ----------
    p, truth, source
        As in `set_thresholds`.
    names : tuple of str
        Of the groups, as many at least.

    Warns
    -----
    XsiftWarning
        If a group has too few sources for a threshold. One without any can be given to nothing.
    """
    n = [len(np.unique(source[truth == g])) for g in range(p.shape[1])]
    few = [f"{name} ({m})" for name, m in zip(names, n, strict=False) if 0 < m < fewest_sources()]
    if few:
        warnings.warn(
            f"groups in every set of groups, as fewer than {fewest_sources()} sources are too few "
            f"for a rate of {RATE:g}: {', '.join(few)}",
            XsiftWarning,
            stacklevel=3,
        )
    return set_thresholds(_among(p, np.array(n) > 0), truth, source)


def _among(p: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the probabilities if it is one of the chosen groups: no other one has any."""
    p = p * chosen
    total = p.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(p, total, out=p, where=total > 0))
