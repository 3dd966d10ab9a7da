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
from functools import cached_property
from typing import Any

import numpy as np

from xsift.errors import TableError
from xsift.jit import kernel, kernel_part
from xsift.score.softmax import softmax

__all__ = ["DEPTH", "Trees", "boost", "mean_of"]

DEPTH = 3
_SPLITS = 2**DEPTH - 1
_BLOCK = 128
_ROWS = 4096
_AT_ONCE = 4
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
        """Return the sum of the trees, shape (n, C) in Fortran order; NaN in `X` is missing.

        `X` is taken as it is where it is of single precision and in Fortran order.
        """
        by_feature = np.ascontiguousarray(X.T, dtype=np.float32)
        output, feature, threshold, leaf = self._sorted
        feature = np.where(feature < 0, len(by_feature) - 1 - feature, feature)
        raw = _raw_scores(by_feature, self.baseline, output, feature, threshold, leaf)
        return np.asarray(raw.T)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (n, C) in Fortran order."""
        return softmax(self.raw_scores(X))

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The trees, those of a class together and in their order."""
        order = np.argsort(self.output, kind="stable")
        return (
            self.output[order],
            self.feature[order],
            self.threshold[order].astype(np.float32),
            self.leaf[order].astype(np.float32),
        )


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
    return mean_of(fitted)


def mean_of(fitted: Sequence[Trees], weights: Sequence[float] | None = None) -> Trees:
    """Return trees whose raw scores are the mean of several.

    The features of each are the first ones of those that the mean is asked about.

    Parameters
    ----------
    fitted : sequence of Trees
    weights : sequence of float, optional
        Of each, to a sum of the number of them; where None, all count alike.
    """
    n = len(fitted)
    shares = np.full(n, 1 / n) if weights is None else np.array(weights) / n
    baselines = np.array([t.baseline for t in fitted])
    return Trees(
        np.mean(baselines, axis=0) if weights is None else shares @ baselines,
        np.concatenate([t.output for t in fitted]),
        np.concatenate([t.feature for t in fitted]),
        np.concatenate([t.threshold for t in fitted]),
        _single(
            np.concatenate([t.leaf for t in fitted]) / n
            if weights is None
            else np.concatenate([w * t.leaf for w, t in zip(shares, fitted, strict=True)])
        ),
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
    output = np.array([k for k, _ in trees])
    feature, threshold, leaf = _laid_out([nodes for _, nodes in trees])
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
    is_negative = feature < 0
    column = np.where(is_negative, -1 - feature, feature)
    i = np.floor(np.where(is_negative, -threshold, threshold))
    lengths = np.array([len(values) for values in edges])
    is_edge = (i >= 0) & (i < lengths[column])  # else it parts missing from present values
    first = np.cumsum(lengths) - lengths
    edge = np.concatenate(edges)[first[column[is_edge]] + i[is_edge].astype(np.int64)]
    negated = np.nextafter(-edge, -np.inf)
    out = threshold.copy()
    out[is_edge] = _floor(np.where(is_negative[is_edge], negated, edge))
    return out


def _laid_out(trees: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write the nodes of scikit-learn's trees out as splits and leaves, as `Trees` holds them.

    A leaf above the last level fills all below: both ways lead to it.
    """
    nodes = np.concatenate(trees)
    lengths = [len(own) for own in trees]
    first = np.cumsum(lengths) - lengths  # children are counted from the root of their tree
    feature = np.zeros((len(trees), _SPLITS), dtype=np.int64)
    threshold = np.full((len(trees), _SPLITS), np.finfo(np.float32).max, dtype=np.float64)
    at = np.repeat(first[:, None], 2 * _SPLITS + 1, axis=1)
    for split in range(_SPLITS):
        here, node = nodes[at[:, split]], at[:, split]
        j = here["feature_idx"].astype(np.int64)
        bound = here["num_threshold"].astype(np.float64)
        parts = here["is_leaf"] == 0
        # x > t, as -x <= the number below -t: then missing values go to the second, the left.
        turned = here["missing_go_to_left"] != 0
        j = np.where(turned, -1 - j, j)
        bound = np.where(turned, np.nextafter(-bound, -np.inf), bound)
        feature[parts, split], threshold[parts, split] = j[parts], _floor(bound[parts])
        left, right = (np.where(parts, first + here[side], node) for side in ("left", "right"))
        at[:, 2 * split + 1] = np.where(turned, right, left)
        at[:, 2 * split + 2] = np.where(turned, left, right)
    return feature, threshold, nodes["value"][at[:, _SPLITS:]]


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def _floor(bounds: np.ndarray) -> np.ndarray:
    """Return the largest single-precision numbers that are not above bounds, and finite.

    A split of missing from present values has an infinite bound.
    """
    most = np.finfo(np.float32).max
    single = np.clip(bounds, -float(most), float(most)).astype(np.float32)
    below = np.nextafter(single, -most)
    return np.asarray(np.where(single <= bounds, single, below), dtype=np.float64)


def _in_numpy(
    X: np.ndarray,
    baseline: np.ndarray,
    output: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
) -> np.ndarray:
    """Stand in for `_raw_scores`, with the same bits."""
    out = np.repeat(baseline[:, None], X.shape[1], axis=1)
    for start in range(0, X.shape[1], _ROWS):
        x = X[:, start : start + _ROWS]
        x = np.concatenate([x, -x])
        rows = np.arange(x.shape[1])
        for t in range(len(output)):
            split = np.zeros(len(rows), np.int64)
            goes_on = ~(x[feature[t]] <= threshold[t, :, None])
            for _ in range(DEPTH):
                split = 2 * split + 1 + goes_on[split, rows]
            out[output[t], start : start + _ROWS] += leaf[t][split - _SPLITS]
    return out


# No fastmath: NaN has to compare as false, and a row's sum must not depend on its neighbours.
@kernel(instead=_in_numpy, nogil=True, error_model="numpy")
def _raw_scores(
    X: np.ndarray,
    baseline: np.ndarray,
    output: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
) -> np.ndarray:
    """Sum trees, ordered by output, over features of shape (F, n): shape (C, n)."""
    d, n = X.shape
    n_trees, n_classes = output.size, baseline.size
    out = np.empty((n_classes, n))
    x, total = np.zeros((2 * d, _BLOCK), np.float32), np.empty((n_classes, _BLOCK))
    found = np.zeros((_AT_ONCE, _BLOCK), np.float32)
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        for j in range(d):
            for b in range(size):
                x[j, b] = X[j, start + b]
                x[d + j, b] = -X[j, start + b]
        for k in range(n_classes):
            total[k, :] = baseline[k]
        t = 0
        while t < n_trees:
            k, some = output[t], 0
            while some < _AT_ONCE and t < n_trees and output[t] == k:
                _find_leaves(x, feature[t], threshold[t], leaf[t], found[some])
                some, t = some + 1, t + 1
            _add_leaves(found, some, total[k])
        for k in range(n_classes):
            for b in range(size):
                out[k, start + b] = total[k, b]
    return out


# Leaves are named and chosen from in pairs, so that nothing but comparisons and selections is left:
# written as nested conditions the compiler keeps jumps, and takes three times as long. So it does,
# nearly, where thresholds and leaves are unpacked and not read one by one.
@kernel_part(nogil=True, error_model="numpy")
def _find_leaves(
    x: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    leaf: np.ndarray,
    found: np.ndarray,
) -> None:
    x0, x1, x2, x3 = x[feature[0]], x[feature[1]], x[feature[2]], x[feature[3]]
    x4, x5, x6 = x[feature[4]], x[feature[5]], x[feature[6]]
    t0, t1, t2, t3 = threshold[0], threshold[1], threshold[2], threshold[3]
    t4, t5, t6 = threshold[4], threshold[5], threshold[6]
    v0, v1, v2, v3 = leaf[0], leaf[1], leaf[2], leaf[3]
    v4, v5, v6, v7 = leaf[4], leaf[5], leaf[6], leaf[7]
    for b in range(_BLOCK):
        v01 = v0 if x3[b] <= t3 else v1
        v23 = v2 if x4[b] <= t4 else v3
        v45 = v4 if x5[b] <= t5 else v5
        v67 = v6 if x6[b] <= t6 else v7
        first = v01 if x1[b] <= t1 else v23
        second = v45 if x2[b] <= t2 else v67
        found[b] = first if x0[b] <= t0 else second


@kernel_part(nogil=True, error_model="numpy")
def _add_leaves(found: np.ndarray, some: int, total: np.ndarray) -> None:
    """Add the first rows of what was found, one after the other, in double precision."""
    if some == _AT_ONCE:
        f0, f1, f2, f3 = found[0], found[1], found[2], found[3]
        for b in range(_BLOCK):
            total[b] = total[b] + f0[b] + f1[b] + f2[b] + f3[b]
        return
    for t in range(some):
        for b in range(_BLOCK):
            total[b] += found[t, b]
