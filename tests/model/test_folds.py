import numpy as np
import pyarrow as pa
import pytest

from xsift.model.folds import fields_on_sky, identical_detections, join

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


@pytest.mark.parametrize(
    ("ra", "dec", "same"),
    [
        ((10.1, 10.9), (0.1, 0.9), True),
        ((10.1, 11.1), (0.1, 0.9), False),
        ((10.1, 10.1), (-0.1, 0.1), False),
        ((10.2, 11.1), (60.2, 60.8), True),  # meridians are closer there
        ((0.1, 360.2), (5.5, 5.5), True),
        ((10.0, 200.0), (89.9, 89.95), False),
    ],
)
def test_fields_are_cells_of_one_size_on_the_sky(ra, dec, same):
    found = fields_on_sky(pa.table({"ra": ra, "dec": dec}), 1.0)
    assert (found[0] == found[1]) == same


def test_a_row_without_a_position_is_in_no_field():
    keys = pa.table({"ra": [10.0, NAN, None], "dec": [0.5, 0.5, 0.5]})
    assert fields_on_sky(keys, 1.0).tolist() == [0, -1, -1]
    assert fields_on_sky(keys, None) is None
    assert fields_on_sky(keys.select(["ra"]), 1.0) is None
