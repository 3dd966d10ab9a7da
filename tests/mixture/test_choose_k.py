"""The numbers behind the choice of K: silhouette, agreement, advice."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.metrics.cluster import contingency_matrix

from xsift.mixture import ParquetBlocks
from xsift.mixture.choose_k import Restart, _adjusted_rand, _stability, advice, fit_restarts
from xsift.mixture.silhouette import sample_for_silhouettes, silhouettes

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds)
def test_silhouettes_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3))
    labels = np.array([rng.permutation(np.arange(60) % k) for k in (2, 5)])
    expected = [silhouette_score(X, one) for one in labels]
    assert_allclose(silhouettes(X, labels), expected, rtol=0, atol=1e-12)


def test_silhouette_by_hand():
    # 0 and 1 together, 10 alone: (10 - 1) / 10, (9 - 1) / 9, and 0 for the single row.
    X = np.array([[0.0], [1.0], [10.0]])
    found = silhouettes(X, np.array([[0, 0, 1], [0, 0, 0]]))
    assert_allclose(found[0], (0.9 + 8 / 9 + 0) / 3, rtol=1e-15)
    assert math.isnan(found[1])


def test_silhouette_of_a_sample_is_near_that_of_all():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 4000)
    X = rng.normal(size=(4000, 2)) + 3 * y[:, None]
    rows = sample_for_silhouettes(4000, limit=1000)
    assert len(np.unique(rows)) == 1000
    assert_array_equal(sample_for_silhouettes(1000, limit=1000), np.arange(1000))
    whole, part = silhouettes(X, y[None]), silhouettes(X[rows], y[None, rows])
    assert whole != part
    assert_allclose(part, whole, atol=0.02)


def test_stability_by_hand():
    # The third labelling puts one of four rows elsewhere. Of the 6 pairs, the first has 2 together,
    # the third 3, both 1; by chance 2 * 3 / 6 = 1, so their index is (1 - 1) / (2.5 - 1) = 0. The
    # second is the first with other numbers: 1. So the means over the other two are 1/2, 1/2 and 0.
    labels = np.array([[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1]])
    tables = np.array([[contingency_matrix(a, b) for b in labels] for a in labels])
    assert_allclose(_stability(tables), [0.5, 0.5, 0.0], atol=1e-15)
    assert np.isnan(_stability(np.full((3, 3, 1, 1), 4))).all()
    assert np.isnan(_stability(tables[:1, :1])).all()


@given(seed=seeds, n=st.integers(2, 60))
def test_agreement_is_that_of_scikit_learn(seed, n):
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 4, n), rng.integers(0, 3, n)
    found = _adjusted_rand(contingency_matrix(one, other))
    assert found == adjusted_rand_score(one, other)


def test_restarts_from_parquet_are_those_from_memory(tmp_path):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(40_000, 2)) + 4 * rng.integers(0, 3, size=(40_000, 1))
    pq.write_table(pa.table({"u": X[:, 0], "v": X[:, 1]}), tmp_path / "rows.parquet")
    found = fit_restarts(ParquetBlocks(tmp_path / "rows.parquet"), 3, 2, 0, ("u", "v"))
    assert found == fit_restarts(X, 3, 2, 0, ("u", "v"))


def test_restarts_on_two_clear_clusters():
    rng = np.random.default_rng(2)
    y = np.arange(400) % 2
    X = rng.normal(size=(400, 2)) + 8 * y[:, None]
    calls = []
    fits = fit_restarts(X, 2, 3, 0, ("u", "v"), lambda: calls.append(1))
    assert len(fits) == len(calls) == 3
    for f in fits:
        assert f.stability == 1
        assert f.silhouette > 0.7
        assert f.icl >= f.bic > f.aic
    one = fit_restarts(X, 1, 2, 0, ("u", "v"))
    assert math.isnan(one[0].silhouette)
    assert math.isnan(one[0].stability)
    assert one[0].bic > fits[0].bic


def test_a_collapsed_component_is_named_by_its_feature():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 2))
    X[:300, 1] = 5.0  # a spike, as var_newq_b = 1 is
    (fit,) = fit_restarts(X, 2, 1, 0, ("bb_kt", "var_newq_b"))
    assert fit.collapsed == "var_newq_b"


def restarts(bic, silhouette=0.1, stability=0.5):
    return [
        Restart(
            k,
            0,
            b,
            b,
            b,
            *((silhouette, stability) if k > 1 else (math.nan,) * 2),
            5,
            True,
            False,
            "",
        )
        for k, b in enumerate(bic, start=1)
    ]


@pytest.mark.parametrize(
    ("bic", "said"),
    [
        ((100, 50, 60, 70), "BIC is lowest at K = 2"),
        ((10, 50, 60, 70), "the data show no clusters"),
        (
            (100, 60, 30, 25, 20),
            "keeps falling up to K = 5, so it does not choose; its fall flattens after K = 3",
        ),
        ((100, 60, 30, 1), "keeps falling up to K = 4, so it does not choose. "),
        ((100, 60), "Too few numbers of clusters"),
    ],
)
def test_advice(bic, said):
    assert said in advice(restarts(bic))


def test_advice_on_the_published_curve():
    """The paper's BIC (in thousands) falls to the end and flattens after its K = 6."""
    bic = (-989, -1103, -1139, -1191, -1225, -1233, -1252, -1270, -1283)
    fits = [
        Restart(k, 0, b, b, b, 0.1, 0.5, 5, True, False, "") for k, b in enumerate(bic, start=2)
    ]
    assert "flattens after K = 6" in advice(fits)


def test_a_minimum_within_the_scatter_of_the_restarts_is_none():
    def fits(last):
        bics = ((100, 99), (60, 58), (40, 30), (last, last))
        return [
            Restart(k, r, b, b, b, 0.1, 0.5, 5, True, False, "")
            for k, pair in enumerate(bics, start=1)
            for r, b in enumerate(pair)
        ]

    assert "keeps falling up to K = 4" in advice(fits(32))
    assert "BIC is lowest at K = 3" in advice(fits(36))


def test_agreement_is_between_the_restarts():
    fits = restarts((100, 50, 60))
    assert "restarts agree best at K = 2 (0.50)" in advice(fits)
    assert_array_equal([f.k for f in fits], [1, 2, 3])


def test_only_the_numbers_whose_restarts_agree_are_named():
    agreement = {2: 1.0, 3: 0.95, 4: 0.6, 5: 0.92}
    fits = [
        Restart(k, 0, 100 - k, 1, 1, 0.1, agreement.get(k, math.nan), 5, True, False, "")
        for k in range(1, 6)
    ]
    assert "restarts agree (adjusted Rand index at least 0.9) at K = 2 to 3, 5." in advice(fits)


def test_silhouettes_have_the_same_bits_on_any_number_of_threads(monkeypatch):
    from types import SimpleNamespace

    from xsift import jit
    from xsift.mixture import silhouette

    seen, threads = [], silhouette.Threads

    def watched(n):
        seen.append(n)
        return threads(n)

    monkeypatch.setattr(silhouette, "Threads", watched)
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(700, 5)), rng.integers(0, 4, (3, 700))
    found = []
    for n in (1, 3):
        monkeypatch.setattr(jit, "_state", SimpleNamespace(threads=n, in_turns=False, turns=0))
        found.append(silhouettes(X, labels))
    assert_array_equal(found[0], found[1])
    assert seen == [1, 3]  # no more than the process may use


def test_silhouettes_of_many_labellings_are_those_of_each():
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(300, 3)), rng.integers(0, 250, (23, 300))
    each = [silhouettes(X, one[None])[0] for one in labels]
    assert_allclose(silhouettes(X, labels), each, rtol=0, atol=1e-14)
    assert_allclose(each[0], silhouette_score(X, labels[0]), rtol=0, atol=1e-12)
