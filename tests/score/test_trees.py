"""Trees as arrays: scikit-learn's own probabilities, and bits that no neighbour changes.

Features and leaves are single-precision numbers, so both sides see features rounded to those; a
leaf is then right to 6e-8 of itself, and probabilities to `CLOSE`.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier

from xsift.score.trees import DEPTH, Trees, boost, mean_of

SETTINGS = {"max_iter": 12, "learning_rate": 0.3, "max_leaf_nodes": 8, "min_samples_leaf": 5}

CLOSE = {"rtol": 2e-6, "atol": 1e-9}


def single(X):
    return X.astype(np.float32).astype(np.float64)


def draw(n, d, n_classes, seed, missing=0.0, digits=1):
    """Rounded, so that there are no more values than bins, and both sides have the same bounds."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = rng.integers(0, n_classes, n)
    X[:, 0] += y
    X[:, 1] *= 1 + y
    X = X.round(digits)
    X[rng.random(X.shape) < missing] = np.nan
    return single(X), y, rng.uniform(0.5, 2.0, n)


def oracle(X, y, weight, seed=0, **changed):
    model = HistGradientBoostingClassifier(
        max_depth=DEPTH, early_stopping=False, random_state=seed, **SETTINGS | changed
    )
    return model.fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_equals_scikit_learn(n_classes, missing):
    X, y, weight = draw(500, 4, n_classes, n_classes, missing)
    trees = boost(X, y, weight, n_classes, (0,), **SETTINGS)
    # Other rows than those of the fit, with values missing in features that missed none there.
    other, _, _ = draw(1000, 4, n_classes, 99, 0.3)
    theirs = oracle(X, y, weight).predict_proba(other)
    assert_allclose(trees.predict_proba(other), theirs, **CLOSE)
    assert np.ptp(theirs, axis=0).min() > 0.3  # there was something to agree on


def test_more_values_than_bins():
    """Bins of equal number: what scikit-learn makes of the numbers of the bins, no more."""
    X, y, weight = draw(2000, 3, 3, 6, 0.2, digits=6)
    trees = boost(X, y, weight, 3, (0,), **SETTINGS)
    binned = np.full(X.shape, np.nan)
    for j in range(3):
        known = np.sort(X[~np.isnan(X[:, j]), j])
        last = {known[int(np.ceil(i * len(known) / 255)) - 1] for i in range(1, 255)}
        for row in np.flatnonzero(~np.isnan(X[:, j])):
            binned[row, j] = sum(x < X[row, j] for x in last)
    assert np.nanmax(binned) > 250
    theirs = oracle(binned, y, weight).predict_proba(binned)
    assert_allclose(trees.predict_proba(X), theirs, **CLOSE)


def test_values_on_a_threshold_and_beside_it():
    X, y, weight = draw(500, 3, 3, 1, 0.2)
    trees = boost(X, y, weight, 3, (0,), **SETTINGS)
    model = oracle(X, y, weight)
    nodes = np.concatenate([tree.nodes for one in model._predictors for tree in one])
    at = np.unique(nodes["num_threshold"][nodes["is_leaf"] == 0])
    assert nodes["missing_go_to_left"][nodes["is_leaf"] == 0].any()
    near = at.astype(np.float32)  # those just below and above each threshold are among these
    edge = np.concatenate([np.nextafter(near, b) for b in np.float32([-np.inf, np.inf])] + [near])
    for j in range(3):
        rows = np.tile(X[0], (len(edge), 1))
        rows[:, j] = edge
        assert_allclose(trees.predict_proba(rows), model.predict_proba(rows), **CLOSE)
    extreme = np.array([[-1e30] * 3, [1e30] * 3, [np.nan] * 3, [np.inf] * 3, [-np.inf] * 3])
    assert_allclose(trees.predict_proba(extreme), model.predict_proba(extreme), **CLOSE)


def test_many_equal_values():
    """As of the variability probabilities: few distinct values, so bins are the values."""
    rng = np.random.default_rng(4)
    X = rng.integers(0, 3, (400, 3)).astype(float)
    y = (X[:, 0] + rng.integers(0, 2, 400) > 1).astype(int)
    trees = boost(X, y, np.ones(400), 2, (0,), **SETTINGS)
    assert_allclose(trees.predict_proba(X), oracle(X, y, np.ones(400)).predict_proba(X), **CLOSE)


@pytest.mark.parametrize("there", [[0, 3], [1, 2], [0, 2, 3], [1, 2, 4]])
def test_classes_that_are_absent(there):
    X, code, weight = draw(400, 3, len(there), 7, 0.2)
    y = np.array(there)[code]
    p = boost(X, y, weight, 5, (0,), **SETTINGS).predict_proba(X)
    absent = np.setdiff1d(np.arange(5), there)
    assert p.shape == (400, 5)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    # exp(-30) beside the others: next to nothing, however few trees there are.
    assert p[:, absent].max() < 1e-8
    assert_allclose(p[:, there], oracle(X, y, weight).predict_proba(X), **CLOSE)


def test_trees_of_one_leaf():
    X, y, weight = draw(60, 3, 3, 2)
    trees = boost(X, y, weight, 3, (0,), **SETTINGS | {"min_samples_leaf": 60})
    shares = np.bincount(y, weight) / weight.sum()
    assert_allclose(trees.predict_proba(X), np.tile(shares, (60, 1)), rtol=1e-3)
    model = oracle(X, y, weight, min_samples_leaf=60)
    assert_allclose(trees.predict_proba(X), model.predict_proba(X), **CLOSE)


@pytest.mark.parametrize("leaves", [2, 3, 5])
def test_trees_of_few_leaves(leaves):
    X, y, weight = draw(300, 3, 3, 5, 0.1)
    trees = boost(X, y, weight, 3, (0,), **SETTINGS | {"max_leaf_nodes": leaves})
    model = oracle(X, y, weight, max_leaf_nodes=leaves)
    assert_allclose(trees.predict_proba(X), model.predict_proba(X), **CLOSE)


def test_one_tree_by_hand():
    # x0 <= 0 goes left; there x1 <= 1, elsewhere (feature -2 is -x1) x1 >= 2: NaN goes right.
    trees = Trees(
        np.array([0.5, 0.0]),
        np.array([1]),
        np.array([[0, 1, -2, 0, 0, 0, 0]]),
        np.array([[0.0, 1.0, -2.0, 9, 9, 9, 9]]),
        np.array([[1.0, 1, 2, 2, 3, 3, 4, 4]]),
    )
    X = np.array([[0, 1], [0, 1.5], [1, 2], [1, 1.9], [np.nan, np.nan], [-1, np.nan]])
    raw = trees.raw_scores(X)
    assert_array_equal(raw[:, 0], np.full(6, 0.5))
    assert_array_equal(raw[:, 1], [1, 2, 3, 4, 4, 2])
    assert_allclose(trees.predict_proba(X)[0, 1], 1 / (1 + np.exp(0.5 - 1)), rtol=1e-15)


def test_seeds_are_averaged():
    X, y, weight = draw(300, 4, 3, 6)
    options = SETTINGS | {"max_features": 0.5}
    each = [boost(X, y, weight, 3, (s,), **options).raw_scores(X) for s in (3, 4, 5)]
    assert np.abs(each[0] - each[1]).max() > 0.01
    together = boost(X, y, weight, 3, (3, 4, 5), **options).raw_scores(X)
    assert_allclose(together, np.mean(each, axis=0), rtol=1e-6, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 400))
def test_a_row_does_not_depend_on_the_others(trained, seed, n):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[rng.random(X.shape) < 0.2] = np.nan
    whole = trained.predict_proba(X)
    order = rng.permutation(n)
    assert_array_equal(trained.predict_proba(X[order]), whole[order])
    at = rng.integers(0, n, 5)
    for i in at:
        assert_array_equal(trained.predict_proba(X[i : i + 1])[0], whole[i])
    assert_array_equal(trained.predict_proba(np.asfortranarray(X)), whole)


@pytest.fixture(scope="module")
def trained():
    X, y, weight = draw(500, 4, 3, 0, 0.2)
    return boost(X, y, weight, 3, (0, 1), **SETTINGS)


def test_a_split_of_what_is_missing_from_all_else_has_a_finite_threshold():
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.4).astype(int)
    X = single(rng.normal(size=(300, 1)))
    X[y == 1] = np.nan
    trees = boost(X, y, np.ones(300), 2, (0,), **SETTINGS)
    assert_allclose(trees.predict_proba(X), oracle(X, y, np.ones(300)).predict_proba(X), **CLOSE)
    assert np.isfinite(trees.threshold).all()


def test_no_rows(trained):
    assert trained.predict_proba(np.empty((0, 4))).shape == (0, 3)


@pytest.mark.parametrize("n_trees", [1, 3, 4, 5, 23])
def test_sums_are_those_of_a_plain_loop(n_trees):
    """Trees of several classes in any order, in numbers that four at once do not divide."""
    rng = np.random.default_rng(n_trees)
    X = single(rng.normal(size=(300, 3)))
    X[rng.random(X.shape) < 0.2] = np.nan
    shape = (n_trees, 2**DEPTH - 1)
    trees = Trees(
        rng.normal(size=4),
        rng.choice([0, 1, 3], n_trees),
        rng.integers(-3, 3, shape),
        single(rng.normal(size=shape)),
        single(rng.normal(size=(n_trees, 2**DEPTH))),
    )
    expected = np.tile(trees.baseline, (300, 1))
    for i, x in enumerate(X):
        for t, k in enumerate(trees.output):
            at = 0
            while at < shape[1]:
                j = trees.feature[t, at]
                value = x[j] if j >= 0 else -x[-1 - j]
                at = 2 * at + (1 if value <= trees.threshold[t, at] else 2)
            expected[i, k] += trees.leaf[t, at - shape[1]]
    assert_array_equal(trees.raw_scores(X), expected)


def test_the_mean_of_trees_of_all_and_of_the_first_features():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = (X[:, 0] + X[:, 3] > 0).astype(int)
    settings = {"max_iter": 5, "max_leaf_nodes": 8, "min_samples_leaf": 10}
    parts = [boost(some, y, np.ones(400), 2, (0,), **settings) for some in (X, X[:, :2])]
    raw = [part.raw_scores(some) for part, some in zip(parts, (X, X[:, :2]), strict=True)]
    assert_allclose(mean_of(parts).raw_scores(X), np.mean(raw, axis=0), atol=1e-5)
