"""What adds up: any cut, any order, and JSON between."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsift.model import Classification
from xsift.model.by_gaps import Chosen, GapSums
from xsift.model.shares import ShareSums, Sources
from xsift.model.sums import Histogram, Most, added, fixed

seeds = st.integers(0, 2**32 - 1)


def cut(n, rng, most=6):
    """Cut rows into parts, some of them empty, in any order."""
    ends = np.sort(rng.integers(0, n + 1, rng.integers(0, most)))
    parts = [slice(a, b) for a, b in zip([0, *ends], [*ends, n], strict=True)]
    return [parts[k] for k in rng.permutation(len(parts))]


def again(sums):
    return type(sums).from_dict(json.loads(json.dumps(sums.as_dict())))


def total(parts, rng):
    """Add up in any order and grouping, each sum through JSON and back."""
    parts = list(parts)
    while len(parts) > 1:
        k = int(rng.integers(len(parts) - 1))
        parts[k : k + 2] = [again(parts[k]) + again(parts[k + 1])]
    return parts[0]


@given(seed=seeds, n=st.integers(1, 300))
def test_histograms(seed, n):
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(3, 2, n))
    whole = Histogram.of(values)
    parts = [Histogram.of(values[part]) for part in cut(n, rng)]
    assert total(parts, rng).as_dict() == whole.as_dict()
    exact = np.median(values)
    assert exact * (1 - 2.0**-14) <= whole.median <= exact


def test_a_median_of_round_numbers_is_exact_and_of_none_unknown():
    assert Histogram.of(np.array([1.0, 12.25, 3.0])).median == 3
    assert Histogram.of(np.array([12.25, 12.75])).median == 12.5
    assert np.isnan(Histogram.of(np.empty(0)).median)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 21])
def test_many_are_added_with_as_many(n):
    values = [Histogram.of(np.array([k % 5 + 1.0])) for k in range(n)]
    assert added(iter(values)).as_dict() == total(values, np.random.default_rng(0)).as_dict()


@given(seed=seeds)
def test_counts_of_more_texts_than_are_kept(seed):
    rng = np.random.default_rng(seed)
    texts = [f"bb_kt = {k} is not positive" for k in rng.integers(0, 1_500, 4_000)]
    texts += ["misses all"] * 7
    rng.shuffle(texts)

    whole = Most.of(Counter(texts))
    assert len(whole.counts) == 1_001
    assert total([Most.of(Counter(texts[p])) for p in cut(len(texts), rng, 4)], rng) == whole
    exact = Counter(texts)
    assert all(n == exact[text] for text, n in whole.counts.items())
    assert whole.counts["misses all"] == 7


def test_the_most_frequent_come_first_and_of_equals_the_first_by_text():
    some = Most.of({"b": 2, "a": 2, "c": 5, "d": 1})
    assert list(some.first(3).items()) == [("c", 5), ("a", 2), ("b", 2)]


@given(seed=seeds, n=st.integers(0, 3_000), kinds=st.integers(1, 4_000))
def test_rows_chosen_by_their_values(seed, n, kinds):
    rng = np.random.default_rng(seed)
    X = np.random.default_rng(1).normal(size=(kinds, 3))[rng.integers(0, kinds, n)]
    whole = Chosen.of(X)
    assert len(whole.X) == min(n, 1_000)
    assert total([Chosen.of(X[p]) for p in cut(n, rng)], rng).as_dict() == whole.as_dict()
    assert Chosen.of(X[rng.permutation(n)]).as_dict() == whole.as_dict()


def said_of(rng, n, lacking=0.1):
    p = rng.dirichlet(np.ones(4), n)
    p[rng.random(n) < lacking] = np.nan
    return Classification(np.zeros(n, int), p[:, :3], p[:, 3], rng.random(n))


def some_of(said, part):
    return Classification(
        said.cluster[part], said.p[part], said.p_none[part], said.typicality[part]
    )


@given(seed=seeds, n=st.integers(1, 400))
def test_gaps(seed, n):
    rng = np.random.default_rng(seed)
    X, said = rng.normal(size=(n, 3)), said_of(rng, n)
    X[rng.random((n, 3)) < 0.3] = np.nan
    chosen = rng.random(n) < 0.8
    whole = GapSums.of(X, said, chosen)
    parts = [GapSums.of(X[p], some_of(said, p), chosen[p]) for p in cut(n, rng)]
    assert total(parts, rng).as_dict() == whole.as_dict()
    rows = chosen & ~np.isnan(said.p).any(axis=1) & (np.isnan(X) == [False, True, False]).all(1)
    if rows.any():
        n_found, *sums = whole.patterns["010"]
        assert n_found == rows.sum()
        assert np.allclose(np.array(sums) / 2**30, said.p[rows].sum(axis=0), atol=1e-6)


@given(seed=seeds, n=st.integers(1, 400), n_names=st.integers(1, 60), most=st.integers(1, 300))
def test_shares_of_a_sample(seed, n, n_names, most):
    rng = np.random.default_rng(seed)
    said, complete = said_of(rng, n), rng.random(n) < 0.5
    drawn = rng.integers(0, n_names, n)
    names = pa.array([f"2CXO J{k:06d}" for k in drawn], mask=rng.random(n) < 0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xsift.model.shares._MOST_OF_ALL", most)
        whole = ShareSums.of(said, names, complete, n_of_all=n)
        parts = [
            ShareSums.of(some_of(said, p), names[p], complete[p], p.start, n) for p in cut(n, rng)
        ]
        found = total(parts, rng)
    assert found.as_dict() == whole.as_dict()
    of = whole.sources
    scored = np.flatnonzero(~np.isnan(said.p).any(axis=1))
    assert whole.scored == len(scored)
    assert set(of.ordinal) <= set(scored)
    # Whole sources, and no more of them than are needed.
    for name in set(of.name.drop_null().to_pylist()):
        mine = np.array([one == name for one in names.to_pylist()])
        assert set(np.flatnonzero(mine)) & set(scored) <= set(of.ordinal)
    largest = max(np.bincount(drawn[scored], minlength=1), default=0)
    assert len(of.p) < most + max(largest, 1)
    if n * 1.25 <= most:
        assert len(of.p) == len(scored)


def test_a_part_of_a_large_table_keeps_few_of_its_rows(monkeypatch):
    monkeypatch.setattr("xsift.model.shares._MOST_OF_ALL", 1_000)
    rng, n = np.random.default_rng(0), 20_000
    said, names = said_of(rng, n, 0), pa.array([f"{k // 2}" for k in range(n)])
    part = ShareSums.of(said, names, np.ones(n, bool), 0, 10 * n)
    assert 80 < len(part.sources.p) < 170
    assert part.scored == n
    assert np.allclose(part.p / part.p.sum(), 1 / 3, atol=0.01)


def test_sums_of_probabilities_do_not_depend_on_their_order():
    p = np.random.default_rng(0).random((1_000, 2))
    assert (fixed(p) == fixed(p[::-1])).all()
    assert fixed(p) / 2**30 == pytest.approx(p.sum(axis=0), abs=1e-6)


def array(**changes):
    plain = Histogram.of(np.array([1.0, 2.0])).as_dict()
    return {**plain, "n": {**plain["n"], **changes}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (array(type="O"), "an array of type 'O': allowed are"),
        (array(shape=[-1]), "the shape of an array is to be whole numbers"),
        (array(shape=[3]), "an array of 24 bytes is said to be there, and is not"),
        (array(shape=[1]), "an array of 8 bytes is said to be there, and is not"),
        (array(shape=[2**40]), "an array of 8,796,093,022,208 bytes: allowed are"),
        (array(zlib="AAAA"), "an array that cannot be unpacked"),
        (array(zlib="&"), "an array that cannot be unpacked"),
        ({"bins": 1, "n": 2}, "an array as xsift writes it into JSON is wanted"),
    ],
)
def test_json_that_is_none_of_ours(given, said):
    with pytest.raises(ValueError, match=said):
        Histogram.from_dict(given)


def test_sources_of_other_lengths():
    rng = np.random.default_rng(0)
    sums = ShareSums.of(said_of(rng, 9, 0), pa.array(["a"] * 9), np.ones(9, bool))
    plain = sums.sources.as_dict() | {"name": ["a"]}
    with pytest.raises(ValueError, match="the columns of the sources are not of one length"):
        Sources.from_dict(plain)
