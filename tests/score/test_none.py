"""None of the classes: odds by hand, and types that are learned."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from xsift.score.calibrated import Evidence
from xsift.score.none import NONE_SHARE, NoneScorer, excess_entropy, fit_none


def evidence_of(Z):
    n = len(Z)
    return Evidence(Z, np.full((n, 3), 1 / 3), np.ones((n, 1)))


GROUP = np.array([0, 0, 1])
SHARES = np.full(3, 1 / 3)


def draw(n, seed, share=0.3):
    rng = np.random.default_rng(seed)
    is_other = rng.random(n) < share
    return evidence_of(rng.normal(size=(n, 3)) + 1.5 * is_other[:, None]), is_other


def learn(evidence, is_other, weight=None, other="CV*"):
    """Fit two groups that nothing tells apart, and other types."""
    n = len(is_other)
    y = np.where(is_other, -1, np.arange(n) % 3)
    types = np.where(is_other, other, None)
    return fit_none(
        evidence, y, GROUP, types, np.ones(n) if weight is None else weight, np.arange(n), 0
    )


def test_other_types_are_learned():
    scorer = learn(*draw(2000, 0))
    assert_allclose(scorer.share, 0.3, atol=0.03)
    evidence, is_other = draw(20_000, 1)
    odds = scorer.log_odds(evidence, np.zeros(20_000), np.zeros(20_000))
    # The true odds are those of two normals 1.5 sqrt(3) apart: their area is 0.967.
    assert roc_auc_score(is_other, odds) > 0.95
    # Under the share of training it is calibrated: as many as it says.
    p = scorer.predict(evidence, np.zeros(20_000), np.zeros(20_000), 0.3)
    assert abs(p.mean() - is_other.mean()) < 0.02


def test_types_of_thirty_sources_are_told_apart():
    evidence, is_other = draw(1000, 0)
    types = np.where(np.arange(1000) % 2, "CV*", "ULX")
    rare = np.flatnonzero(is_other)[:29]
    types[rare] = "Psr"
    scorer = learn(evidence, is_other, other=types)
    assert len(scorer.trees.baseline) == 2 + 3  # two groups, two types, the rest
    raw = scorer.trees.raw_scores(evidence.features)
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    odds = p[:, 2:].sum(axis=1) / p[:, :2].sum(axis=1)
    expected = np.log(odds) - logit(scorer.share)
    assert_allclose(scorer.log_odds(evidence, np.zeros(1000), np.zeros(1000)), expected, atol=1e-12)


def test_doubt_between_the_classes_raises_the_odds():
    scorer = learn(*draw(1000, 0))
    evidence, _ = draw(3, 1)
    p = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.5, 0.5, 0]])
    odds = scorer.log_odds(evidence, np.zeros(3), excess_entropy(p, SHARES))
    plain = scorer.log_odds(evidence, np.zeros(3), np.zeros(3))
    doubt = np.log([3, 1, 2])
    assert_allclose(odds - plain, 0.8 * (doubt - np.log(3)), atol=1e-12)


def test_the_share_that_is_stated_moves_the_odds_and_nothing_else():
    scorer = learn(*draw(1000, 0))
    evidence, _ = draw(50, 1)
    density = np.zeros(50)
    odds = scorer.log_odds(evidence, density, np.zeros(50))
    assert NONE_SHARE == 0.01
    assert_allclose(
        scorer.predict(evidence, density, np.zeros(50)),
        expit(odds + logit(0.01)),
        rtol=1e-12,
    )
    assert_allclose(scorer.predict(evidence, density, np.zeros(50), 0.5), expit(odds), rtol=1e-12)
    # A detection that is as likely of no class as of a class has the stated share.
    assert_allclose(expit(0 + logit(NONE_SHARE)), NONE_SHARE)


def test_the_weight_of_the_rows_is_the_share():
    evidence, is_other = draw(400, 2, 0.5)
    weight = np.where(is_other, 1.0, 4.0)
    share = learn(evidence, is_other, weight).share
    assert_allclose(share, is_other.sum() / (is_other.sum() + 4 * (~is_other).sum()), rtol=1e-12)


def test_too_few_other_types_are_not_learned_from():
    evidence, is_other = draw(500, 3)
    is_other[np.flatnonzero(is_other)[29:]] = False
    assert is_other.sum() == 29
    assert learn(evidence, is_other).trees is None
    assert learn(evidence, np.zeros(500, bool)).trees is None


def test_without_trees_the_odds_are_those_of_independent_features():
    scorer = NoneScorer(None, 2, NONE_SHARE)
    Z = np.array([[0.0, 0.0], [2.0, -2.0], [1.0, np.nan], [np.nan, np.nan]])
    mixture = multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]])
    density = np.array([*mixture.logpdf(Z[:2]), np.log(0.3), 0.0])
    odds = scorer.log_odds(evidence_of(Z), density, np.zeros(len(Z)))
    apart = multivariate_normal([0, 0]).logpdf(Z[:2])
    assert_allclose(odds[:2], apart - density[:2], rtol=1e-12)
    assert odds[1] > 3 > odds[0]  # against the correlation: as if the features knew nothing


def test_without_trees_missing_features_say_nothing():
    scorer = NoneScorer(None, 2, NONE_SHARE)
    Z = np.array([[1.0, np.nan], [1.0, np.nan]])
    density = np.array([multivariate_normal(0, 1).logpdf(1.0)] * 2)
    assert_allclose(scorer.log_odds(evidence_of(Z), density, np.zeros(len(Z))), 0, atol=1e-12)
    assert_allclose(
        scorer.predict(evidence_of(Z), density, np.zeros(len(Z))),
        NONE_SHARE,
        rtol=1e-12,
    )
    nothing = evidence_of(np.full((1, 2), np.nan))
    assert_allclose(scorer.predict(nothing, np.zeros(1), np.zeros(1)), NONE_SHARE, rtol=1e-12)


def test_a_row_does_not_depend_on_the_others():
    scorer = learn(*draw(1000, 0))
    evidence, _ = draw(300, 1)
    whole = scorer.predict(evidence, np.zeros(300), np.zeros(300))
    assert whole.min() >= 0
    assert whole.max() <= 1
    for i in range(0, 300, 37):
        one = scorer.predict(evidence.take(np.array([i])), np.zeros(1), np.zeros(1))
        assert_array_equal(one, whole[i : i + 1])


def test_where_every_class_is_a_group_the_density_alone_leaves_the_classes_an_order():
    # Bounded odds: else p_none would be 1, and what is left for the classes nothing.
    for n_groups, odds in ((3, np.log(1e6)), (2, 500.0)):
        scorer = NoneScorer(None, n_groups, NONE_SHARE)
        evidence = evidence_of(np.zeros((1, 3)))
        apart = -1.5 * np.log(2 * np.pi)
        found = scorer.log_odds(evidence, np.array([apart - 500.0]), np.zeros(1))
        assert_allclose(found, odds)
