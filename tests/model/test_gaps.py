"""Gaps that go with the labels are measured, and taken out; others are left as they are."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift import CalibratedClassifier
from xsift.errors import XsiftWarning
from xsift.model.gaps import even_weights, measure_gaps


def patterns(*rows):
    """Missing (1 or 0 of two features), kind and number of each sort of row, as arrays."""
    n = [r[-1] for r in rows]
    missing = np.repeat([[c == "1" for c in r[0]] for r in rows], n, axis=0)
    return missing, np.repeat([r[1] for r in rows], n)


def weights_by_hand(missing, kind):
    factor, confined = even_weights(missing, kind, np.ones(len(kind)))
    return factor, confined.tolist()


def test_a_pattern_of_one_kind_teaches_nothing():
    missing, kind = patterns(("00", 0, 60), ("00", 1, 40), ("01", 1, 30))
    factor, confined = weights_by_hand(missing, kind)
    assert_array_equal(factor, np.repeat([1.0, 0.0], [100, 30]))
    assert confined == []


def test_kinds_get_the_shares_of_all_in_each_pattern():
    # The shares: 60 and 40 of complete rows, 20 and 80 of rows with half of the features, by the
    # square a quarter each: 65 and 60 of 125. With 20 of the first kind 20 / .52 rows are filled,
    # 18.46 of them the second kind's.
    missing, kind = patterns(("00", 0, 60), ("00", 1, 40), ("01", 0, 20), ("01", 1, 80))
    factor, _ = weights_by_hand(missing, kind)
    assert_allclose(factor, np.repeat([1, 1, 1, 20 / 65 * 60 / 80], [60, 40, 20, 80]))


def test_a_rare_kind_may_be_absent_by_chance():
    # Of 2 in a hundred, 0.6 are expected among 30: that none is there says nothing.
    missing, kind = patterns(("00", 0, 98), ("00", 1, 2), ("01", 0, 30))
    factor, _ = weights_by_hand(missing, kind)
    assert factor.min() > 0.9


def test_rare_patterns_are_taken_as_one():
    # Nine rows of each say little; all of them are of one kind.
    missing = np.zeros((100 + 4 * 9, 4), dtype=bool)
    for j in range(4):
        missing[100 + 9 * j : 109 + 9 * j, j] = True
    kind = np.r_[np.arange(100) % 2, np.ones(36, dtype=int)]
    factor, _ = weights_by_hand(missing, kind)
    assert_array_equal(factor, np.repeat([1.0, 0.0], [100, 36]))


def test_a_kind_that_would_be_lost_keeps_its_rows():
    missing, kind = patterns(("00", 0, 60), ("00", 1, 40), ("01", 2, 50))
    factor, confined = weights_by_hand(missing, kind)
    assert confined == [2]
    assert_array_equal(factor, 1.0)


def test_a_weight_of_two_is_the_row_twice():
    missing, kind = patterns(("00", 0, 60), ("00", 1, 40), ("01", 0, 20), ("01", 1, 80))
    weight = 1.0 + np.arange(len(kind)) % 2
    rows = np.repeat(np.arange(len(kind)), weight.astype(int))
    assert_allclose(
        even_weights(missing, kind, weight)[0][rows],
        even_weights(missing[rows], kind[rows], np.ones(len(rows)))[0],
    )


def measured(missing, known, kind, wanted="auto"):
    return measure_gaps(missing, np.ones(len(missing)), known, kind, np.ones(len(known)), wanted)


def test_the_distances_by_hand():
    # Of all rows 200 of 400 lack the second feature, of the labelled ones 100 of 140.
    missing, of = patterns(("00", 0, 40), ("01", 1, 100), ("00", -1, 160), ("01", -1, 100))
    known = np.flatnonzero(of >= 0)
    gaps = measured(missing, known, of[known])
    assert_allclose(gaps.apart, 100 / 140 - 200 / 400)
    # Kinds: 40 and 100 of 140. Complete rows are all of the one, the others all of the other.
    assert_allclose(gaps.tells, (100 / 140 + 40 / 140) / 2)
    assert gaps.by_chance < 1e-6
    assert gaps.go_with_labels
    assert gaps.missing == "remove"


@pytest.mark.parametrize(
    "rows",
    [
        # Labelled rows lack what all lack.
        [("00", 0, 80), ("01", 1, 80), ("00", -1, 80), ("01", -1, 80)],
        # They do not, and it says nothing of their kind.
        [("00", 0, 80), ("00", 1, 80), ("01", 0, 9), ("01", 1, 9), ("01", -1, 200)],
        # Few rows: chance does as much.
        [("00", 0, 4), ("00", 1, 2), ("01", 1, 3), ("00", -1, 20), ("01", -1, 60)],
        # Every labelled row is complete.
        [("00", 0, 80), ("00", 1, 80), ("01", -1, 200)],
        # Nothing is missing.
        [("00", 0, 80), ("00", 1, 80)],
    ],
)
def test_other_gaps_are_kept_silently(rows):
    missing, of = patterns(*rows)
    known = np.flatnonzero(of >= 0)
    gaps = measured(missing, known, of[known])
    assert gaps.missing == "keep"
    assert gaps.warning(["a", "b"], "rows", "missing=") is None
    assert measured(missing, known, of[known], "remove").missing == "remove"


def test_what_is_said():
    missing, of = patterns(
        ("00", 0, 60), ("00", 1, 40), ("01", 1, 90), ("00", -1, 400), ("01", -1, 10)
    )
    known = np.flatnonzero(of >= 0)
    gaps = measured(missing, known, of[known])
    said = gaps.warning(["AGN", "XB"], "detections", "--missing ")
    assert said == (
        "labelled detections do not lack what all detections lack (31% of them would have to lack "
        "other features), and what they lack goes with their group (its shares differ by 29%): "
        "--missing remove took it out, and 90 labelled detections taught nothing, as other groups "
        "have next to no labels among those that lack the same features"
    )
    kept = measured(missing, known, of[known], "keep")
    said = kept.warning(["AGN", "XB"], "detections", "--missing ")
    assert "with --missing keep, probabilities of incomplete detections follow that" in said
    lost = replace(gaps, confined=(1,)).warning(["AGN", "XB"], "detections", "--missing ")
    assert lost.endswith("trust no XB among incomplete detections")
    assert gaps.record() == {
        "missing": "remove",
        "wanted": "auto",
        "apart": 0.3070,
        "tells": 0.2895,
        "by_chance": gaps.record()["by_chance"],
        "left_out": 90,
    }


@pytest.fixture(scope="module")
def lists():
    """Two kinds told apart a little; the second's labels come from a list that lacks columns."""
    rng = np.random.default_rng(1)
    n = 3000
    kind = rng.random(n) < 0.3
    X = rng.normal(size=(n, 4)) + 0.8 * kind[:, None]
    lacks = rng.random(n) < 0.4  # of the table: whatever the kind
    labelled = np.where(lacks, kind & (rng.random(n) < 0.8), rng.random(n) < 0.1)
    X[np.ix_(lacks, [1, 2])] = np.nan
    y = np.where(labelled, kind, np.nan)
    return X, y, kind, lacks


def found_second(lists, missing):
    X, y, _, lacks = lists
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        model = CalibratedClassifier(missing=missing).fit(X, y)
    p = model.predict_proba(X)[:, 1]
    fresh = np.isnan(y)
    return model, p[fresh & ~lacks].mean(), p[fresh & lacks].mean()


def test_lists_no_longer_decide(lists):
    _, complete, incomplete = found_second(lists, "keep")
    assert incomplete > 2 * complete
    model, complete, incomplete = found_second(lists, "auto")
    assert model.missing_ == "remove"
    assert incomplete < complete + 0.05  # labels took most of the second kind out of these


def test_the_classifier_says_so(lists):
    X, y, _, _ = lists
    said = "labelled rows do not lack what all rows lack .* missing=remove took it out"
    with pytest.warns(XsiftWarning, match=said):
        CalibratedClassifier().fit(X, y)
    with pytest.warns(XsiftWarning, match="with missing=keep, probabilities of incomplete rows"):
        CalibratedClassifier(missing="keep").fit(X, y)
