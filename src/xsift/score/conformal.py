"""Sets of groups that hold the truth at a stated rate: split conformal prediction by group.

A group is in the set of a detection where its probability reaches the group's threshold. The
threshold of a group is a low quantile of the probability that its own held-out members get: so
each group is found at the rate, whatever its share in the table (class-conditional, or Mondrian,
conformal prediction: Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, chapter
4; Sadinle, Lei & Wasserman 2019, J. Am. Stat. Assoc. 114, 223).
"""

from __future__ import annotations

import numpy as np

__all__ = ["RATE", "fewest_sources", "set_members", "set_thresholds"]

RATE = 0.9
"""How often the set of a detection holds its true group."""

# Weight of a detection of a source with n of them: n to this power. Sources of one weight each (-1)
# would leave the rate by detection too high in groups of bright sources, detections of one weight
# each (0) the rate by source too low. On held-out CSC 2.1 both are within .87 and .93 at -1/3.
_POWER = -1 / 3
# Sure rows have the same probability but for rounding: those on the threshold are in.
_EDGE = 1e-9


def fewest_sources(rate: float = RATE) -> int:
    """Return how many sources of a group a threshold above 0 takes."""
    return max(1, int(np.ceil(1 / (1 - rate) - 1 - 1e-9)))


def set_thresholds(
    p: np.ndarray, truth: np.ndarray, source: np.ndarray, rate: float = RATE
) -> np.ndarray:
    """Return the threshold of each group, shape (G,).

    Detections of one source are nearly the same evidence again: each of n weighs 1 / cbrt(n), and
    all of a group weigh as much as it has sources. With m sources, (1 - rate) (m + 1) - 1 of that
    weight may lie below the threshold, which for one detection a source is the usual quantile of
    split conformal prediction. A group with fewer sources than `fewest_sources` has the threshold
    0: it is in each set.

    Parameters
    ----------
    p : ndarray of shape (n, G)
        Probabilities of the groups by a fit that did not see the row's source.
    truth : ndarray of int, shape (n,)
    source : ndarray of int, shape (n,)
    rate : float
    """
    out = np.zeros(p.shape[1])
    for g in range(len(out)):
        own = np.flatnonzero(truth == g)
        _, of, n = np.unique(source[own], return_inverse=True, return_counts=True)
        if len(n) < fewest_sources(rate):
            continue
        spare = (1 - rate) * (len(n) + 1) - 1
        score, weight = p[own, g], n[of] ** _POWER
        weight *= len(n) / weight.sum()
        order = np.argsort(score, kind="stable")
        score, below = score[order], np.cumsum(weight[order]) - weight[order]
        # Rows of equal score stand together: what is below the first of them is below them all.
        first = np.searchsorted(score, score)
        out[g] = score[below[first] <= spare + 1e-9].max()
    return out


def set_members(p: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Tell which groups are in the set of each row, bool of shape (n, G); none where p is NaN."""
    return np.asarray(p >= thresholds - _EDGE)
