"""A table of the same content gives the same bits from every format, and from memory."""

import warnings

import pyarrow as pa
import pytest
from formats import COLUMNS, FORMATS, table

from xsift import surveys
from xsift.read import read_detections, schema

SURVEY = surveys.load("csc20")
TWELVE = SURVEY.feature_set("all")

CONTENTS = {
    "plain": {},
    "names of digits": {"name": ["007", "7", "0012", "12", "0100", "100", "00", "0"]},
    "names that look like numbers": {"name": ["1e3", "3.10", "3.1", "1000", "+5", "5", "-0", "0"]},
    "long names": {"name": [f"2CXO J004244.3+411608X-{i}" * 4 for i in range(8)]},
    "words for nothing": {"name": ["nan", "None", "<NA>", "N/A", "null", "--", "x", "y"]},
    "large numbers": {"obsid": [2**53 + i for i in range(8)]},
    "small numbers": {"var_ratio_b": [10.0**-k * (1 + 2**-52) for k in range(0, 32, 4)]},
    "an empty feature": {"bb_kt": pa.nulls(8, pa.float64())},
    "cells to be quoted": {"name": ['a,"b"', "a;b", "a'b", "a\tb", "a<b>&c", "a|b", "a b", "a:b"]},
}
# What a format cannot hold, and why.
CANNOT = {
    ("cells to be quoted", "ipac"): "a bar separates columns",
    ("cells to be quoted", "ecsv"): "astropy leaves a tab unquoted, which parts cells elsewhere",
    ("an empty feature", "votable-binary"): "astropy writes no column of nulls in BINARY",
}


@pytest.fixture(scope="module")
def from_memory():
    """What the content is when no file comes between."""

    def hold(content):
        return _held(lambda: schema.hold(table(**content), "memory", SURVEY, TWELVE, "name"))

    return hold


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("what", CONTENTS)
def test_every_format_gives_the_same_bits(what, form, from_memory, tmp_path):
    if (what, form) in CANNOT:
        pytest.skip(CANNOT[what, form])
    content = CONTENTS[what]
    path = tmp_path / "table"
    path.write_bytes(FORMATS[form](table(**content)))
    held = _held(lambda: read_detections(path, SURVEY, TWELVE, need_all=False).table)
    wanted = from_memory(content)
    assert held.column_names == wanted.column_names
    for name in held.column_names:
        assert held[name].type == wanted[name].type, name
        assert held[name].to_pylist() == wanted[name].to_pylist(), name


def test_results_are_the_same_from_every_format(tmp_path):
    import xsift

    results = {}
    for form, write in FORMATS.items():
        path = tmp_path / form
        path.write_bytes(write(table()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results[form] = xsift.classify(path)
    first = results.pop("parquet")
    for form, result in results.items():
        for level in ("detections", "sources"):
            assert getattr(result, level).equals(getattr(first, level)), (form, level)
        assert result.record["counts"] == first.record["counts"], form


def _held(read):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read().select(list(COLUMNS))
