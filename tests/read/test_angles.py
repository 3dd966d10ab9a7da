"""Sexagesimal positions: hours, degrees, signs, and what is none."""

import pyarrow as pa
import pytest

from xsift import surveys
from xsift.classes import DASHES
from xsift.errors import TableError, XsiftWarning
from xsift.read import schema

SURVEY = surveys.load("csc20")


def held(values, axis, unit=""):
    array = pa.array(values)
    table = pa.table(
        [array], schema=pa.schema([pa.field(axis, array.type, metadata={"unit": unit})])
    )
    return schema.held(table, "t.csv", axis, SURVEY.column(axis)).to_pylist()


@pytest.mark.parametrize("dash", DASHES)
def test_every_dash_is_a_minus_sign(dash):
    with pytest.warns(XsiftWarning, match="column dec is sexagesimal"):
        assert held([f"{dash}00 30 00"], "dec") == [-0.5]


@pytest.mark.parametrize(
    ("axis", "cell", "degrees"),
    [
        ("ra", "00 01 54.520", 0.47716666666666666),
        ("ra", "00:42:44.3", 10.684583333333333),
        ("ra", "0h42m44.3s", 10.684583333333333),
        ("ra", "23 59", 359.75),
        ("dec", "-21 01 53.15", -21.031430555555556),
        ("dec", "\N{MINUS SIGN}00 30 15", -0.5041666666666667),
        ("dec", "+41d16m09s", 41.26916666666666),
        ("dec", "41\N{DEGREE SIGN}16\N{PRIME}09\N{DOUBLE PRIME}", 41.26916666666666),
    ],
)
def test_spellings(axis, cell, degrees):
    what = "hours, minutes and" if axis == "ra" else "degrees, minutes and"
    what = "the letters in its cells" if axis == "ra" and "h" in cell else what
    with pytest.warns(XsiftWarning, match=f"{axis} is sexagesimal: read as {what}"):
        assert held([cell, None], axis) == [pytest.approx(degrees, abs=1e-12), None]


def test_letters_say_what_a_right_ascension_is_in():
    with pytest.warns(XsiftWarning, match="read as the letters in its cells say"):
        assert held(["10d30m00s"], "ra") == [pytest.approx(10.5, abs=1e-12)]


def test_right_ascension_in_degrees_where_the_unit_says_so():
    with pytest.warns(XsiftWarning, match="read as degrees, minutes and seconds"):
        assert held(["10 30 00"], "ra", '"d:m:s"') == [10.5]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["00 01 54.5", "12.5"], "row 2: '12.5' is not sexagesimal"),
        (["00 61 54.5"], "row 1: '00 61 54.5' is no position"),
        (["25 70 80"], "is no position"),
    ],
)
def test_what_is_refused(cells, said):
    with pytest.raises(TableError, match=said):
        held(cells, "ra")
