import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsift.errors import SplitError
from xsift.evaluate.splits import check_split, folds_by_sky
from xsift.model.folds import folds_by_source, join

NAN = np.nan


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
