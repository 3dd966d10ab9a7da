"""The detections of a large table that train: whole sources, whatever the cut and the order."""

import numpy as np
import pyarrow as pa
import pytest

from xsift import Settings, surveys
from xsift.classes import PAPER_CLASSES
from xsift.model.drawn import drawn
from xsift.model.sample import read_sample
from xsift.read import as_input

N = 4_000


@pytest.fixture(scope="module")
def table(table_of):
    table = table_of(N, seed=3)
    name = table["name"].to_numpy(zero_copy_only=False).copy()
    name[::50] = None
    return table.set_column(0, "name", pa.array(name, pa.string()))


def sampled(table):
    survey = surveys.load("csc20")
    features = survey.feature_set(survey.default_features)
    settings = Settings(label_column="label")
    return read_sample(as_input(table), survey, features, settings, PAPER_CLASSES)


@pytest.fixture(scope="module")
def sample(table):
    return sampled(table)


def test_a_small_table_is_drawn_whole(sample):
    assert drawn(sample, N, N).all()


def test_all_labelled_ones_and_whole_sources_of_the_others(sample):
    found = drawn(sample, N, N // 4)
    is_labelled = np.array([label is not None for label in sample.labels.label])
    assert found[is_labelled].all()
    assert found[~is_labelled].mean() == pytest.approx(0.25, abs=0.05)
    name = sample.keys["name"].to_numpy(zero_copy_only=False)
    others = ~is_labelled & (name != np.array(None))
    of = {n: set(found[others & (name == n)].tolist()) for n in set(name[others])}
    assert all(len(drawn_of) == 1 for drawn_of in of.values())
    nameless = found[~is_labelled & (name == np.array(None))]
    assert 0 < nameless.sum() < len(nameless)


def test_neither_cut_nor_order_matters(table, sample):
    whole = drawn(sample, N, N // 4)
    rows = np.random.default_rng(0).permutation(N)[:777]
    assert np.array_equal(drawn(sampled(table.take(pa.array(rows))), N, N // 4), whole[rows])


def test_a_larger_sample_holds_a_smaller_one(sample):
    small, large = (drawn(sample, N, N // by) for by in (8, 2))
    assert large[small].all()
    assert large.sum() > small.sum()
