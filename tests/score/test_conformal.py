"""Conformal sets: thresholds by hand, and the rate on sources never seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift.score.conformal import RATE, fewest_sources, set_members, set_thresholds


@pytest.mark.parametrize(("rate", "n"), [(0.9, 9), (0.8, 4), (0.5, 1), (0.95, 19)])
def test_fewest_sources(rate, n):
    assert fewest_sources(rate) == n
    p = np.linspace(0.1, 0.9, n)[:, None]
    truth, source = np.zeros(n, int), np.arange(n)
    assert_allclose(set_thresholds(p, truth, source, rate), 0.1)  # the lowest, and not zero
    assert set_thresholds(p[1:], truth[1:], source[1:], rate).tolist() == [0]


def test_one_detection_a_source_is_the_usual_quantile():
    # Of 29 held-out scores the third lowest: k = floor(.1 * 30) = 3.
    p = np.linspace(0.01, 0.29, 29)
    found = set_thresholds(np.column_stack([p, 1 - p]), np.zeros(29, int), np.arange(29))
    assert_allclose(found, [0.03, 0])  # of the other group there is no source


def test_detections_of_a_source_share_its_weight():
    # 39 sources, 3 may lie below. One has eight detections, the lowest: by 1 / cbrt(8) they weigh
    # 4 of 42, scaled 39 / 42 each: 8 * .5 * 39 / 42 = 3.7 of 39. So the threshold is among them.
    p = np.concatenate([np.linspace(0.01, 0.08, 8), np.linspace(0.11, 0.48, 38)])
    source = np.concatenate([np.zeros(8, int), np.arange(1, 39)])
    (found,) = set_thresholds(p[:, None], np.zeros(46, int), source)
    weight = np.where(source == 0, 0.5, 1.0) * 39 / 42
    below = np.cumsum(weight) - weight
    assert found == p[below <= 3].max()
    assert found == pytest.approx(0.07)


def test_equal_scores_stand_together():
    p = np.full((40, 1), 0.25)
    assert set_thresholds(p, np.zeros(40, int), np.arange(40)).tolist() == [0.25]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60))
def test_the_order_of_rows_changes_nothing(seed, n):
    rng = np.random.default_rng(seed)
    p, truth = rng.dirichlet(np.ones(3), n), rng.integers(0, 3, n)
    source, order = rng.integers(0, 20, n), rng.permutation(n)
    found = set_thresholds(p, truth, source, 0.5)
    assert_allclose(set_thresholds(p[order], truth[order], source[order], 0.5), found)


def test_the_rate_holds_in_each_group_on_new_sources():
    """Exchangeable sources: the mean coverage over many draws is the rate, and at most 1/n more."""
    rng = np.random.default_rng(4)

    def draw(n):
        truth = rng.choice(3, n, p=[0.8, 0.15, 0.05])  # the rare group is found as often
        score = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[truth]
        p = np.exp(score)
        return p / p.sum(axis=1, keepdims=True), truth

    covered = []
    for _ in range(200):
        p, truth = draw(600)
        thresholds = set_thresholds(p, truth, np.arange(600))
        q, new = draw(600)
        members = set_members(q, thresholds)
        covered.append([members[new == g, g].mean() for g in range(3)])
    mean = np.mean(covered, axis=0)
    assert (mean > RATE - 0.01).all()
    assert (mean < RATE + 0.04).all()  # 30 sources of the third: k is a whole number


def test_a_row_without_probabilities_has_an_empty_set():
    p = np.array([[np.nan, np.nan], [0.4, 0.6]])
    assert_array_equal(set_members(p, np.array([0.0, 0.7])), [[False, False], [True, False]])


def test_a_row_on_the_threshold_is_in_whatever_its_last_bits():
    at = 0.1 + 0.2  # a bit above 0.3
    assert set_members(np.array([[0.3]]), np.array([at])).all()
