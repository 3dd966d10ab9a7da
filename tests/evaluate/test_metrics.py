import numpy as np
import pytest
from sklearn import metrics as oracle

from xsift.classes import PAPER_CLASSES, Class, Classes
from xsift.evaluate.metrics import Resamples, Scores, figure, levels_of

LEVELS = levels_of(PAPER_CLASSES)


def simple(codes="ABC"):
    made = [Class(code=c, column=f"p_{c.lower()}", group=c) for c in codes]
    return levels_of(Classes(classes=tuple(made)))[0]


def sample_alone(n):
    return Resamples.draw(np.arange(n), np.ones(n, dtype=bool), seed=0, n=0)


@pytest.fixture
def drawn():
    rng = np.random.default_rng(5)
    n, c = 400, len(PAPER_CLASSES)
    p = rng.dirichlet(np.full(c, 0.6), n)
    y = np.array([rng.choice(c, p=row) for row in p])
    shares = np.tile(rng.dirichlet(np.full(c, 4.0)), (n, 1))
    return Scores(np.arange(n), p, y, shares)


def test_levels_of_the_paper():
    groups, merged, classes = LEVELS
    assert groups.names == ("AGN", "Seyfert", "XB", "YSO")
    assert merged.names == ("AGN + Seyfert", "XB", "YSO")
    assert merged.of_class.tolist() == [0] * 4 + [1] * 3 + [2] * 3
    assert classes.names == PAPER_CLASSES.codes
    assert groups.sum(np.eye(10)[[0, 2, 9]]).argmax(axis=1).tolist() == [0, 1, 3]


@pytest.mark.parametrize("level", LEVELS, ids=lambda lv: lv.key)
def test_against_scikit_learn(drawn, level):
    found = drawn.measure(level, sample_alone(400)).as_dict()
    p, t = level.sum(drawn.p), level.of_class[drawn.y]
    g = np.arange(len(level.names))
    decision = (p / level.sum(drawn.shares)).argmax(axis=1)
    assert found["accuracy"]["value"] == oracle.accuracy_score(t, p.argmax(axis=1))
    assert found["balanced_accuracy"]["value"] == pytest.approx(
        oracle.balanced_accuracy_score(t, decision), abs=1e-12
    )
    assert found["log_loss"]["value"] == pytest.approx(oracle.log_loss(t, p, labels=g), abs=1e-9)
    brier = ((p - np.eye(len(g))[t]) ** 2).sum(axis=1).mean()
    assert found["brier"]["value"] == pytest.approx(brier, abs=1e-12)
    assert found["confusion"] == oracle.confusion_matrix(t, decision, labels=g).tolist()
    recall = oracle.recall_score(t, decision, labels=g, average=None)
    precision = oracle.precision_score(t, decision, labels=g, average=None)
    assert [f["value"] for f in found["recall"]] == pytest.approx(list(recall), abs=1e-12)
    assert [f["value"] for f in found["precision"]] == pytest.approx(list(precision), abs=1e-12)


def test_calibration_error_by_hand():
    # Bin 0.7-0.8: mean .75, one of two right: .25 * 2. Bin 0.9-1: mean 1, one of one right: 0.
    p = np.array([[0.72, 0.28, 0], [0.78, 0.22, 0], [0, 1, 0]])
    scores = Scores(np.arange(3), p, np.array([0, 1, 1]), np.full((3, 3), np.nan))
    found = scores.measure(simple(), sample_alone(3)).as_dict()
    assert found["ece"]["value"] == pytest.approx(0.5 / 3)
    assert found["reliability"]["n"] == [0, 0, 0, 0, 0, 0, 0, 2, 0, 1]
    assert found["reliability"]["accuracy"][7] == 0.5


def test_log_loss_is_clipped():
    scores = Scores(np.arange(1), np.array([[1.0, 0, 0]]), np.array([1]), np.full((1, 3), np.nan))
    found = scores.measure(simple(), sample_alone(1)).series
    assert found["log_loss"][0] == pytest.approx(-np.log(1e-6))


def test_decision_divides_by_the_shares_where_they_are_stated():
    p, y = np.array([[0.6, 0.4], [0.6, 0.4]]), np.array([0, 1])
    stated = Scores(np.arange(2), p, y, np.tile([0.8, 0.2], (2, 1)))
    assert stated.measure(simple("AB"), sample_alone(2)).confusion.tolist() == [[0, 1], [0, 1]]
    none = Scores(np.arange(2), p, y, np.full((2, 2), np.nan))
    assert none.measure(simple("AB"), sample_alone(2)).confusion.tolist() == [[1, 0], [1, 0]]
    absent = Scores(np.arange(2), p, y, np.tile([1.0, 0.0], (2, 1)))
    assert absent.measure(simple("AB"), sample_alone(2)).confusion.tolist() == [[1, 0], [1, 0]]


def test_unscored_rows_are_counted_and_count_as_wrong_beside():
    p = np.array([[1.0, 0], [0, 1.0], [np.nan, np.nan], [1.0, 0]])
    scores = Scores(np.arange(4), p, np.array([0, 1, 1, 0]), np.full((4, 2), np.nan))
    found = scores.measure(simple("AB"), sample_alone(4)).as_dict()
    assert (found["n_detections"], found["n_unscored"]) == (3, 1)
    assert found["accuracy"]["value"] == 1
    assert found["accuracy_unscored_wrong"]["value"] == 0.75
    assert found["balanced_accuracy_unscored_wrong"]["value"] == 0.75  # (2/2 + 1/2) / 2


def test_resamples_agree_with_repeating_the_rows(drawn):
    unit = np.arange(400) // 4
    resamples = Resamples.draw(unit, np.ones(400, dtype=bool), seed=2, n=5)
    assert resamples.weights.shape == (6, 100)
    assert (resamples.weights.sum(axis=1) == 100).all()
    measured = drawn.measure(LEVELS[0], resamples)
    for b in range(6):
        rows = np.repeat(np.arange(400), resamples.weights[b, unit].astype(int))
        repeated = Scores(np.arange(len(rows)), drawn.p[rows], drawn.y[rows], drawn.shares[rows])
        once = repeated.measure(LEVELS[0], sample_alone(len(rows))).series
        for name, value in once.items():
            assert measured.series[name][b] == pytest.approx(value[0], abs=1e-12), name


def test_the_interval_of_an_accuracy_is_that_of_its_binomial():
    n, rng = 2000, np.random.default_rng(1)
    p = np.tile([0.9, 0.1], (n, 1))
    scores = Scores(np.arange(n), p, (rng.random(n) < 0.3).astype(int), np.full((n, 2), np.nan))
    resamples = Resamples.draw(np.arange(n), np.ones(n, dtype=bool), seed=0)
    found = scores.measure(simple("AB"), resamples).as_dict()["accuracy"]
    sd = np.sqrt(found["value"] * (1 - found["value"]) / n)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * sd, rel=0.1)
    # The same rows as two per source tell half as much.
    both = Scores(
        np.arange(2 * n),
        *(np.repeat(a, 2, axis=0) for a in (scores.p, scores.y)),
        np.full((2 * n, 2), np.nan),
    )
    paired = Resamples.draw(np.arange(2 * n) // 2, np.ones(2 * n, dtype=bool), seed=0)
    again = both.measure(simple("AB"), paired).as_dict()["accuracy"]
    assert again["high"] - again["low"] == pytest.approx(found["high"] - found["low"], rel=1e-9)


def test_rows_outside_take_no_part():
    unit = np.array([3, 3, 8, 9])
    resamples = Resamples.draw(unit, np.array([True, False, False, True]), seed=0, n=2)
    assert resamples.unit.tolist() == [0, 0, -1, 1]


def test_a_biased_figure_lies_in_its_interval():
    series = np.concatenate([[0.01], np.random.default_rng(0).normal(0.03, 0.005, 1000)])
    found = figure(series, 10, is_biased=True)
    assert 0 <= found["low"] < 0.01 < found["high"] < 0.03
    assert np.isnan(figure(np.array([0.5]), 1)["low"])
