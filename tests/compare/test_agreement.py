"""Figures of agreement, against naive loops and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    precision_score,
    recall_score,
)

from xsift.compare import agreement, by_confidence, share

GROUPS = ["A", "B", "C"]


def drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    theirs = rng.choice(GROUPS, n, p=[0.6, 0.3, 0.1])
    same = rng.random(n) < 0.7
    return theirs.tolist(), np.where(same, theirs, rng.choice(GROUPS, n)).tolist()


def test_figures_are_those_of_scikit_learn():
    theirs, ours = drawn(400)
    found = agreement(theirs, ours, GROUPS, GROUPS).figures
    assert found["n"] == 400
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(theirs, ours), abs=1e-12)
    wanted = balanced_accuracy_score(theirs, ours)
    assert found["balanced_accuracy"]["value"] == pytest.approx(wanted, abs=1e-12)
    assert found["kappa"]["value"] == pytest.approx(cohen_kappa_score(theirs, ours), abs=1e-12)
    recall = recall_score(theirs, ours, average=None, labels=GROUPS)
    precision = precision_score(theirs, ours, average=None, labels=GROUPS)
    for name, r, p in zip(GROUPS, recall, precision, strict=True):
        assert found["recall"][name]["value"] == pytest.approx(r, abs=1e-12)
        assert found["precision"][name]["value"] == pytest.approx(p, abs=1e-12)


def test_rows_and_columns_may_differ():
    theirs = ["A", "A", "none", "none", "B"]
    ours = ["A", "B", "A", "A", "B"]
    found = agreement(theirs, ours, ["A", "B", "none"], ["A", "B"])
    assert found.confusion.tolist() == [[1, 1], [0, 1], [2, 0]]
    f = found.figures
    assert f["accuracy"]["value"] == pytest.approx(2 / 5)
    assert f["recall"]["none"] == share(0, 2)
    assert f["precision"]["A"]["value"] == pytest.approx(1 / 3)
    assert "none" not in f["precision"]
    assert f["balanced_accuracy"]["value"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    padded = cohen_kappa_score(theirs, ours, labels=["A", "B", "none"])
    assert f["kappa"]["value"] == pytest.approx(padded, abs=1e-12)


def test_a_group_without_members_does_not_count():
    found = agreement(["A", "A"], ["A", "B"], GROUPS, GROUPS).figures
    assert found["balanced_accuracy"]["value"] == 0.5
    assert np.isnan(found["recall"]["C"]["value"])
    assert found["recall"]["C"]["n"] == 0


def test_nothing_at_all():
    found = agreement([], [], GROUPS, GROUPS).figures
    assert found["n"] == 0
    for name in ("accuracy", "balanced_accuracy", "kappa"):
        assert np.isnan(found[name]["value"])


def test_shares_have_wilson_intervals():
    # Newcombe 1998, Stat. Med. 17, 857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for right, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = share(right, n)
        assert found["interval"] == "wilson"
        assert (found["low"], found["high"]) == pytest.approx((low, high), abs=5e-5)


def test_the_bootstrap_is_one_of_sources():
    theirs, ours = drawn(150, seed=3)
    found = agreement(theirs, ours, GROUPS, GROUPS, seed=1).figures["kappa"]
    rng = np.random.default_rng(7)
    a, b = np.array(theirs), np.array(ours)
    kappas = []
    for _ in range(1000):
        rows = rng.integers(0, 150, 150)
        kappas.append(cohen_kappa_score(a[rows], b[rows]))
    low, high = np.percentile(kappas, [2.5, 97.5])
    # Two bootstraps of 1000 and 2000: their percentiles differ by about 0.005.
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.02)
    assert found["interval"] == "bootstrap"
    again = agreement(theirs, ours, GROUPS, GROUPS, seed=1).figures["kappa"]
    assert again == found


@given(st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from(GROUPS)), min_size=1))
def test_the_order_of_the_sources_does_not_matter(pairs):
    def figures(chosen):
        return agreement(*zip(*chosen, strict=True), GROUPS, GROUPS).confusion.tolist()

    assert figures(pairs) == figures(pairs[::-1])


def test_by_confidence_counts_every_source_once():
    p = np.array([0.0, 0.49, 0.5, 0.7, 0.9, 1.0, 0.95])
    agrees = np.array([True, False, True, True, False, True, True])
    found = by_confidence(p, agrees)
    assert [part["agreement"]["n"] for part in found] == [2, 1, 1, 3]
    assert found[3]["agreement"]["value"] == pytest.approx(2 / 3)
    assert found[3]["mean_probability"] == pytest.approx(0.95)
