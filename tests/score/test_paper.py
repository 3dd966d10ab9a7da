"""The published scorer against the naive row-by-row form of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import pinv

from xsift import read, surveys
from xsift.classes import PAPER_CLASSES
from xsift.features import PaperScaler, derive
from xsift.label import sort_labels
from xsift.mixture import fit_mixture
from xsift.score import PaperScorer


def naive(Z, cluster, members_Z, members_cluster, members_y, n_classes, min_members=12):
    """The method as the paper states it, a row and a class at a time (its section 5)."""
    p = np.full((len(Z), n_classes), np.nan)
    for row, (z, k) in enumerate(zip(Z, cluster, strict=True)):
        d2 = np.full(n_classes, np.inf)
        for c in range(n_classes):
            members = members_Z[(members_cluster == k) & (members_y == c)]
            if len(members) >= min_members:
                difference = z - members.mean(axis=0)
                d2[c] = difference @ pinv(np.cov(members, rowvar=False, ddof=1)) @ difference
        if np.isfinite(d2).any():
            e = np.exp(-(np.abs(d2) - np.abs(d2).min()))
            p[row] = e / e.sum()
    return p


@pytest.fixture(scope="module")
def fitted(real):
    survey = surveys.load("csc20")
    chosen = survey.feature_set("all")
    found = read.read_detections(
        real("csc20_detections.parquet"), survey, chosen, label_column="label10_best"
    )
    features = derive(found.table, survey, chosen)
    complete = features.complete
    Z = PaperScaler([f.scaling for f in chosen]).fit_transform(features.X[complete])
    cluster = fit_mixture(Z, 6, 42).predict(Z)
    y = sort_labels(found.label, PAPER_CLASSES).y[complete]
    return Z, cluster, y


def test_equals_the_naive_form_on_real_rows_of_every_cluster(fitted):
    Z, cluster, y = fitted
    trains = y >= 0
    scorer = PaperScorer.fit(Z[trains], cluster[trains], y[trains], (6, 10))
    rows = np.concatenate([np.flatnonzero(cluster == k)[::40] for k in range(6)])
    assert set(cluster[rows]) == set(range(6))
    expected = naive(Z[rows], cluster[rows], Z[trains], cluster[trains], y[trains], 10)
    assert_allclose(scorer.predict_proba(Z[rows], cluster[rows]), expected, rtol=0, atol=1e-10)


def test_a_row_gives_the_same_bits_alone_and_among_others(fitted):
    Z, cluster, y = fitted
    trains = y >= 0
    scorer = PaperScorer.fit(Z[trains], cluster[trains], y[trains], (6, 10))
    whole = scorer.predict_proba(Z, cluster)
    for first in range(0, len(Z), 997):
        alone = scorer.predict_proba(Z[first : first + 1], cluster[first : first + 1])
        assert_array_equal(alone, whole[first : first + 1])
        ten = slice(first, first + 10)
        assert_array_equal(scorer.predict_proba(Z[ten], cluster[ten]), whole[ten])
    back = scorer.predict_proba(Z[::-1], cluster[::-1])
    assert_array_equal(back[::-1], whole)


def two_classes(n_second, d=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40 + n_second, d))
    X[40:] += 1
    return X, np.repeat([0, 1], [40, n_second])


@pytest.mark.parametrize(("n", "is_scored"), [(11, False), (12, True), (13, True)])
def test_the_rule_of_twelve_members(n, is_scored):
    X, y = two_classes(n)
    k = np.zeros(len(X), dtype=int)
    scorer = PaperScorer.fit(X, k, y, (1, 2))
    assert scorer.scored.tolist() == [[True, is_scored]]
    p = scorer.predict_proba(X, k)
    assert_allclose(p, naive(X, k, X, k, y, 2), rtol=0, atol=1e-8)
    assert (p[:, 1] > 0).any() == is_scored


def test_a_singular_covariance_is_inverted_on_its_range():
    # A constant feature, as var_newq_b = 1 in a cluster of steady sources: pinv passes over it.
    X, y = two_classes(40)
    X[:, 3] = 1.0
    k = np.zeros(len(X), dtype=int)
    p = PaperScorer.fit(X, k, y, (1, 2)).predict_proba(X, k)
    without = np.delete(X, 3, axis=1)
    expected = PaperScorer.fit(without, k, y, (1, 2)).predict_proba(without, k)
    assert_allclose(p, expected, rtol=0, atol=1e-10)


def test_distances_past_a_thousand():
    X, y = two_classes(40)
    k = np.zeros(len(X), dtype=int)
    scorer = PaperScorer.fit(X, k, y, (1, 2))
    far = X + 100.0
    assert scorer.squared_distances(far, k).min() > 1000
    p = scorer.predict_proba(far, k)
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(p, naive(far, k, X, k, y, 2), rtol=0, atol=1e-10)


def test_a_cluster_without_a_class_says_nothing():
    X, y = two_classes(40)
    k = np.repeat([0, 1], [70, 10])
    p = PaperScorer.fit(X, k, y, (2, 2)).predict_proba(X, k)
    assert np.isnan(p[k == 1]).all()
    assert np.isfinite(p[k == 0]).all()
