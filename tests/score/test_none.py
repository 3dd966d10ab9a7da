"""None of the classes: kinds beside the plain classes that are learned, and odds by the density."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from xsift.score.calibrated import fit_calibrated
from xsift.score.evidence import Evidence
from xsift.score.none import NONE_SHARE, OpenScorer, none_by_density

# Two plain classes of one group, a third, two apart of one group, and none of the classes.
GROUP = np.array([0, 0, 1, 2, 2, 3])


def evidence_of(Z, n_classes=6):
    n = len(Z)
    return Evidence(Z, np.full((n, n_classes), 1 / n_classes), np.ones((n, 1)))


def draw(n, seed):
    """Draw kinds at six places in three dimensions."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 6, n)
    return evidence_of(rng.normal(size=(n, 3)) + 3 * np.eye(6, 3)[y] - 3 * np.eye(6, 3)[y - 3]), y


@pytest.fixture(scope="module")
def scorer():
    evidence, y = draw(3000, 0)
    one, source = np.ones(3000), np.arange(3000)
    opened, _ = fit_calibrated(evidence, y, GROUP, one, source, 0, split=range(2, 3))
    at = np.flatnonzero(y < 3)
    plain, _ = fit_calibrated(evidence.take(at).among(3), y[at], GROUP[:3], one[at], source[at], 0)
    return OpenScorer(plain, opened)


def raw_of(scorer, evidence):
    return np.einsum("nf,fg->ng", evidence.coordinates, scorer.slope) + scorer.intercept


def test_kinds_beside_the_classes_are_learned_and_leave_the_rest_to_the_plain_ones(scorer):
    evidence, y = draw(20_000, 1)
    raw = raw_of(scorer, evidence)
    p, p_none = scorer.probabilities(evidence, raw, np.zeros(20_000))
    assert_allclose(p.sum(axis=1) + p_none, 1, atol=1e-9)
    # The plain classes share what is left to them as if there were no others.
    p_plain = scorer.plain_probabilities(evidence, raw)
    rest = p[:, :3].sum(axis=1)
    assert_allclose(p[:, :3], rest[:, None] * p_plain, atol=1e-12)
    # Calibrated: as many of each kind as it says.
    assert abs(p_none.mean() - (y == 5).mean()) < 0.01
    assert abs(p[:, 3].mean() - (y == 3).mean()) < 0.01
    assert abs(rest.mean() - (y < 3).mean()) < 0.01
    assert roc_auc_score(y == 5, p_none) > 0.9
    assert roc_auc_score(y == 3, p[:, 3]) > 0.9


def test_without_others_none_is_by_the_density(scorer):
    evidence, _ = draw(100, 3)
    alone = OpenScorer(scorer.plain, None)
    raw = raw_of(alone, evidence.among(3))
    density = np.full(100, -4.0)
    p, p_none = alone.probabilities(evidence.among(3), raw, density)
    assert_allclose(p_none, none_by_density(evidence.Z, density, True))
    assert_allclose(p, alone.plain_probabilities(evidence.among(3), raw) * (1 - p_none)[:, None])


def test_only_the_groups_asked_for_are_split(scorer):
    assert scorer.opened.within[2] is not None
    assert [scorer.opened.within[g] for g in (0, 1, 3)] == [None] * 3


def test_a_row_does_not_depend_on_the_others(scorer):
    evidence, _ = draw(300, 2)
    raw, density = raw_of(scorer, evidence), np.zeros(300)
    whole = scorer.probabilities(evidence, raw, density)
    for i in range(0, 300, 37):
        row = np.array([i])
        one = scorer.probabilities(evidence.take(row), raw[row], density[row])
        assert_array_equal(one[0], whole[0][row])
        assert_array_equal(one[1], whole[1][row])


def test_without_other_types_the_odds_are_those_of_independent_features():
    Z = np.array([[0.0, 0.0], [2.0, -2.0], [1.0, np.nan], [np.nan, np.nan]])
    mixture = multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]])
    density = np.array([*mixture.logpdf(Z[:2]), np.log(0.3), 0.0])
    p = none_by_density(Z, density, True)
    apart = multivariate_normal([0, 0]).logpdf(Z[:2])
    assert_allclose(logit(p[:2]) - logit(NONE_SHARE), apart - density[:2], rtol=1e-3)
    assert p[1] > 0.99 > 0.01 > p[0]  # against the correlation: as if the features knew nothing
    assert_allclose(p[3], NONE_SHARE, rtol=1e-12)
    assert NONE_SHARE == 0.01


def test_without_other_types_missing_features_say_nothing():
    Z = np.array([[1.0, np.nan], [1.0, np.nan]])
    density = np.array([multivariate_normal(0, 1).logpdf(1.0)] * 2)
    assert_allclose(none_by_density(Z, density, True), NONE_SHARE, rtol=1e-12)


def test_where_every_class_is_a_group_the_density_alone_leaves_the_classes_an_order():
    # Bounded odds: else p_none would be 1, and what is left for the classes nothing.
    density = np.array([-1.5 * np.log(2 * np.pi) - 50.0])
    for shares_groups, odds in ((False, np.log(1e6)), (True, 50.0)):
        found = none_by_density(np.zeros((1, 3)), density, shares_groups)
        assert_allclose(found, expit(odds + logit(NONE_SHARE)), rtol=1e-12)
