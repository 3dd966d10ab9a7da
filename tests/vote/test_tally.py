"""Votes: by hand, ties, and the published tables."""

import csv

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift.vote import key_order, tally

PUBLISHED = ["QSO", "AGN", "Seyfert_1", "Seyfert_2", "HMXB", "LMXB", "XB", "YSO", "TTau*"]
PUBLISHED += ["Orion_V*"]


def votes_of(names, p, **keys):
    table = pa.table({"name": names, **keys})
    return tally(table, np.array(p, float), np.arange(len(names)), 2)


def test_by_hand():
    # Source a: means (0.5, 0.5), a tie, so the first class; most frequent: one each, so that of
    # obsid 1. Source b: one detection.
    found = votes_of(["a", "b", "a"], [[0.8, 0.2], [0.1, 0.9], [0.2, 0.8]], obsid=[2, 5, 1])
    assert found.first.tolist() == [2, 1]
    assert_array_equal(found.n_detections, [2, 1])
    assert_allclose(found.mean, [[0.5, 0.5], [0.1, 0.9]], rtol=1e-15)
    assert_allclose(found.std, [[0.3, 0.3], [0, 0]], atol=1e-15)
    assert found.soft.tolist() == [0, 1]
    assert found.hard.tolist() == [1, 1]
    assert found.unique.tolist() == [False, True]


@pytest.mark.parametrize(
    ("obsid", "obi", "hard"),
    [
        ([1, 2], [0, 0], 0),
        ([2, 1], [0, 0], 1),
        ([7, 7], [1, 0], 1),
        ([7, 7], [0, 0], 0),  # equal keys: the order of the file
        ([None, 7], [0, 0], 1),  # unknown comes last
        ([None, None], [None, None], 0),
    ],
)
def test_ties_of_the_hard_vote(obsid, obi, hard):
    keys = {"obsid": pa.array(obsid, pa.int64()), "obi": pa.array(obi, pa.int64())}
    found = votes_of(["a", "a"], [[0.9, 0.1], [0.1, 0.9]], **keys)
    assert found.hard.tolist() == [hard]


def test_integer_names():
    found = votes_of(pa.array([10, 9, 10]), [[1, 0], [1, 0], [0, 1]])
    assert found.first.tolist() == [1, 0]
    assert found.n_detections.tolist() == [1, 2]


def test_columns_beyond_the_classes_are_averaged_but_do_not_vote():
    table = pa.table({"name": ["a", "a"]})
    found = tally(table, np.array([[0.2, 0.3, 0.9], [0.2, 0.3, 0.7]]), np.arange(2), 2)
    assert found.soft.tolist() == found.hard.tolist() == [1]
    assert_allclose(found.mean[0, 2], 0.8)


def test_the_geometric_mean_by_hand():
    # Source a: sqrt(0.8 * 0.2) : sqrt(0.2 * 0.8) = 1 : 1, and sqrt(0.9 * 0.4) : sqrt(0.1 * 0.6) =
    # 0.6 : 0.2449, so 0.7101. What stands beyond the classes is averaged, as before.
    table = pa.table({"name": ["a", "a", "b", "b", "c"]})
    p = np.array([[0.8, 0.2], [0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    extra = np.array([0.1, 0.5, 0.2, 0.4, 0.9])
    found = tally(table, np.column_stack([p, extra]), np.arange(5), 2, "geometric")
    b = 0.6 / (0.6 + np.sqrt(0.06))
    assert_allclose(found.mean[:, :2], [[0.5, 0.5], [b, 1 - b], [0.3, 0.7]], rtol=1e-14)
    assert_allclose(found.mean[:, 2], [0.3, 0.3, 0.9], rtol=1e-14)
    plain = tally(table, np.column_stack([p, extra]), np.arange(5), 2)
    assert_array_equal(found.std, plain.std)
    assert_array_equal(found.hard, plain.hard)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), copies=st.integers(2, 5))
def test_the_geometric_mean_of_copies_is_the_detection(seed, n, copies):
    """Detections of one source are nearly the same evidence again: they do not add up."""
    rng = np.random.default_rng(seed)
    p = np.tile(rng.dirichlet(np.ones(4), n), (copies, 1))
    table = pa.table({"name": np.tile(np.arange(n), copies)})
    found = tally(table, p, np.arange(n * copies), 4, "geometric")
    assert_allclose(found.mean, p[:n], rtol=1e-9)
    assert_array_equal(found.n_detections, copies)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_the_geometric_mean_against_loops(seed, n):
    rng = np.random.default_rng(seed)
    names = rng.integers(0, 6, n)
    p = rng.dirichlet(np.ones(3), n)
    table = pa.table({"name": names, "obsid": np.arange(n)})
    found = tally(table, p, np.arange(n), 3, "geometric")
    for m, name in enumerate(np.unique(names)):
        pooled = np.prod(p[names == name] ** (1 / (names == name).sum()), axis=0)
        assert_allclose(found.mean[m], pooled / pooled.sum(), rtol=1e-9)
        assert found.soft[m] == pooled.argmax()
    assert_allclose(found.mean.sum(axis=1), 1, rtol=1e-12)
    order = rng.permutation(n)
    shuffled = tally(table.take(pa.array(order)), p[order], np.arange(n), 3, "geometric")
    assert_array_equal(shuffled.mean, found.mean)


def test_a_class_excluded_by_every_detection_or_by_one():
    table = pa.table({"name": ["a", "a", "b", "b"]})
    p = np.array([[0.0, 0.5, 0.5], [0.0, 0.9, 0.1], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    found = tally(table, p, np.arange(4), 3, "geometric")
    assert_allclose(found.mean[0], [0, 0.75, 0.25], atol=1e-12)
    assert np.isfinite(found.mean[1]).all()  # each excludes what the other says
    assert_allclose(found.mean.sum(axis=1), 1, rtol=1e-12)


def test_no_voters():
    found = tally(pa.table({"name": ["a"]}), np.ones((1, 2)), np.empty(0, dtype=int), 2)
    assert len(found.first) == 0
    assert found.mean.shape == (0, 2)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_against_loops_and_row_order_changes_nothing(seed, n):
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in rng.integers(0, 6, n)]
    obsid = rng.permutation(n)  # distinct keys: no ties but by probability
    p = rng.dirichlet(np.ones(3), n)
    table = pa.table({"name": names, "obsid": obsid})
    found = tally(table, p, np.arange(n), 3)
    for m, first in enumerate(found.first):
        rows = [i for i in np.argsort(obsid) if names[i] == names[first]]
        assert rows[0] == first
        assert_allclose(found.mean[m], p[rows].mean(axis=0), rtol=1e-14)
        assert_allclose(found.std[m], p[rows].std(axis=0), rtol=1e-10, atol=1e-15)
        ballots = p[rows].argmax(axis=1).tolist()
        most = max(map(ballots.count, ballots))
        assert found.hard[m] == next(b for b in ballots if ballots.count(b) == most)
    order = rng.permutation(n)
    shuffled = tally(table.take(pa.array(order)), p[order], np.arange(n), 3)
    for a, b in (("mean", "mean"), ("std", "std"), ("soft", "soft"), ("hard", "hard")):
        assert_array_equal(getattr(found, a), getattr(shuffled, b))
    assert_array_equal(found.first, order[shuffled.first])


def test_key_order_keeps_the_file_among_equals():
    table = pa.table({"name": ["b", "a", "a", "a"], "obsid": [1, 2, 2, 1]})
    assert key_order(table, np.arange(4)).tolist() == [3, 1, 2, 0]


def test_the_published_sources(real):
    """8,271 unique and 485 ambiguous, every class, every mean and every deviation."""
    from xsift.read import cells, read_table

    path = real("paper_detection_level.csv.gz")
    table, _ = read_table(path)
    table = table.set_column(  # in CSV it is text
        table.column_names.index("obsid"), "obsid", cells.integers(table["obsid"], path, "obsid")
    )
    p = np.column_stack([cells.numbers(table[c], path, c) for c in PUBLISHED])
    found = tally(table, p, np.arange(len(p)), 10)
    assert (int(found.unique.sum()), int((~found.unique).sum())) == (8271, 485)
    at = {name: m for m, name in enumerate(table["name"].take(found.first).to_pylist())}
    n_compared = 0
    for file in ("paper_uniquely_classified.csv", "paper_ambiguous.csv"):
        with open(real(file), encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                m = at[row["name"]]
                soft, hard = (PUBLISHED[k] for k in (found.soft[m], found.hard[m]))
                if "master_class" in row:
                    assert soft == hard == row["master_class"]
                else:
                    assert (soft, hard) == (row["soft_master_class"], row["hard_master_class"])
                assert found.n_detections[m] == int(row["detection_count"])
                cells = [row[c].split("±") for c in PUBLISHED]
                assert np.round(found.mean[m], 3).tolist() == [float(c[0]) for c in cells]
                assert np.round(found.std[m], 3).tolist() == [float(c[1]) for c in cells]
                n_compared += 1
    assert n_compared == 8756


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["10", "9", "-1", None, "100"], ["-1", "9", "10", "100"]),
        (["10", "9", "09"], ["09", "10", "9"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        ([str(2**64 - 1), "9"], [str(2**64 - 1), "9"]),
    ],
)
def test_whole_numbers_are_sorted_as_numbers_where_all_names_are(names, wanted):
    table = pa.table({"name": pa.array(names)})
    rows = np.flatnonzero([n is not None for n in names])
    assert [names[i] for i in key_order(table, rows)] == wanted


@pytest.mark.parametrize("pool", ["mean", "geometric"])
def test_a_source_has_the_same_bits_alone_and_among_others(pool):
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(18, 0.3), 90)
    table = pa.table({"name": [f"s{i // 3:02}" for i in range(90)], "obsid": np.arange(90)})
    whole = tally(table, p, np.arange(90), 18, pool)
    for source in range(30):
        own = np.arange(3 * source, 3 * source + 3)
        alone = tally(table.take(pa.array(own)), p[own], np.arange(3), 18, pool)
        assert_array_equal(alone.mean[0], whole.mean[source])
        assert_array_equal(alone.std[0], whole.std[source])
