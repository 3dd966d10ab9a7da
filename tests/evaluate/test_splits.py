import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsift.errors import SplitError
from xsift.evaluate.splits import (
    check_split,
    folds_by_sky,
    folds_by_source,
    identical_detections,
    join,
)

NAN = np.nan


def test_identical_detections_agree_in_every_feature():
    X = np.array([[1, 2, NAN], [1, 2, NAN], [1, 2, 3], [0.0, 1, 1], [-0.0, 1, 1]])
    a, b, c, d, e = identical_detections(X)
    assert a == b
    assert d == e
    assert len({a, c, d}) == 3


def test_rows_with_few_features_are_not_identical():
    X = np.array([[1, NAN, NAN], [1, NAN, NAN], [NAN, NAN, NAN], [NAN, NAN, NAN]])
    assert len(set(identical_detections(X))) == 4


def test_sources_that_share_a_detection_are_joined_through_others():
    # Sources 5 and 7 share detection 1, 7 and 9 share detection 2; 11 is alone.
    source = np.array([5, 5, 7, 7, 9, 11])
    shared = np.array([1, -1, 1, 2, 2, -1])
    assert join(source, shared).tolist() == [0, 0, 0, 0, 0, 1]
    assert join(source).tolist() == [0, 0, 1, 1, 2, 3]


def test_two_kinds_of_sharing_join_together():
    source = np.array([0, 1, 2])
    assert join(source, np.array([4, 4, -1]), np.array([-1, 8, 8])).tolist() == [0, 0, 0]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-1, 6)), min_size=1, max_size=40),
    st.integers(2, 5),
    st.integers(0, 3),
)
def test_folds_never_split_a_unit(pairs, n_folds, seed):
    source, shared = np.array(pairs).T
    unit = join(source, shared)
    for fold in (
        folds_by_source(unit, source % 3, n_folds, seed),
        folds_by_sky(unit, source.astype(float), n_folds, seed),
    ):
        for f in range(n_folds):
            train, test = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
            check_split(train, test, source=source, detection=shared)


def test_folds_hold_each_class_evenly():
    unit = np.arange(100)
    stratum = np.repeat([0, 1], [80, 20])
    fold = folds_by_source(unit, stratum, 5, seed=3)
    for f in range(5):
        assert np.bincount(stratum[fold == f]).tolist() == [16, 4]
    assert (fold != folds_by_source(unit, stratum, 5, seed=4)).any()


def test_blocks_of_the_sky_are_contiguous():
    along = np.random.default_rng(1).permutation(200).astype(float)
    fold = folds_by_sky(np.arange(200), along, 5, seed=0)
    in_order = fold[np.argsort(along)].reshape(20, 10)
    assert (in_order == in_order[:, :1]).all()
    assert np.bincount(in_order[:, 0]).tolist() == [4] * 5


def test_a_source_on_both_sides_fails():
    source = np.array([0, 0, 1, 2])
    with pytest.raises(SplitError, match=r"1 source on both sides, the first in row 0 .* row 1"):
        check_split(np.array([0, 2]), np.array([1, 3]), source=source)


def test_an_identical_detection_on_both_sides_fails():
    with pytest.raises(SplitError, match="1 detection on both sides"):
        check_split(np.array([0]), np.array([1]), detection=np.array([7, 7]))
    check_split(np.array([0]), np.array([1]), detection=np.array([-1, -1]))


def test_a_row_on_both_sides_fails():
    with pytest.raises(SplitError, match="row 1 is on both sides"):
        check_split(np.array([0, 1]), np.array([1, 2]))
