"""Cells to numbers and text: one list of words for missing, no number by Python's rules alone."""

import numpy as np
import pyarrow as pa
import pytest

from xsift.classes import DASHES, MISSING_WORDS
from xsift.errors import TableError
from xsift.read import cells


def numbers(values):
    return cells.numbers(pa.chunked_array([pa.array(values)]), "t.csv", "x")


@pytest.mark.parametrize("dash", DASHES)
def test_every_dash_is_a_minus_sign(dash):
    np.testing.assert_array_equal(numbers([f"{dash}1.5", f"1e{dash}3"]), [-1.5, 1e-3])


@pytest.mark.parametrize("word", sorted(MISSING_WORDS))
@pytest.mark.parametrize("spelled", [str, str.upper, str.title, " {} ".format])
def test_words_for_missing(word, spelled):
    np.testing.assert_array_equal(numbers(["1.5", spelled(word), "2"]), [1.5, np.nan, 2.0])
    column = pa.chunked_array([pa.array(["a", spelled(word)])])
    assert cells.text(column, "t.csv", "x").to_pylist() == ["a", None]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1.0),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-300", 1e-300),
        ("1.5D-13", 1.5e-13),
        ("1.5d+03", 1500.0),
        ("\N{MINUS SIGN}0.25", -0.25),
        ("inf", np.inf),
        ("-Infinity", -np.inf),
        ("1e400", np.inf),
        ("0.1", 0.1),
        ("3.141592653589793238", np.pi),
    ],
)
def test_spellings_of_a_number(cell, value):
    assert numbers([cell, "7"]).tolist() == [value, 7.0]


@pytest.mark.parametrize(
    "cell",
    ["1_000", "0x1F", "1,5", "1 000", "1e", "--1", "1.2.3", "0.5 keV", "<0.5", "1e5.0", "\u0661"],
)
def test_what_is_no_number(cell):
    with pytest.raises(TableError, match=r"t\.csv: column x, row 2: '.*' is not a number"):
        numbers(["1", cell])


def test_text_is_read_to_the_bit():
    values = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.arange(-250, 250, 0.25)
    assert numbers([repr(float(v)) for v in values]).tolist() == values.tolist()


def test_integers_stay_exact():
    big = pa.chunked_array([pa.array([2**63 - 1, None])])
    assert cells.integers(big, "t", "obsid").to_pylist() == [2**63 - 1, None]
    with pytest.raises(TableError, match=r"column obsid holds numbers beyond 2\*\*63"):
        cells.integers(pa.chunked_array([pa.array([2**63], pa.uint64())]), "t", "obsid")


def test_a_decimal_comma_gets_a_hint():
    with pytest.raises(TableError, match=r"'0,5' is not a number: write the decimals behind a po"):
        numbers(["1", "0,5"])
