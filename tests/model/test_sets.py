"""Sets of groups: in the model's file, in a catalogue, and under other class shares."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

import xsift
from xsift.catalogue.rules import set_columns
from xsift.classes import PAPER_CLASSES
from xsift.errors import XsiftWarning
from xsift.model.prior import all_shares, reweight
from xsift.model.sets import group_sets, thresholds_of
from xsift.score.conformal import RATE

GROUP = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 3])
COLUMNS = [*PAPER_CLASSES.columns, "p_none"]


@pytest.fixture
def with_none(model):
    """The same model with thresholds that speak of none, too; shares in each class."""
    shares = np.arange(1.0, 11)
    scorer = replace(model.scorer, shares=shares / shares.sum())
    return replace(model, scorer=scorer, set_thresholds=np.array([0.2, 0.1, 0.3, 0.4, 0.05]))


def naive(p, thresholds, trained=True):
    """Sum up, divide where some groups take no part, compare."""
    q = np.column_stack([p[:, :10][:, g == GROUP].sum(axis=1) for g in range(4)] + [p[:, 10]])
    q = q[:, : len(thresholds)] * trained
    q = q / q.sum(axis=1, keepdims=True)
    return (q >= thresholds - 1e-9) & trained


def test_against_a_plain_sum(with_none):
    p = np.random.default_rng(0).dirichlet(np.full(11, 0.5), 500)
    prior = all_shares(with_none.prior)
    for model in (with_none, replace(with_none, set_thresholds=with_none.set_thresholds[:4])):
        assert_array_equal(group_sets(model, p, prior), naive(p, model.set_thresholds))
    assert group_sets(replace(with_none, set_thresholds=None), p, prior) is None


def test_other_shares_change_no_set(with_none):
    """The rate holds in each group by itself: how many there are of each does not matter."""
    rng = np.random.default_rng(1)
    p, prior = rng.dirichlet(np.full(11, 0.5), 500), all_shares(with_none.prior)
    other = rng.dirichlet(np.ones(11))
    found = group_sets(with_none, reweight(p, prior, other), other)
    assert_array_equal(found, group_sets(with_none, p, prior))


def test_a_group_without_a_share_is_in_no_set(with_none):
    p, prior = np.random.default_rng(2).dirichlet(np.ones(11), 99), all_shares(with_none.prior)
    other = np.where(np.append(GROUP, 4) == 2, 0.0, 1 / 8)
    found = group_sets(with_none, reweight(p, prior, other), other)
    assert not found[:, 2].any()
    before = group_sets(with_none, p, prior)[:, [0, 1, 3, 4]]
    assert (found[:, [0, 1, 3, 4]] >= before).all()  # the others share what it had


def test_too_few_sources_are_said():
    p = np.full((30, 3), 1 / 3)
    truth = np.repeat([0, 1], [25, 5])
    with pytest.warns(XsiftWarning) as said:
        found = thresholds_of(p, truth, np.arange(30), ("A", "B", "none"))
    assert found.tolist() == pytest.approx([0.5, 0, 0])  # nothing is none, as nothing trained it
    assert str(said[0].message) == (
        "groups in every set of groups, as fewer than 9 sources are too few for a rate of 0.9: "
        "B (5)"
    )


def test_columns_by_hand():
    members = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0]], dtype=bool)
    known = np.array([True, True, False, True])
    found = set_columns(members, known, PAPER_CLASSES)
    assert found["group_set"].to_pylist() == ["AGN|XB", "", None, "AGN|XB"]
    assert found["n_group_set"].to_pylist() == [2, 0, None, 2]
    with_none = set_columns(np.ones((1, 5), dtype=bool), known[:1], PAPER_CLASSES)
    assert with_none["group_set"].to_pylist() == ["AGN|Seyfert|XB|YSO|none"]


def test_a_catalogue_has_them(calibrated, model):
    record = json.loads((calibrated / "run.json").read_text())
    thresholds = record["sets"]["thresholds"]
    assert record["sets"]["rate"] == RATE
    assert list(thresholds.values()) == model.set_thresholds.tolist()
    for stem in ("detections", "sources"):
        table = pq.read_table(calibrated / f"{stem}.parquet")
        p = np.column_stack([table[c].to_numpy() for c in COLUMNS])
        # The table has no Seyfert to train on.
        members = naive(p, model.set_thresholds, model.set_thresholds > 0)
        expected = [
            "|".join(np.array(list(thresholds))[row]) if np.isfinite(q[0]) else None
            for row, q in zip(members, p, strict=True)
        ]
        assert table["group_set"].to_pylist() == expected
        assert 0.8 < np.nanmean(table["n_group_set"].to_numpy()) < len(thresholds)


def test_a_prior_changes_the_probabilities_and_not_the_sets(calibrated):
    table, model = calibrated / "table.parquet", calibrated / "model.asdf"
    plain, uniform = (xsift.classify(table, model, prior=p) for p in ("train", "uniform"))
    assert not plain.detections["p_qso"].equals(uniform.detections["p_qso"])
    sets = [np.array(c.detections["group_set"].to_pylist()) for c in (plain, uniform)]
    # But where a probability lies on the threshold: a prior takes what classes without a share had.
    assert np.mean(sets[0] == sets[1]) > 0.97
