"""What training learns from: copies of detections, and the bags that judge what they never saw."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift import surveys
from xsift.features import fit_normal_scores
from xsift.model.bags import fit_bags
from xsift.model.examples import examples_of
from xsift.model.faint import dimming_of, level_of, levels_of_counts
from xsift.model.sample import Training

SURVEY = surveys.load("csc21")
NAMES = tuple(f.name for f in SURVEY.feature_set("without-newq"))
N = 120
# One faint detection of each level among the exact ones.
FAINT = np.array([7.0, 15.0, 30.0, 100.0, 300.0])


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, len(NAMES)))
    y = rng.integers(0, 3, N)
    X[:, :4] += y[:, None]
    X[:, :3] = np.tanh(X[:, :3] / 2)
    X[:, 4:] = np.exp(X[:, 4:] / 4)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 0] = np.nan_to_num(X[:, 0])
    y[90:] = -1
    counts = np.full(N, np.inf)
    counts[: len(FAINT)] = FAINT
    return Training(X, y, np.full(N, None), np.arange(N) // 2, counts=counts)


def made(training, dimming):
    scores = fit_normal_scores(training.X, None)
    known = np.flatnonzero(training.y >= 0)
    Z = scores.transform(training.X)
    return Z, examples_of(training, Z, scores, None, "remove", dimming, known, 1)


@pytest.fixture(scope="module")
def examples(training):
    return made(training, dimming_of(SURVEY, NAMES))


def test_known_detections_and_the_same_with_values_hidden(training, examples):
    Z, found = examples
    n = 90
    assert_array_equal(found.row[: 2 * n], np.tile(np.arange(n), 2))
    assert_array_equal(found.Z[:n], Z[:n])
    assert_array_equal(found.weight[: 2 * n], np.repeat([1.0, 0.5], n))
    assert_array_equal(found.is_hidden, np.arange(len(found.row)) // n == 1)
    hidden = found.Z[n : 2 * n]
    assert 0.2 < np.isnan(hidden)[~np.isnan(Z[:n])].mean() < 0.4  # half of 0 to 0.6
    assert_array_equal(hidden[~np.isnan(hidden)], Z[:n][~np.isnan(hidden)])
    assert not np.isnan(hidden).all(axis=1).any()
    assert_array_equal(found.level[: 2 * n], np.tile(level_of(training.counts[:n]), 2))


def test_copies_have_fewer_counts_than_the_detection(training, examples):
    _, found = examples
    copies = found.take(np.flatnonzero(found.weight == 0.1))
    for i, n in enumerate(FAINT):
        assert (copies.row == i).sum() == sum(high < n for _, high in levels_of_counts()) == i
    # The others, known or not, once in each level that is not exact.
    assert_array_equal(np.bincount(copies.row, minlength=N)[len(FAINT) :], 5)
    assert_array_equal(np.bincount(copies.level, minlength=6) > 0, [True] * 5 + [False])
    assert copies.faint.max() < 1
    assert (found.faint[found.row[: len(found.faint)] >= 0] <= 1).all()
    assert found.is_sampled.all()  # of less than ten thousand


def test_who_learns_from_what(examples):
    _, found = examples
    own = found.weight == 1.0
    assert_array_equal(found.teaches(5), np.flatnonzero(own))
    for level in range(5):
        taught = found.teaches(level)
        assert (found.level[taught] == level).all()
        assert not found.is_hidden[taught].any()
        assert own[taught].sum() == 1  # the faint detection of this level, as it is
    assert_array_equal(found.is_judged(range(4, 6)), own)
    assert_array_equal(found.is_judged(range(6)), (found.level < 4) & ~found.is_hidden)


def test_without_counts_there_are_no_faint_copies(training):
    _, found = made(training, None)
    assert (found.n_levels, found.faint) == (1, None)
    assert len(found.row) == 180
    assert not found.level.any()
    assert_array_equal(found.teaches(0), np.arange(90))
    assert_array_equal(found.is_judged(range(1)), np.arange(180) < 90)


def test_a_table_without_counts_is_exact(training, examples):
    given = replace(training, counts=np.full(N, np.inf))
    dimming = dimming_of(SURVEY, NAMES)
    a, b = (made(t, dimming)[1] for t in (given, replace(given, counts=None)))
    assert_array_equal(a.Z, b.Z)
    assert_array_equal(a.level, b.level)


# Class 2 is beside the plain ones.
GROUP = np.array([0, 1, 2])


def fitted(training, found, counts=None):
    counts = np.ones(N) if counts is None else counts
    return fit_bags(found, training.y, training.source, GROUP, 2, counts, 1)


def test_bags_of_each_level(training, examples):
    bags, p = fitted(training, examples[1])
    assert [len(level) for level in bags] == [6] * 5 + [12]
    assert {bag.n_classes for level in bags for bag in level} == {3}
    assert p.shape == (len(examples[1].row), 3)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    for bag in bags[-1]:
        assert (np.diff(bag.owner) >= 0).all()
        assert set(bag.owner) == {0, 1, 2}
        assert bag.weights.sum() == pytest.approx(1)
        assert bag.weights[bag.owner == 2].sum() == pytest.approx(1 / 3, abs=0.12)


def test_a_bag_judges_no_source_that_taught_it(training, examples):
    """Whatever a detection teaches, its own copy is judged as before, and others are not."""
    _, found = examples
    _, p = fitted(training, found)
    row = 40  # its example teaches the brightest level; the same with values hidden is judged there
    Z = found.Z.copy()
    Z[row] = -Z[row] + 1
    _, again = fitted(training, replace(found, Z=Z))
    own = np.flatnonzero((training.source[found.row] == 20) & (found.level == 5))
    judged = own[~np.isin(own, row)]
    assert len(judged) == 3
    assert_array_equal(again[judged], p[judged])
    others = np.setdiff1d(np.flatnonzero(found.level == 5), own)
    assert (again[others] != p[others]).any(axis=1).mean() > 0.9
    assert_array_equal(again[found.level < 5], p[found.level < 5])  # levels learn apart


def test_a_row_that_counts_twice_is_the_row_twice_in_the_shares(training, examples):
    counts = np.where(training.y == 2, 2.0, 1.0)
    once, twice = (fitted(training, examples[1], c)[0][-1] for c in (None, counts))
    for a, b in zip(once, twice, strict=True):
        odds = [
            bag.weights[bag.owner == 2].sum() / bag.weights[bag.owner < 2].sum() for bag in (a, b)
        ]
        assert odds[1] == pytest.approx(2 * odds[0], rel=1e-6)


def test_a_handful_of_sources_has_the_class_shares(training):
    """Of two sources each bag would have one class alone: it has all, and judges none."""
    rows = np.array([np.flatnonzero(training.y == c)[3] for c in (0, 1)])
    few = training.take(rows)
    _, found = made(few, None)
    _, p = fit_bags(found, few.y, few.source, GROUP[:2], 2, np.array([3.0, 1.0]), 1)
    assert_allclose(p, np.tile([0.75, 0.25], (4, 1)))
