"""The open world: classes apart and other types among the test rows."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xsift.classes import Classes
from xsift.evaluate.baselines import Boosting, Forest
from xsift.evaluate.experiments import REST, Protocol, Task, folds_of, plan, run_task
from xsift.evaluate.metrics import Level, Resamples, Scores, open_levels_of
from xsift.evaluate.open_world import promise
from xsift.evaluate.results import results
from xsift.model.sample import Training


def validated(cohort, methods, experiments):
    protocol = Protocol(3, 1, 2, experiments)
    tasks = plan(cohort, list(methods), protocol)
    of = {e: folds_of(cohort, e, protocol) for e in {t.experiment for t in tasks}}
    kept = {t: run_task(cohort, of[t.experiment], methods[t.method], t, protocol) for t in tasks}
    return results(cohort, list(methods), protocol, kept.get), kept


def test_promise_by_hand():
    level = Level("groups", ("A", "all else"), np.array([0, 1]))
    p = np.array([[0.95, 0.05], [0.93, 0.07], [1.0, 0.0], [0.2, 0.8], [np.nan, np.nan]])
    y = np.array([0, 1, 0, 1, 0])
    resamples = Resamples.draw(np.arange(5), np.ones(5, dtype=bool), seed=0, n=0)
    found = promise(Scores(np.arange(5), p, y, np.full((5, 2), np.nan)), level, resamples)
    top = found["A"]["90 to 100 %"]
    assert top["promised"] == {"value": pytest.approx(0.96), "n": 3}
    assert top["right"]["value"] == pytest.approx(2 / 3)
    assert set(found["A"]) == {"20 to 30 %", "90 to 100 %"}
    assert found["all else"]["80 to 90 %"]["right"]["value"] == 1
    assert found["all else"]["0 to 10 %"]["promised"]["n"] == 3


def test_levels_of_the_open_world(wide):
    groups, kinds = open_levels_of(wide.classes)
    assert groups.names == ("A", "B", "all else")
    assert groups.of_class.tolist() == [0, 1, 2, 2]
    assert kinds.names == ("A", "B", "Star", "other types")
    assert kinds.of_class.tolist() == [0, 1, 2, 3]
    (groups,) = open_levels_of(wide.classes.plain)
    assert groups.of_class.tolist() == [0, 1, 2]


def test_the_open_world_asks_every_known_type(wide, stated):
    found, kept = validated(wide, {"calibrated": stated()}, ("open",))
    assert {t.experiment for t in kept} == {"folds"}  # the fits of the folds know all else
    rows = np.concatenate([a.rows for a in kept.values()])
    assert sorted(rows) == list(range(300))
    p = np.concatenate([a.written for a in kept.values()])
    truth = wide.y_open[rows]
    opened = found["open"]["calibrated"]
    groups, kinds = (opened["detections"][k] for k in ("groups", "kinds"))
    assert groups["names"] == ["A", "B", "all else"]
    assert groups["n_detections"] == 300
    summed = np.column_stack([p[:, :2], p[:, 2:].sum(axis=1)])
    right = summed.argmax(axis=1) == np.minimum(truth, 2)
    assert groups["accuracy"]["value"] == pytest.approx(right.mean())
    loss = -np.log(summed[np.arange(300), np.minimum(truth, 2)]).mean()
    assert groups["log_loss"]["value"] == pytest.approx(loss)
    assert kinds["accuracy"]["value"] == pytest.approx((p.argmax(axis=1) == truth).mean())
    assert sum(map(sum, kinds["confusion"][2:3])) == 120  # S and EB are stars
    assert opened["sources"]["groups"]["n_detections"] == 150
    areas = [
        (a, roc_auc_score(wide.is_beside[a.rows], a.beside.sum(axis=1))) for a in kept.values()
    ]
    pairs = [wide.is_beside[a.rows].sum() * (~wide.is_beside[a.rows]).sum() for a, _ in areas]
    expected = np.average([area for _, area in areas], weights=pairs)
    assert opened["auc"]["value"] == pytest.approx(expected)
    assert opened["auc"]["n"] == 180
    written = groups["written"]["probable"]
    assert set(written) == {"accuracy", "balanced_accuracy"}
    sets = groups["sets"]
    assert set(sets["groups"]) == {"A", "B", "all else"}
    held = (summed >= 0.2)[np.arange(300), np.minimum(truth, 2)]
    assert sets["coverage"]["value"] == pytest.approx(held.mean())


def test_methods_that_know_no_other_types_are_left_out(wide, stated):
    found, _ = validated(wide, {"paper": stated("paper")}, ("open",))
    why = "it gives types beside the classes no probability"
    assert found["open"] == {"paper": {"left_out": why}}


def test_closed_figures_do_not_know_the_classes_apart(wide, stated):
    """They are those of the plain classes alone, where all else is of other types."""
    plain = Classes(classes=wide.classes.classes[:2])
    other = np.where(wide.y > 1, wide.types, wide.other)
    narrow = replace(wide, y=np.where(wide.y > 1, -1, wide.y), other=other, classes=plain)
    done = ("sky", "shares", "missing")
    a, _ = validated(wide, {"calibrated": stated()}, done)
    b, _ = validated(narrow, {"calibrated": stated(n_classes=2)}, done)
    for experiment in ("folds", "sky"):
        for what in ("detections", "sources"):
            for level in ("groups", "classes"):
                left, right = (f[experiment]["calibrated"][what][level] for f in (a, b))
                assert left["names"] == right["names"] == ["A", "B"]
                assert (
                    left["n_detections"] == right["n_detections"] == (120 if what[0] == "d" else 60)
                )
                for measure in ("balanced_accuracy", "log_loss", "ece", "brier"):
                    assert left[measure] == pytest.approx(right[measure])
                rule = [f["written"]["probable"]["accuracy"]["value"] for f in (left, right)]
                # Where stars are told from others, each has less than both together.
                assert rule[0] >= rule[1]
    few = [f["shares"]["calibrated"]["0.3"]["detections"]["groups"] for f in (a, b)]
    assert few[0]["log_loss"]["mean"] == pytest.approx(few[1]["log_loss"]["mean"])


def test_types_of_classes_apart_are_held_out_by_their_own_code(wide, stated):
    protocol = Protocol(3, 1, 2, ("none",))
    variants = {t.variant for t in plan(wide, ["calibrated"], protocol) if t.experiment == "none"}
    assert variants == {"S", "EB", "Z"}
    few = replace(wide, types=np.where(np.arange(300) < 30, "rare", wide.types))
    assert REST in {t.variant for t in plan(few, ["calibrated"], protocol)}
    method = stated()
    fold = folds_of(wide, "none", protocol)
    answer = run_task(wide, fold, method, Task("none", "calibrated", "EB", 0, 0), protocol)
    (training,) = method.seen
    train = np.flatnonzero(fold != 0)
    assert (training.y[wide.types[train] == "EB"] == -1).all()
    assert (training.y[wide.types[train] == "S"] == 2).all()
    assert (training.other[wide.types[train] == "Z"] == "Z").all()
    assert set(wide.types[answer.rows]) == {"A", "B", "EB"}


def test_all_else_ranks_above_the_plain_classes(wide, stated):
    found, _ = validated(wide, {"calibrated": stated()}, ("none",))
    ranked = found["none"]["calibrated"]
    assert set(ranked["types"]) == {"S", "EB", "Z"}
    # By the sum over all else: p of none alone would rank the single stars below.
    assert ranked["types"]["S"]["p_else"]["value"] > 0.9
    assert ranked["types"]["S"]["n_sources"] == 30


def test_counts_reach_the_method_and_are_in_no_answer(wide, stated):
    method, protocol = stated(), Protocol(3, 1, 2, ())
    fold = folds_of(wide, "folds", protocol)
    answer = run_task(wide, fold, method, Task("folds", "calibrated", "", 0, 0), protocol)
    np.testing.assert_array_equal(method.counts, wide.counts[answer.rows])
    np.testing.assert_array_equal(method.seen[0].counts, wide.counts[fold != 0])
    assert answer.p.shape[1] + answer.beside.shape[1] == len(wide.classes) + 1
    assert answer.level.size == 0


@pytest.mark.parametrize("method", [Forest, Boosting], ids=lambda m: m.name)
def test_baselines_take_all_else_as_one_more_class(method, wide):
    training = Training(wide.X, wide.y, wide.other, wide.source)
    closed = method(3, 2).fit(training, seed=0)
    opened = method(3, 2, is_open=True).fit(training, seed=0)
    for fitted in (closed, opened):
        said = fitted.predict(wide.X)
        assert said.p.sum(axis=1) + said.p_none == pytest.approx(np.ones(300))
        assert (said.p[:, 2] == 0).all()
        assert fitted.none_share == pytest.approx(0.6)
        assert fitted.shares.tolist() == pytest.approx([0.5, 0.5, 0])
        assert said.p_none[wide.is_beside].mean() > 0.8 > 0.3 > said.p_none[~wide.is_beside].mean()
    a, b = (f.predict(wide.X).p for f in (closed, opened))
    assert not np.allclose(a, b)
