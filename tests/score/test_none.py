"""None of the classes: kinds beside the plain classes that are learned, and odds by the density."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from xsift.score.calibrated import fit_calibrated
from xsift.score.evidence import Evidence
from xsift.score.none import NONE_SHARE, excess_entropy, none_by_density, opened_to

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
def opened():
    evidence, y = draw(3000, 0)
    scorer, _ = fit_calibrated(
        evidence, y, GROUP, np.ones(3000), np.arange(3000), 0, split=range(2, 3)
    )
    return scorer


def said(opened, evidence, p_plain):
    raw = evidence.coordinates @ opened.slope + opened.intercept
    return opened_to(opened, evidence, raw, p_plain, 2)


def test_kinds_beside_the_classes_are_learned_and_leave_the_rest_to_the_plain_ones(opened):
    evidence, y = draw(20_000, 1)
    p_plain = np.tile([0.5, 0.2, 0.3], (20_000, 1))
    p, p_none = said(opened, evidence, p_plain)
    assert_allclose(p.sum(axis=1) + p_none, 1, atol=1e-9)
    # What the plain classes share is what they were given, in those proportions.
    rest = p[:, :3].sum(axis=1)
    assert_allclose(p[:, :3], rest[:, None] * p_plain, atol=1e-12)
    # Calibrated: as many of each kind as it says.
    assert abs(p_none.mean() - (y == 5).mean()) < 0.01
    assert abs(p[:, 3].mean() - (y == 3).mean()) < 0.01
    assert abs(rest.mean() - (y < 3).mean()) < 0.01
    assert roc_auc_score(y == 5, p_none) > 0.9
    assert roc_auc_score(y == 3, p[:, 3]) > 0.9


def test_only_the_groups_asked_for_are_split(opened):
    assert opened.within[2] is not None
    assert [opened.within[g] for g in (0, 1, 3)] == [None] * 3


def test_a_row_does_not_depend_on_the_others(opened):
    evidence, _ = draw(300, 2)
    p_plain = np.random.default_rng(0).dirichlet(np.ones(3), 300)
    raw = np.asarray(np.einsum("nf,fg->ng", evidence.coordinates, opened.slope) + opened.intercept)
    whole = opened_to(opened, evidence, raw, p_plain, 2)
    for i in range(0, 300, 37):
        row = np.array([i])
        one = opened_to(opened, evidence.take(row), raw[row], p_plain[row], 2)
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


def test_doubt_is_the_entropy_beyond_that_of_the_shares():
    p = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.5, 0.5, 0]])
    doubt = excess_entropy(p, np.full(3, 1 / 3))
    assert_allclose(doubt, np.log([1, 1 / 3, 2 / 3]), atol=1e-10)
