"""The verdict as it is written: by hand, and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle

from xsift.classes import PAPER_CLASSES
from xsift.evaluate.experiments import Protocol, folds_of, plan, run_task
from xsift.evaluate.metrics import Resamples, levels_of
from xsift.evaluate.results import results
from xsift.evaluate.written import Written, written_by

GROUPS, MERGED, CLASSES = levels_of(PAPER_CLASSES)


def alone(n):
    return Resamples.draw(np.arange(n), np.ones(n, dtype=bool), seed=0, n=0)


def test_none_is_wrong_and_nothing_is_left_out():
    # QSO and AGN are one group. Rows: right class, right group, none, no verdict.
    said = np.array([0, 1, 10, -1])
    found = Written(np.arange(4), {"probable": said}, np.zeros(4, int))
    groups = found.measure(GROUPS, alone(4))["probable"]
    assert groups["accuracy"]["value"] == groups["balanced_accuracy"]["value"] == 2 / 3
    assert groups["all_else"]["value"] == 1 / 3
    assert groups["accuracy"]["n"] == 3
    assert found.measure(CLASSES, alone(4))["probable"]["accuracy"]["value"] == 1 / 3


@pytest.mark.parametrize("level", [GROUPS, MERGED, CLASSES], ids=lambda lv: lv.key)
def test_against_scikit_learn(level):
    rng = np.random.default_rng(2)
    y, said = rng.integers(0, 10, 500), rng.integers(0, 11, 500)
    found = Written(np.arange(500), {"r": said}, y).measure(level, alone(500))["r"]
    truth, called = level.of_class[y], np.append(level.of_class, -1)[said]
    recall = oracle.recall_score(
        truth, called, labels=range(len(level.names)), average=None, zero_division=0
    )
    assert found["balanced_accuracy"]["value"] == pytest.approx(recall.mean(), abs=1e-12)
    assert found["accuracy"]["value"] == pytest.approx(oracle.accuracy_score(truth, called))
    assert found["all_else"]["value"] == pytest.approx((called < 0).mean())


@pytest.fixture
def validated(cohort, nearest):
    protocol = Protocol(3, 1, 7, ("folds",))
    fold = folds_of(cohort, "folds", protocol)
    tasks = plan(cohort, ["nearest"], protocol)
    answers = {t: run_task(cohort, fold, nearest, t, protocol) for t in tasks}
    return answers, protocol


def test_what_a_fold_writes_follows_its_own_prior(cohort, validated):
    shares = np.array([0.8, 0.1, 0.1])
    # Less sure than the method is, so that the shares decide.
    answers = [replace(a, p=0.4 * a.p + 0.2, shares=shares) for a in validated[0].values()]
    by_rule = written_by(answers, cohort.classes, by_source=False)
    a = answers[0]
    p = np.column_stack([a.p * (1 - a.beside), a.beside])
    prior = np.append(a.shares * 0.9, 0.1)
    n = len(a.rows)
    assert (by_rule["probable"][:n] == p.argmax(axis=1)).all()  # each class a group
    # Among the classes, where they are as probable as none of them.
    best = np.where(p[:, 3] > 0.5, 3, (p / prior)[:, :3].argmax(axis=1))
    assert (by_rule["balanced"][:n] == best).all()
    assert (by_rule["balanced"] != by_rule["probable"]).any()
    no_shares = [replace(a, shares=np.full(3, np.nan)) for a in answers]
    assert list(written_by(no_shares, cohort.classes, by_source=True)) == ["probable"]


def test_results_hold_it_by_detection_and_by_source(cohort, validated):
    answers, protocol = validated
    found = results(cohort, ["nearest"], protocol, answers.get)["folds"]["nearest"]
    for what in ("detections", "sources"):
        for level in ("groups", "classes"):
            written = found[what][level]["written"]
            assert set(written) == {"probable", "balanced"}
            for figures in written.values():
                f = figures["balanced_accuracy"]
                assert f["low"] <= f["value"] <= f["high"]
    # Rows at the edges look like nothing known; where they count as wrong, it shows.
    plain, written = (found["detections"]["groups"][key] for key in ("accuracy", "written"))
    assert written["probable"]["accuracy"]["value"] <= plain["value"]
    assert 0 <= written["probable"]["all_else"]["value"] < 0.5
