"""Sets of groups: in the model's file, in a catalogue, and under other class shares."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

import xsift
from xsift import Settings, surveys
from xsift.catalogue.rules import set_columns
from xsift.classes import PAPER_CLASSES, named_classes
from xsift.errors import XsiftWarning
from xsift.model.prior import all_shares, reweight
from xsift.model.sample import read_sample
from xsift.model.sets import group_sets, thresholds_of
from xsift.read import as_input
from xsift.score.conformal import RATE

WIDE = named_classes("wide")
GROUP = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 3, *[4] * 8])  # kinds apart, and none, are "other"
NAMES = [*PAPER_CLASSES.groups, "other"]
COLUMNS = [*WIDE.columns, "p_none"]
FAINT = np.array([0.2, 0.1, 0.3, 0.4, 0.05])
BRIGHT = np.array([0.5, 0.3, 0.6, 0.1, 0.25])
COUNTS = np.tile([5.0, 129.9, 130.0, np.inf, 44.0], 100)


def shared(scorer, thresholds):
    """Return a scorer with shares in each class, and thresholds of its own."""
    plain, opened = np.arange(1.0, 11), np.arange(1.0, 19)
    return replace(
        scorer,
        plain=replace(scorer.plain, shares=plain / plain.sum()),
        opened=replace(scorer.opened, shares=opened / opened.sum()),
        thresholds=thresholds,
    )


@pytest.fixture
def opened(model):
    """The same model with other thresholds; shares in each class."""
    pairs = zip(model.scorers, (FAINT, BRIGHT), strict=True)
    return replace(model, scorers=tuple(shared(*pair) for pair in pairs))


def naive(p, thresholds, trained=True):
    """Sum up, divide where some groups take no part, compare."""
    n = thresholds.shape[-1]
    q = np.column_stack([p[:, g == GROUP].sum(axis=1) for g in range(n)]) * trained
    q = q / q.sum(axis=1, keepdims=True)
    return (q >= thresholds - 1e-9) & trained


def test_against_a_plain_sum(opened):
    p = np.random.default_rng(0).dirichlet(np.full(18, 0.5), 500)
    thresholds = np.array([BRIGHT if n >= 130 else FAINT for n in COUNTS])
    found = group_sets(opened, p, all_shares(opened.prior), COUNTS)
    assert_array_equal(found, naive(p, thresholds))
    closed = tuple(replace(s, opened=None, thresholds=s.thresholds[:4]) for s in opened.scorers)
    closed = replace(opened, scorers=closed)
    found = group_sets(closed, p, all_shares(closed.prior), COUNTS)
    assert_array_equal(found, naive(p, thresholds[:, :4]))


@pytest.mark.parametrize("which", [0, 1])
def test_a_model_without_thresholds_of_some_detections_has_no_sets(opened, which):
    scorers = list(opened.scorers)
    scorers[which] = replace(scorers[which], thresholds=None)
    p = np.full((1, 18), 1 / 18)
    without = replace(opened, scorers=tuple(scorers))
    assert group_sets(without, p, all_shares(without.prior), COUNTS[:1]) is None


def test_a_row_has_the_set_that_it_has_alone(opened):
    p, prior = np.random.default_rng(4).dirichlet(np.ones(18), 500), all_shares(opened.prior)
    whole = group_sets(opened, p, prior, COUNTS)
    for i in range(5):
        row = slice(i, i + 1)
        assert_array_equal(group_sets(opened, p[row], prior, COUNTS[row])[0], whole[i])


def test_other_shares_change_no_set(opened):
    """The rate holds in each group by itself: how many there are of each does not matter."""
    rng = np.random.default_rng(1)
    p, prior = rng.dirichlet(np.full(18, 0.5), 500), all_shares(opened.prior)
    other = rng.dirichlet(np.ones(18))
    found = group_sets(opened, reweight(p, prior, other), other, COUNTS)
    assert_array_equal(found, group_sets(opened, p, prior, COUNTS))


def test_a_group_without_a_share_is_in_no_set(opened):
    p, prior = np.random.default_rng(2).dirichlet(np.ones(18), 500), all_shares(opened.prior)
    other = np.where(GROUP == 2, 0.0, 1 / 15)
    found = group_sets(opened, reweight(p, prior, other), other, COUNTS)
    assert not found[:, 2].any()
    kept = [0, 1, 3, 4]
    before = group_sets(opened, p, prior, COUNTS)[:, kept]
    assert (found[:, kept] >= before).all()  # the others share what it had


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
    assert with_none["group_set"].to_pylist() == ["AGN|Seyfert|XB|YSO|other"]


def trained_groups(model):
    """Return which groups have a share in training: the table has no Seyfert."""
    return np.bincount(GROUP, all_shares(model.prior)) > 0


def test_a_catalogue_has_them(calibrated, model):
    record = json.loads((calibrated / "run.json").read_text())
    faint, bright = record["sets"]["thresholds"]
    assert record["sets"]["rate"] == RATE
    assert list(faint) == list(bright) == NAMES
    for said, scorer in zip((faint, bright), model.scorers, strict=True):
        assert list(said.values()) == scorer.thresholds.tolist()
    for stem in ("detections", "sources"):
        table = pq.read_table(calibrated / f"{stem}.parquet")
        p = np.column_stack([table[c].to_numpy() for c in COLUMNS])
        # No limits: all are exact.
        members = naive(p, model.scorers[-1].thresholds, trained_groups(model))
        expected = [
            "|".join(np.array(list(bright))[row]) if np.isfinite(q[0]) else None
            for row, q in zip(members, p, strict=True)
        ]
        assert table["group_set"].to_pylist() == expected
        assert 0.8 < np.nanmean(table["n_group_set"].to_numpy()) < len(bright)


def test_sets_of_a_source_are_those_of_its_brightest_detection(
    calibrated, model, small_table, with_limits
):
    """Two detections of each source: in turns both are faint, both bright, and one of each."""
    detections = with_limits(small_table, np.tile([20.0, 20, 900, 900, 20, 900], 100))
    found = xsift.classify(detections, calibrated / "model.asdf")
    survey = surveys.load("csc20")
    given = read_sample(as_input(detections), survey, survey.feature_set("all"), Settings())
    table, brightest = found.sources, {}
    for name, role, counts in zip(
        small_table["name"].to_pylist(),
        found.detections["role"].to_pylist(),
        given.features.counts,
        strict=True,
    ):
        if role == "scored":
            brightest[name] = max(brightest.get(name, 0), counts)
    of_source = np.array([brightest[name] for name in table["name"].to_pylist()])
    p = np.column_stack([table[c].to_numpy() for c in COLUMNS])
    sets = [
        ["|".join(np.array(NAMES)[row]) for row in members]
        for members in (
            naive(p, scorer.thresholds, trained_groups(model)) for scorer in model.scorers
        )
    ]
    assert (np.array(sets[0]) != np.array(sets[1])).any()
    wanted = np.where(of_source >= 130, sets[1], sets[0])
    assert table["group_set"].to_pylist() == wanted.tolist()
    assert 0.2 < (of_source < 130).mean() < 0.5


def test_a_prior_changes_the_probabilities_and_not_the_sets(calibrated):
    table, model = calibrated / "table.parquet", calibrated / "model.asdf"
    plain, uniform = (xsift.classify(table, model, prior=p) for p in ("train", "uniform"))
    assert not plain.detections["p_qso"].equals(uniform.detections["p_qso"])
    sets = [np.array(c.detections["group_set"].to_pylist()) for c in (plain, uniform)]
    # But where a probability lies on the threshold: a prior takes what classes without a share had.
    assert np.mean(sets[0] == sets[1]) > 0.97
