"""Known objects that match nothing, types that are no class: said with an example."""

import warnings

import pyarrow as pa
import pytest

from xsift.classes import PAPER_CLASSES
from xsift.errors import LabelError, XsiftWarning
from xsift.label import heed_matches, match_known, refuse_no_class, sort_labels


def heed(detections, known, how="auto", radius=1.0):
    match = match_known(detections, known, how, radius)
    heed_matches(detections, known, match, "known.csv", radius)


def test_no_name_in_common():
    detections = pa.table({"name": ["SIM J000154.53-210153.0", "SIM J1"]})
    known = pa.table({"label": ["QSO"], "name": ["J000154.53-210153.0"]})
    with pytest.raises(
        LabelError,
        match=r"known\.csv: none of 1 known objects matches a detection: "
        r"'J000154\.53-210153\.0' against 'SIM J000154\.53-210153\.0'",
    ):
        heed(detections, known)


def test_no_position_in_common():
    detections = pa.table({"name": ["a"], "ra": [150.0], "dec": [2.0]})
    known = pa.table({"label": ["QSO"], "ra": [150.0], "dec": [2.5]})
    with pytest.raises(LabelError, match=r"nearest pair is 1\.8e\+03 arcsec apart \(radius 1 arc"):
        heed(detections, known)
    hours = pa.table({"label": ["QSO"], "ra": [10.0], "dec": [2.0]})
    with pytest.raises(LabelError, match=r"140 deg apart .* end at 10: are they hours\?"):
        heed(detections, hours)
    nowhere = pa.table({"label": ["QSO"], "ra": [None], "dec": [None]}).cast(
        pa.schema([("label", pa.string()), ("ra", pa.float64()), ("dec", pa.float64())])
    )
    with pytest.raises(LabelError, match="one of the tables has no position"):
        heed(detections, nowhere)


def test_few_names_in_common():
    detections = pa.table({"name": ["a", "b"]})
    known = pa.table({"label": ["QSO"] * 3, "name": ["a", "x", "y"]})
    with pytest.warns(
        XsiftWarning, match=r"known\.csv: only 1 of 3 known objects match a detection"
    ):
        heed(detections, known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heed(detections, known.slice(0, 2))


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (
            ["E", "E", "Sc"],
            r"found E \(2\), Sc \(1\): name the column of types with label_column",
        ),
        (["QSO|X|Rad"], r"found QSO\|X\|Rad \(1\)"),
        ([None, None], "found no type at all"),
        (list("abcdefg"), r"a \(1\), b \(1\), c \(1\), d \(1\), e \(1\), \.\.\.: name"),
    ],
)
def test_no_type_is_a_class(labels, found):
    with pytest.raises(LabelError, match=rf"known\.csv: column type: no type is one of .*{found}"):
        refuse_no_class(sort_labels(labels, PAPER_CLASSES), PAPER_CLASSES, "known.csv", "type")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of words that are no types
        refuse_no_class(sort_labels(["QSO", *labels], PAPER_CLASSES), PAPER_CLASSES, "t", "type")


def test_words_that_are_no_types_are_named():
    labels = sort_labels(["QSO", "Kwasar", "Kwasar", "CV*", "Blob"], PAPER_CLASSES)
    with pytest.warns(
        XsiftWarning, match=r"column type: no SIMBAD types, .* 'Kwasar' \(2\), 'Blob' \(1\): these"
    ):
        refuse_no_class(labels, PAPER_CLASSES, "known.csv", "type")
