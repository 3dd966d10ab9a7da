"""Labelled detections observed again with fewer counts."""

from dataclasses import replace

import numpy as np
import pytest

from xsift import surveys
from xsift.evaluate.experiments import FEWER_COUNTS, Protocol, Task, folds_of, plan, run_task
from xsift.evaluate.results import results
from xsift.evaluate.strata import strata_of
from xsift.model.faint import Dimming, dimming_of

PROTOCOL = Protocol(3, 1, 2, ("faint",))
TASK = Task("faint", "calibrated", "", 0, 0)
# The third feature needs 40 counts; the first is a ratio of two bands.
DIMMING = Dimming(((0, 0, 1),), (), np.array([0.0, 0.0, 40.0]))


@pytest.fixture
def dim(wide):
    return replace(wide, X=np.tanh(wide.X / 6), dimming=DIMMING)


def test_each_level_has_the_detections_with_more_counts(dim, stated):
    method = stated()
    answer = run_task(dim, folds_of(dim, "faint", PROTOCOL), method, TASK, PROTOCOL)
    assert set(dim.y[answer.rows]) == {0, 1}
    for level, n in enumerate(FEWER_COUNTS):
        here = answer.level == level
        assert (dim.counts[answer.rows[here]] > n).all()
        assert np.isnan(method.X[here, 2]).all() == (n < 40)
        told = method.counts[here]
        assert n / 3 < np.median(told) < 2 * n
    as_is = answer.level == len(FEWER_COUNTS) - 1
    np.testing.assert_allclose(method.X[as_is, 0], dim.X[answer.rows[as_is], 0], atol=0.03)
    faintest = answer.level == 0
    assert np.abs(method.X[faintest, 0] - dim.X[answer.rows[faintest], 0]).max() > 0.2
    assert len(answer.sources) == 0


def test_every_method_gets_the_same_copies(dim, stated):
    fold, seen = folds_of(dim, "faint", PROTOCOL), []
    for name in ("calibrated", "forest"):
        method = stated(name)
        run_task(dim, fold, method, replace(TASK, method=name), PROTOCOL)
        seen.append(method.X)
    np.testing.assert_array_equal(*seen)


def test_figures_by_counts(dim, stated):
    methods = {"calibrated": stated()}
    tasks = plan(dim, list(methods), PROTOCOL)
    fold = folds_of(dim, "faint", PROTOCOL)
    kept = {t: run_task(dim, fold, methods[t.method], t, PROTOCOL) for t in tasks}
    found = results(dim, list(methods), PROTOCOL, kept.get)["faint"]["calibrated"]
    assert list(found) == [str(n) for n in FEWER_COUNTS]
    n = {k: f["n_detections"] + f["n_unscored"] for k, f in found.items()}
    assert n["8"] == 120
    assert n["60"] == n["100000"] == 80  # a third has 50 counts
    answers = [a for t, a in kept.items() if t.experiment == "faint"]
    p = np.concatenate([a.p[a.level == 2] for a in answers])
    rows = np.concatenate([a.rows[a.level == 2] for a in answers])
    loss = -np.log(p[np.arange(120), dim.y[rows]]).mean()
    assert found["30"]["log_loss"]["value"] == pytest.approx(loss)
    assert 0 < found["30"]["sets"]["coverage"]["value"] <= 1
    none = replace(dim, counts=np.full(300, 8.0))
    fold = {t: run_task(none, fold, methods[t.method], t, PROTOCOL) for t in tasks}
    assert results(none, list(methods), PROTOCOL, fold.get)["faint"]["calibrated"] == {}


def test_what_needs_more_counts_is_left_out_never_another_s():
    """The copies that train have another detection's value now and then."""
    survey = surveys.load("csc20")
    names = tuple(f.name for f in survey.feature_set("all"))
    dimming = dimming_of(survey, names)
    rng = np.random.default_rng(0)
    X = rng.uniform(-0.8, 0.8, (400, len(names)))
    few = dimming.needs > 0
    assert few.any()
    counts = np.full(400, 20.0)
    observed, _ = dimming.observed(X, counts, np.random.default_rng(1))
    dimmed, _ = dimming.dimmed(X, counts, np.random.default_rng(1))
    assert np.isnan(observed[:, few]).all()
    assert np.isfinite(observed[:, ~few]).all()
    assert 0.2 < np.isfinite(dimmed[:, few]).mean() < 0.4
    np.testing.assert_array_equal(observed[:, ~few], dimmed[:, ~few])


def test_strata_of_real_counts():
    counts = np.array([5, 10, 29, 30, 99, 100, 499, 500, 1e5, np.inf])
    nothing = np.zeros(10, dtype=int)
    found = strata_of(np.arange(10), nothing, None, None, None, counts)[-1]
    assert found.title == "effective counts"
    assert [found.names[i] for i in found.code] == [
        "below 10", *["10 to 30"] * 2, *["30 to 100"] * 2, *["100 to 500"] * 2,
        *["500 and more"] * 2, "exact",
    ]  # fmt: skip
    exact = strata_of(np.arange(10), nothing, None, None, None, np.full(10, np.inf))
    assert "effective counts" not in [s.title for s in exact]
