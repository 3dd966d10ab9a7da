"""Boosted trees as plain arrays: what scikit-learn fitted, evaluated without it.

A model file holds numbers, never a pickled estimator, and classifying needs no scikit-learn. Trees
have three levels at most. Written out as eight leaves under seven splits they need no jumps: a
block of rows goes through all seven comparisons at once, in vector instructions. Features and
leaves are rounded to single precision, in training too, which doubles the width of a vector; sums
are in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from scipy.special import softmax

from xsift.errors import TableError

__all__ = ["DEPTH", "Trees", "boost"]

DEPTH = 3
_SPLITS = 2**DEPTH - 1
_BLOCK = 128
_BINS = 255  # what scikit-learn has at most


@dataclass(frozen=True, eq=False)
class Trees:
    """Additive trees with one output per class: raw scores, whose softmax are probabilities.

    Attributes
    ----------
    baseline : ndarray of shape (C,)
        Raw score before any tree.
    output : ndarray of int, shape (T,)
        Class that a tree adds to.
    feature : ndarray of int, shape (T, 7)
        What each split looks at: feature j, or for -1 - j its negative. Split s leads to splits
        2 s + 1 and 2 s + 2, the last four to leaves.
    threshold : ndarray of shape (T, 7)
        A row goes to the first where its value is not above it: missing values, for which that
        never holds, go to the second.
    leaf : ndarray of shape (T, 8)
        What is added.
    """

    baseline: np.ndarray
    output: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    leaf: np.ndarray

    def raw_scores(self, X: np.ndarray) -> np.ndarray:
        """Return the sum of the trees, shape (n, C); NaN in `X` is missing."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        feature = np.where(self.feature < 0, X.shape[1] - 1 - self.feature, self.feature)
        threshold, leaf = self.threshold.astype(np.float32), self.leaf.astype(np.float32)
        return np.asarray(_raw_scores(X, self.baseline, self.output, feature, threshold, leaf))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (n, C)."""
        return np.asarray(softmax(self.raw_scores(X), axis=1))


def boost(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    n_classes: int,
    seeds: Sequence[int],
    **settings: Any,
) -> Trees:
    """Fit scikit-learn's gradient boosting once per seed, and average the raw scores.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing: trees learn where it goes.
    y : ndarray of int, shape (n,)
        Class index; two classes are there at least.
    weight : ndarray of shape (n,)
    n_classes : int
        Classes that are not in `y` get a raw score of -30.
    seeds : sequence of int
    **settings
        Of `HistGradientBoostingClassifier`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    edges, binned = _binned(np.asarray(X, dtype=np.float32))
    if len(present := np.unique(y)) < 2:  # nothing to tell apart: no trees
        return _no_trees(present, n_classes)
    fitted = []
    for seed in seeds:
        boosting = HistGradientBoostingClassifier(
            max_depth=DEPTH, early_stopping=False, random_state=seed, **settings
        )
        # On small tables threads mostly wait for each other: on a busy machine, six times as long.
        with threadpool_limits(1):
            boosting.fit(binned, y, sample_weight=weight)
        fitted.append(_trees_of(boosting, binned, edges, n_classes))
    return Trees(
        np.mean([t.baseline for t in fitted], axis=0),
        np.concatenate([t.output for t in fitted]),
        np.concatenate([t.feature for t in fitted]),
        np.concatenate([t.threshold for t in fitted]),
        _single(np.concatenate([t.leaf for t in fitted]) / len(fitted)),
    )


def _binned(X: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Sort the values of each column into at most 255 bins of equal number.

    scikit-learn does so itself, but with weights it takes three times as long as for the trees.

    Returns
    -------
    edges : list of ndarray
        Of each column, the bounds between the bins, midway between the values on both sides.
    binned : ndarray of shape (n, d)
        Number of the bin; NaN where the value is missing.
    """
    edges, binned = [], np.full(X.shape, np.nan)
    for j, x in enumerate(X.T):
        known = ~np.isnan(x)
        values = np.unique(x[known]).astype(np.float64)
        below = np.arange(len(values) - 1)
        if len(values) > _BINS:
            last = np.quantile(x[known], np.arange(1, _BINS) / _BINS, method="inverted_cdf")
            below = np.setdiff1d(np.searchsorted(values, last), [len(values) - 1])
        edges.append((values[below] + values[below + 1]) / 2)
        binned[known, j] = np.searchsorted(edges[j], x[known])
        if not known.any():
            binned[:, j] = 0.0  # nothing to split on; scikit-learn refuses such a column
    return edges, binned


def _no_trees(present: np.ndarray, n_classes: int) -> Trees:
    baseline = np.full(n_classes, -30.0)
    baseline[present] = 0.0
    no_splits = np.zeros((0, _SPLITS))
    return Trees(
        baseline,
        np.zeros(0, np.int64),
        no_splits.astype(np.int64),
        no_splits,
        np.zeros((0, _SPLITS + 1)),
    )


def _trees_of(boosting: Any, binned: np.ndarray, edges: list[np.ndarray], n_classes: int) -> Trees:
    """Take the trees out of a fitted `HistGradientBoostingClassifier`, and check them.

    Raises
    ------
    TableError
        If they do not give what the estimator gives: scikit-learn stores them in another way.
    """
    trees = [  # one list per iteration: a tree for each class, and a single one for two
        (boosting.classes_[k if len(boosting.classes_) > 2 else 1], tree.nodes)
        for iteration in boosting._predictors
        for k, tree in enumerate(iteration)
    ]
    baseline = np.full(n_classes, -30.0)
    baseline[boosting.classes_] = 0.0
    given = np.ravel(boosting._baseline_prediction)
    baseline[boosting.classes_[-len(given) :]] = given
    feature = np.zeros((len(trees), _SPLITS), dtype=np.int64)
    threshold = np.full((len(trees), _SPLITS), np.finfo(np.float32).max, dtype=np.float64)
    leaf = np.zeros((len(trees), _SPLITS + 1))
    for t, (_, nodes) in enumerate(trees):
        _lay_out(nodes, 0, 0, feature[t], threshold[t], leaf[t])
    output = np.array([k for k, _ in trees])
    found = Trees(baseline, output, feature, threshold, leaf)
    rows = binned[:: max(1, len(binned) // 200)]
    ours = found.predict_proba(rows)[:, boosting.classes_]
    if not np.allclose(ours, boosting.predict_proba(rows), rtol=1e-5, atol=1e-12):
        raise TableError(
            "the trees taken from scikit-learn do not give its probabilities: this xsift does not "
            "know how this version stores them; install the versions of constraints.txt"
        )
    return replace(found, threshold=_in_values(feature, threshold, edges))


def _in_values(feature: np.ndarray, threshold: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    """Turn bounds between bins into values: bin <= i + 1/2 where x <= edges[i]."""
    out = threshold.copy()
    for at in np.ndindex(threshold.shape):
        is_negative = feature[at] < 0
        values = edges[-1 - feature[at] if is_negative else feature[at]]
        i = np.floor(-threshold[at] if is_negative else threshold[at])
        if 0 <= i < len(values):  # else it parts missing from present values
            edge = values[int(i)]
            out[at] = _floor(np.nextafter(-edge, -np.inf) if is_negative else edge)
    return out


def _lay_out(
    nodes: np.ndarray,
    node: int,
    split: int,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
) -> None:
    """Write the subtree under a node below a split; a leaf above the last level fills all below."""
    if split >= _SPLITS:
        leaf[split - _SPLITS] = nodes[node]["value"]
        return
    children = (node, node)  # a leaf: both ways lead to it
    if not nodes[node]["is_leaf"]:
        here = nodes[node]
        j, bound = int(here["feature_idx"]), float(here["num_threshold"])
        children = (int(here["left"]), int(here["right"]))
        if here["missing_go_to_left"]:
            # x > t, as -x <= the number below -t: then missing values go to the second, the left.
            j, bound = -1 - j, float(np.nextafter(-bound, -np.inf))
            children = children[::-1]
        feature[split], threshold[split] = j, _floor(bound)
    for child, below in zip(children, (2 * split + 1, 2 * split + 2), strict=True):
        _lay_out(nodes, child, below, feature, threshold, leaf)


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def _floor(bound: float) -> float:
    """Return the largest single-precision number that is not above a bound, and finite.

    A split of missing from present values has an infinite bound.
    """
    most = np.finfo(np.float32).max
    single = np.float32(np.clip(bound, -float(most), float(most)))
    return float(single if float(single) <= bound else np.nextafter(single, -most))


# No fastmath: NaN has to compare as false, and a row's sum must not depend on its neighbours.
@numba.njit(cache=True, nogil=True, error_model="numpy")
def _raw_scores(
    X: np.ndarray,
    baseline: np.ndarray,
    output: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
) -> np.ndarray:
    n, d = X.shape
    n_classes = baseline.size
    out = np.empty((n, n_classes))
    x, total = np.zeros((2 * d, _BLOCK), np.float32), np.empty((n_classes, _BLOCK))
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        for b in range(size):
            for j in range(d):
                x[j, b] = X[start + b, j]
                x[d + j, b] = -x[j, b]
        for k in range(n_classes):
            total[k, :] = baseline[k]
        for t in range(output.size):
            _add_tree(x, feature[t], threshold[t], leaf[t], total[output[t]])
        for b in range(size):
            for k in range(n_classes):
                out[start + b, k] = total[k, b]
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_tree(
    x: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
    total: np.ndarray,
) -> None:
    x0, x1, x2, x3 = x[feature[0]], x[feature[1]], x[feature[2]], x[feature[3]]
    x4, x5, x6 = x[feature[4]], x[feature[5]], x[feature[6]]
    t0, t1, t2, t3, t4, t5, t6 = threshold
    v0, v1, v2, v3, v4, v5, v6, v7 = leaf
    for b in range(_BLOCK):
        first = (v0 if x3[b] <= t3 else v1) if x1[b] <= t1 else (v2 if x4[b] <= t4 else v3)
        second = (v4 if x5[b] <= t5 else v5) if x2[b] <= t2 else (v6 if x6[b] <= t6 else v7)
        total[b] += first if x0[b] <= t0 else second
