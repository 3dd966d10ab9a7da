"""The blend: what it is made of, on what it is learned, and which expert it trusts."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.metrics import log_loss

from xsift.score import calibrated
from xsift.score.calibrated import CalibratedScorer, fit_calibrated
from xsift.score.evidence import Evidence

GROUP = np.array([0, 0, 1, 2])  # the first group has two classes, the others one each


def draw(n=600, seed=0, per_source=3, noise=1.0):
    """Evidence of four classes: features, a posterior and responsibilities that know the class."""
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(n // per_source), per_source)
    y = rng.integers(0, 4, n // per_source)[source]
    Z = rng.normal(size=(n, 3)) + np.column_stack([y == 1, y == 2, y == 3]) * 2
    p = rng.dirichlet(np.ones(4), n) * noise + 2 * np.eye(4)[y] * rng.random(n)[:, None]
    r = rng.dirichlet(np.ones(5), n)
    return Evidence(Z, p / p.sum(axis=1, keepdims=True), r), y, source


def fit(evidence, y, source, weight=None, group=GROUP, seed=0):
    weight = np.ones(len(y)) if weight is None else weight
    return fit_calibrated(evidence, y, group, weight, source, seed)[0]


@pytest.fixture(scope="module")
def scorer():
    return fit(*draw(1200))


def test_rows_sum_to_one_whatever_is_missing(scorer):
    evidence, _, _ = draw(300, 1)
    Z = np.where(np.random.default_rng(0).random(evidence.Z.shape) < 0.5, np.nan, evidence.Z)
    for some in (evidence, replace(evidence, Z=Z), replace(evidence, Z=np.full((300, 3), np.nan))):
        p = scorer.predict_proba(some)
        assert p.shape == (300, 4)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


def test_it_learns_and_is_calibrated(scorer):
    evidence, y, _ = draw(3000, 2)
    p = scorer.predict_proba(evidence)
    assert log_loss(y, p, labels=range(4)) < 0.6 * np.log(4)
    top, right = p.max(axis=1), p.argmax(axis=1) == y
    assert abs(top.mean() - right.mean()) < 0.05


def test_a_row_does_not_depend_on_the_others(scorer):
    evidence, _, _ = draw(300, 1)
    whole = scorer.predict_proba(evidence)
    for i in range(0, 300, 23):
        assert_array_equal(scorer.predict_proba(evidence.take(np.array([i])))[0], whole[i])


def test_the_same_seed_gives_the_same_bits(scorer):
    again = fit(*draw(1200))
    assert_array_equal(again.blend, scorer.blend)
    assert_array_equal(again.trees.leaf, scorer.trees.leaf)


def test_shares_are_those_of_the_weighted_rows():
    evidence, y, source = draw()
    weight = np.random.default_rng(3).uniform(0.2, 1, len(y))
    shares = fit(evidence, y, source, weight).shares
    assert_allclose(shares, np.bincount(y, weight) / weight.sum(), rtol=1e-12)


def test_no_fold_trains_on_the_sources_that_it_judges(monkeypatch):
    """The rows' own numbers stand in a feature, so that a spy can tell which rows it is shown."""
    evidence, y, source = draw()
    Z = evidence.Z.copy()
    Z[:, 0] = np.arange(len(y)) / 1000
    evidence = replace(evidence, Z=Z)
    fitted, judged = [], []
    original_fit, original_judge = calibrated._fit_experts, calibrated._Experts.log_p

    def spy_fit(evidence, *rest):
        fitted.append(np.rint(evidence.Z[:, 0] * 1000).astype(int))
        return original_fit(evidence, *rest)

    def spy_judge(self, evidence, group):
        judged.append(np.rint(evidence.Z[:, 0] * 1000).astype(int))
        return original_judge(self, evidence, group)

    monkeypatch.setattr(calibrated, "_fit_experts", spy_fit)
    monkeypatch.setattr(calibrated._Experts, "log_p", spy_judge)
    fit(evidence, y, source)
    *folds, last = fitted
    assert len(folds) == len(judged) > 1
    for train, test in zip(folds, judged, strict=True):
        assert not set(source[train]) & set(source[test])
        assert len(train) + len(test) == len(y)
    assert_array_equal(np.sort(np.concatenate(judged)), np.arange(len(y)))  # each row once
    assert_array_equal(last, np.arange(len(y)))  # what is kept has learned from all


def experts(right, n=1500, seed=0):
    """Made-up opinions of three experts: those named in `right` know more."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    raw = rng.normal(size=(3, n, 3))
    for i, strength in right.items():
        raw[i] += strength * np.eye(3)[y]
    log_p = raw - np.logaddexp.reduce(raw, axis=2, keepdims=True)
    return log_p, y


def evidence_with(missing, n):
    Z = np.where(np.arange(4) < 4 * np.broadcast_to(missing, n)[:, None], np.nan, 0.0)
    return Evidence(Z, np.full((n, 3), 1 / 3), np.ones((n, 1)))


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_blend_finds_the_better_expert(best):
    log_p, y = experts({best: 3.0})
    evidence = evidence_with(0.0, len(y))
    blend = calibrated._fit_blend(log_p, evidence, y, np.ones(len(y)))
    assert blend[:, 0].argmax() == best
    others = np.delete(blend[:, 0], best)
    assert (others < 0.3 * blend[best, 0]).all()
    p = softmax(calibrated._blended(blend, log_p, evidence), axis=1)
    unseen, y_unseen = experts({best: 3.0}, seed=1)
    q = softmax(calibrated._blended(blend, unseen, evidence), axis=1)
    alone = log_loss(y, np.exp(log_p[best]))
    assert log_loss(y, p) < alone + 0.005
    assert log_loss(y_unseen, q) < log_loss(y_unseen, np.exp(unseen[best])) + 0.01


def test_two_experts_who_know_different_things_are_better_together():
    log_p, y = experts({0: 2.0, 2: 2.0})
    evidence = evidence_with(0.0, len(y))
    blend = calibrated._fit_blend(log_p, evidence, y, np.ones(len(y)))
    p = softmax(calibrated._blended(blend, log_p, evidence), axis=1)
    assert log_loss(y, p) < 0.9 * min(log_loss(y, np.exp(log_p[i])) for i in (0, 2))


def test_an_overconfident_expert_is_damped():
    log_p, y = experts({0: 2.0})
    sharp = 3 * log_p
    sharp -= np.logaddexp.reduce(sharp, axis=2, keepdims=True)
    evidence = evidence_with(0.0, len(y))
    weight, pull = np.ones(len(y)), 1 / len(y)  # else both are pulled to 0.8
    mild = calibrated._fit_blend(log_p, evidence, y, weight, strength=pull)
    damped = calibrated._fit_blend(sharp, evidence, y, weight, strength=pull)
    assert_allclose(3 * damped[0, 0], mild[0, 0], rtol=0.05)


def test_an_expert_who_is_good_where_much_is_missing_is_heard_there():
    rng = np.random.default_rng(2)
    n = 3000
    log_p, y = experts({0: 3.0}, n)
    late, _ = experts({}, n, seed=5)
    much = rng.random(n) < 0.5
    # Where three of four are missing the first knows nothing, and the third does.
    strong = late[2] + 3 * np.eye(3)[y]
    log_p[2] = np.where(much[:, None], strong, late[2])
    log_p[0] = np.where(much[:, None], late[0], log_p[0])
    log_p -= np.logaddexp.reduce(log_p, axis=2, keepdims=True)
    evidence = evidence_with(np.where(much, 0.75, 0.0), n)
    blend = calibrated._fit_blend(log_p, evidence, y, np.ones(n))
    weights = blend[:, 0] + 0.75 * blend[:, 1]
    assert blend[:, 0].argmax() == 0
    assert weights.argmax() == 2


def test_the_gradient_of_the_blend_is_right():
    """L-BFGS stops at a stationary point: no small step in any direction lowers the loss."""
    log_p, y = experts({0: 1.0, 1: 0.7}, 400)
    evidence = evidence_with(np.random.default_rng(0).choice([0, 0.25, 0.5], 400), 400)
    weight = np.random.default_rng(1).uniform(0.2, 1, 400)
    blend = calibrated._fit_blend(log_p, evidence, y, weight)
    start = np.array([[0.8, 0], [0.1, 0], [0.1, 0]])

    def loss(b):
        parts = np.concatenate([log_p, log_p * evidence.lacks])
        p = softmax(np.tensordot(b.T.ravel(), parts, 1), axis=1)
        return (
            -weight @ np.log(p[np.arange(400), y]) + 0.02 * weight.sum() * ((b - start) ** 2).sum()
        )

    least = loss(blend)
    for i in range(3):
        for j in range(2):
            for step in (-1e-2, 1e-2):
                other = blend.copy()
                other[i, j] += step
                if j == 1 or other[i, j] >= 0:
                    assert loss(other) > least - 1e-6


def test_a_group_of_one_class_has_all_of_its_group(scorer):
    assert scorer.within[1] is None
    assert scorer.within[2] is None
    assert scorer.within[0] is not None
    evidence, _, _ = draw(51, 4)
    p_group = softmax(
        calibrated._blended(
            scorer.blend,
            calibrated._Experts(scorer.trees, scorer.slope, scorer.intercept).log_p(
                evidence, GROUP
            ),
            evidence,
        ),
        axis=1,
    )
    p = scorer.predict_proba(evidence)
    assert_allclose(p[:, 2:], p_group[:, 1:], rtol=1e-12)
    assert_allclose(p[:, :2].sum(axis=1), p_group[:, 0], rtol=1e-12)


def test_a_group_with_one_class_in_training_is_shared_as_the_mixtures_say():
    evidence, y, source = draw()
    kept = np.flatnonzero(y != 1)
    fitted = fit(evidence.take(kept), y[kept], source[kept])
    assert fitted.within[0] is None
    test, _, _ = draw(51, 1)
    p = fitted.predict_proba(test)
    said = test.p_class[:, :2] + 1e-4
    assert_allclose(p[:, 0] / p[:, 1], said[:, 0] / said[:, 1], rtol=1e-9)


@pytest.mark.parametrize(
    ("y", "group"),
    [
        ([0, 0, 0, 0, 2, 2, 2, 2], GROUP),  # two groups, four sources each
        ([0, 0, 1, 1, 2, 2, 3, 3], GROUP),  # every class, two sources each
        ([0, 0, 2, 2], GROUP),  # the fewest that training admits
    ],
)
def test_few_labels(y, group):
    n = len(y)
    rng = np.random.default_rng(0)
    evidence = Evidence(rng.normal(size=(n, 3)), np.full((n, 4), 0.25), np.full((n, 2), 0.5))
    fitted = fit(evidence, np.array(y), np.arange(n), group=group)
    p = fitted.predict_proba(evidence)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(p).all()


@pytest.mark.parametrize(
    ("y", "group", "why"),
    [
        ([0, 0, 0, 2], GROUP, "one source of a group: the fold without it has a single group"),
        ([0, 0, 1, 1], np.zeros(4, int), "all labels in one group"),
    ],
)
def test_fewer_labels_still(y, group, why):
    n = len(y)
    rng = np.random.default_rng(0)
    evidence = Evidence(rng.normal(size=(n, 3)), np.full((n, 4), 0.25), np.full((n, 2), 0.5))
    p = fit(evidence, np.array(y), np.arange(n), group=group).predict_proba(evidence)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12, err_msg=why)


def test_weights_matter():
    """A row of weight 4 against one of weight 1 with the same evidence: four to one."""
    n = 400
    rng = np.random.default_rng(0)
    Z = np.zeros((n, 2))
    y = rng.permutation(np.repeat([0, 1], n // 2))
    evidence = Evidence(Z, np.full((n, 2), 0.5), np.ones((n, 1)))
    weight = np.where(y == 0, 4.0, 1.0)
    fitted = fit(evidence, y, np.arange(n), weight, np.array([0, 1]))
    assert_allclose(fitted.predict_proba(evidence)[0], [0.8, 0.2], atol=0.03)
    assert isinstance(fitted, CalibratedScorer)


@pytest.mark.parametrize(
    ("n", "group", "least", "most"),
    [(600, np.arange(4), 0.3, 0.5), (120, np.arange(4), 0, 0), (600, GROUP, 0.7, 1)],
    ids=["half", "none where rows are few", "all where classes share groups"],
)
def test_trees_that_look_at_the_posterior(n, group, least, most):
    evidence, y, source = draw(n)
    trees = fit(evidence, y, source, group=group).trees
    looks = (np.maximum(trees.feature, ~trees.feature) >= evidence.Z.shape[1]).any(axis=1)
    assert least <= looks.mean() <= most


def test_where_rows_are_few_the_trees_of_the_folds_stay():
    evidence, y, source = draw(120)
    flat, grouped = (fit(evidence, y, source, group=g).trees for g in (np.arange(4), GROUP))
    assert len(flat.output) == 120 * 4 * (2 + 4)  # two seeds, and four folds
    assert len(grouped.output) == 120 * 2 * len(np.unique(GROUP))
