from dataclasses import replace

import numpy as np
import pytest

from xsift.classes import PAPER_CLASSES, is_certain_other
from xsift.errors import LabelError, SplitError
from xsift.evaluate.experiments import (
    REST,
    SHARES,
    Protocol,
    Task,
    folds_of,
    plan,
    run_task,
)
from xsift.evaluate.results import results
from xsift.evaluate.strata import strata_of

ALL = ("folds", "sky", "shares", "missing", "none")


def protocol(experiments=ALL, folds=3, draws=2, seed=1):
    return Protocol(folds, draws, seed, experiments)


def run(cohort, method, experiment, variant="", fold=0, draw=0):
    of = folds_of(cohort, experiment, protocol())
    answer = run_task(
        cohort, of, method, Task(experiment, method.name, variant, draw, fold), protocol()
    )
    training, seed = method.seen[-1]
    return answer, training, seed, of


def test_plan_has_every_fit_once(cohort):
    tasks = plan(cohort, ["a", "b"], protocol())
    assert len(set(tasks)) == len(tasks)
    count = {e: sum(t.experiment == e for t in tasks) for e in ALL}
    # Z is the only other type and has more than 20 sources, so that nothing is left for the rest.
    assert count == {"folds": 6, "sky": 6, "shares": 36, "missing": 12, "none": 6}
    assert not [t for t in tasks if t.variant == REST]
    assert {t.experiment for t in plan(cohort, ["a"], protocol(("none",)))} == {"folds", "none"}


def test_the_test_rows_are_not_seen(cohort, nearest):
    answer, training, _, of = run(cohort, nearest, "folds")
    assert len(training.X) == (of != 0).sum()
    assert (of[answer.rows] == 0).all()
    assert not set(cohort.source[answer.rows]) & set(training.source)
    assert (cohort.y[answer.rows] == answer.p.argmax(axis=1))[cohort.y[answer.rows] >= 0].all()
    assert answer.p.sum(axis=1) == pytest.approx(np.ones(len(answer.rows)))
    assert answer.beside[:, -1][cohort.is_other[answer.rows]].mean() > 0.8


def test_a_leak_fails_the_run(cohort, nearest):
    of = np.arange(240) % 3  # by row, not by source
    with pytest.raises(SplitError, match="a split that leaks"):
        run_task(cohort, of, nearest, Task("folds", "nearest", "", 0, 0), protocol())


def test_few_labels_leave_the_rows(cohort, nearest):
    _, full, _, _ = run(cohort, nearest, "folds")
    kept = {}
    for share in SHARES:
        _, training, _, _ = run(cohort, nearest, "shares", share)
        assert (training.X == full.X).all()
        chosen = training.y >= 0
        assert (training.y[chosen] == full.y[chosen]).all()
        for k in range(3):
            n_all = len(np.unique(full.source[full.y == k]))
            n = len(np.unique(training.source[training.y == k]))
            assert n == max(1, round(float(share) * n_all))
        # Both detections of a source keep their label, or neither.
        assert (chosen[::2] == chosen[1::2]).all()
        kept[share] = set(training.source[chosen])
    assert kept["0.03"] <= kept["0.1"] <= kept["0.3"]
    _, other_draw, _, _ = run(cohort, nearest, "shares", "0.3", draw=1)
    assert set(other_draw.source[other_draw.y >= 0]) != kept["0.3"]


def test_values_are_hidden_where_they_should_be(cohort, nearest):
    answer, training, _, _ = run(cohort, nearest, "missing", "test")
    assert not np.isnan(training.X).any()
    assert 0.6 < np.isnan(answer.p[:, 0]).mean() < 0.9  # 1 - 0.7^4 = .76
    _, training, _, _ = run(cohort, nearest, "missing", "both")
    assert 0.25 < np.isnan(training.X).mean() < 0.35


def test_a_type_that_is_held_out_stays_without_its_type(cohort, nearest):
    _, full, _, _ = run(cohort, nearest, "folds")
    answer, training, _, _ = run(cohort, nearest, "none", "Z")
    assert full.is_other.any()
    assert not training.is_other.any()
    assert len(training.X) == len(full.X)
    assert cohort.is_other[answer.rows].any()


def test_seeds_differ_by_fold_and_repeat(cohort, nearest):
    seeds = [run(cohort, nearest, "folds", fold=f)[2] for f in (0, 1, 0)]
    assert seeds[0] == seeds[2] != seeds[1]


class Refusing:
    name = "refusing"

    def fit(self, training, seed):
        raise LabelError("too few labels for this method")


def test_results_of_a_known_case(cohort, nearest):
    refusing, asked = Refusing(), protocol()
    tasks = plan(cohort, ["nearest", "refusing"], asked)
    of = {e: folds_of(cohort, e, asked) for e in ALL}
    methods = {"nearest": nearest, "refusing": refusing}
    kept = {t: run_task(cohort, of[t.experiment], methods[t.method], t, asked) for t in tasks}
    strata = tuple(strata_of(cohort.source, np.zeros(240, dtype=int), None, None, None))
    found = results(replace(cohort, strata=strata), ["nearest", "refusing"], asked, kept.get)
    groups = found["folds"]["nearest"]["detections"]["groups"]
    assert groups["balanced_accuracy"] == {
        "value": 1.0,
        "low": 1.0,
        "high": 1.0,
        "n": (cohort.y >= 0).sum(),
    }
    assert groups["n_detections"] == (cohort.y >= 0).sum()
    by_source = found["folds"]["nearest"]["sources"]["groups"]
    assert by_source["n_detections"] == (cohort.source_labels()[1] >= 0).sum()
    assert found["folds"]["refusing"] == {"failed": "too few labels for this method"}
    assert found["shares"]["nearest"]["0.1"]["n_draws"] == 2
    assert found["shares"]["refusing"]["0.1"]["n_failed"] == 2
    hidden = found["missing"]["nearest"]["test"]["detections"]["groups"]
    assert hidden["n_detections"] + hidden["n_unscored"] == groups["n_detections"]
    assert hidden["accuracy_unscored_wrong"]["value"] < 0.5 < hidden["accuracy"]["value"]
    assert found["none"]["nearest"]["all"]["p_else"]["value"] > 0.99
    assert found["none"]["nearest"]["types"]["Z"]["n_sources"] == cohort.is_other.sum() / 2
    part, parts = found["folds"]["nearest"]["strata"]
    assert (part["part"], part["n_detections"]) == ("2", groups["n_detections"])
    assert parts["n_detections"] == by_source["n_detections"]
    assert found["differences"] == {"nearest": {}}


def test_a_source_with_two_labels_has_the_more_frequent_one(cohort):
    y, source = np.array([2, 1, 1, 0, 2, -1]), np.array([0, 0, 0, 1, 1, 2])
    import dataclasses

    two = dataclasses.replace(cohort, y=y, source=source)
    assert two.source_labels()[1].tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("code", "is_other"),
    [
        *[(code, True) for code in ("CV*", "GlC", "SNR", "Nova")],
        # A class, ambiguous types, a band, a candidate, and active nuclei by another name.
        *[(code, False) for code in (None, "QSO", "X", "*", "NIR", "XB?", "BLL", "G", "LIN")],
    ],
)
def test_what_is_certainly_another_type(code, is_other):
    assert is_certain_other(code, PAPER_CLASSES) is is_other
