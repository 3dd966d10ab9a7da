import numpy as np

from xsift.model.folds import identical_detections, join

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
