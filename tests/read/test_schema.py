"""Tables held to their survey: names, kinds, units, possible values."""

import numpy as np
import pyarrow as pa
import pytest

from xsift import surveys
from xsift.errors import MissingColumnsError, TableError
from xsift.features import derive
from xsift.read import schema

SURVEY = surveys.load("csc20")
TWELVE = SURVEY.feature_set("csc12")


def hold(table, source="name", features=TWELVE):
    return schema.hold(table, "t.vot", SURVEY, features, source)


def held(values, column="bb_kt", unit="", found=None):
    array = values if isinstance(values, pa.Array) else pa.array(values)
    field = pa.field(found or column, array.type, metadata={"unit": unit})
    table = pa.table([array], schema=pa.schema([field]))
    return schema.held(table, "t.vot", found or column, SURVEY.column(column)).to_pylist()


@pytest.mark.parametrize(
    ("column", "value", "unit", "wanted"),
    [
        ("bb_kt", 500.0, "eV", 0.5),
        ("bb_kt", 0.5, "keV", 0.5),
        ("bb_kt", 0.5, "", 0.5),
        ("bb_kt", 1.602176634e-16, "J", 1.0),
        ("ra", np.pi / 2, "rad", 90.0),
        ("ra", 6.0, "hourangle", 90.0),
        ("dec", 3600.0, "arcsec", 1.0),
        ("var_mean_b", 0.5, "count/s", 0.5),
        ("var_mean_b", 0.5, "counts/s", 0.5),
        ("var_mean_b", 0.5, "ct / s", 0.5),
        ("flux_aper_b", 1e-13, "erg/s/cm2", 1e-13),
        ("flux_aper_b", 1e-16, "W/m2", 1e-13),
        ("var_prob_b", 50.0, "%", 0.5),
    ],
)
def test_declared_units_are_converted(column, value, unit, wanted):
    assert held([value], column, unit) == [pytest.approx(wanted, rel=1e-12)]


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("bb_kt", "K"),
        ("ra", "h"),
        ("bb_kt", "furlong"),
        ("bb_kt", "mag(keV)"),
        ("bb_kt", "-1 keV"),
        ("bb_kt", "1e400 keV"),
        ("bb_kt", "m**(1/0)"),
        ("bb_kt", "(" * 100_000),
        ("bb_kt", "\0"),
        ("hard_hm", "keV"),
    ],
)
def test_wrong_units(column, unit):
    with pytest.raises(TableError, match=rf"column {column} is in '.*', which does not conv") as e:
        held([0.5], column, unit)
    assert len(str(e.value)) < 300


def test_unit_that_is_no_text_counts_as_unknown():
    table = pa.table([pa.array([1.0])], schema=pa.schema([pa.field("bb_kt", pa.float64())]))
    table = table.cast(pa.schema([pa.field("bb_kt", pa.float64(), metadata={b"unit": b"\xff"})]))
    with pytest.raises(TableError, match="column bb_kt is in"):
        schema.held(table, "t", "bb_kt", SURVEY.column("bb_kt"))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0.5, None, 2.0]),
        pa.array([0.5, np.nan, 2.0]),
        pa.array([0.5, None, 2.0], pa.float32()),
        pa.array(["0.5", "", " 2 "]),
        pa.array(["0.5", None, "2"], pa.large_string()),
        pa.array(["0.5", "--", "2"], pa.string_view()),
        pa.array(["0.5", "NaN", "2"]).dictionary_encode(),
        pa.array([b"0.5", None, b"2"]),
        pa.array([0.5, None, 2.0]).dictionary_encode(),
    ],
    ids=lambda a: str(a.type),
)
def test_kinds_of_numbers(values):
    assert held(values) == [0.5, None, 2.0]


def test_other_kinds():
    assert held(pa.array([1, None, 3], pa.uint8())) == [1.0, None, 3.0]
    assert held(pa.array([None, None], pa.null())) == [None, None]
    assert held(pa.array([1, None], pa.decimal128(5, 2))) == [1.0, None]
    with pytest.raises(TableError, match="column bb_kt holds bool, not numbers"):
        held(pa.array([True]))
    with pytest.raises(TableError, match="column bb_kt, row 2: '0,5' is not a number"):
        held(["1", "0,5"])
    with pytest.raises(TableError, match="not UTF-8 text"):
        held(pa.array([b"\xff"]))


def test_infinity_is_kept_as_an_impossible_value():
    assert held([0.5, np.inf, 0.7]) == [0.5, np.inf, 0.7]


def test_integers():
    assert held(pa.array([3.0, None]), "obsid") == [3, None]
    with pytest.raises(TableError, match=r"column obsid, row 2: 1\.5 is not a whole number"):
        held([1.0, 1.5], "obsid")
    with pytest.raises(TableError, match="column obsid, row 2: inf is not a whole number"):
        held([1.0, np.inf, 2.0], "obsid")


def test_names_in_another_case_and_with_blanks(small_table):
    renamed = small_table.rename_columns([f" {n.upper()}" for n in small_table.column_names])
    assert hold(renamed).equals(hold(small_table))
    both = small_table.append_column("RA", small_table["ra"])
    assert hold(both).equals(hold(small_table))  # the exact name wins
    twice = renamed.append_column("Ra", small_table["ra"])
    with pytest.raises(TableError, match="2 columns are called ra: keep one"):
        hold(twice)


def test_missing_columns_are_named_with_the_nearest(small_table):
    names = ["bbkt" if n == "bb_kt" else n for n in small_table.column_names]
    with pytest.raises(MissingColumnsError) as caught:
        hold(small_table.rename_columns(names).drop_columns(["hard_hs"]))
    said = str(caught.value)
    assert said.startswith("t.vot: missing columns hard_hs")
    assert said.endswith("bb_kt (did you mean bbkt?)")
    with pytest.raises(MissingColumnsError, match=r"missing column name\. Name the column of"):
        hold(small_table.drop_columns(["name"]))
    with pytest.raises(MissingColumnsError, match=r"var_newq_b \(or .*\)\. Tables without it can"):
        hold(small_table.drop_columns(["var_newq_b"]))
    with pytest.raises(MissingColumnsError, match=r"bb_kt\. A column .* may be there and empty"):
        hold(small_table.drop_columns(["bb_kt"]))


def test_names_are_stripped_and_blank_ones_null(small_table):
    table = small_table.slice(0, 4).set_column(0, "name", [[" 2CXO J1 ", "", None, "  "]])
    assert hold(table)["name"].to_pylist() == ["2CXO J1", None, None, None]
    with pytest.raises(TableError, match="source column name is empty in every row"):
        hold(table.slice(1))
    table = table.set_column(0, "name", [[b"\xff", b"a", b"b", b"c"]])
    with pytest.raises(TableError, match="column name holds binary, not UTF-8 text"):
        hold(table)
    with pytest.raises(TableError, match="source column ra holds double, not names"):
        hold(small_table, source="ra")


def test_no_rows(small_table):
    with pytest.raises(TableError, match=r"t\.vot: the table has no rows"):
        hold(small_table.slice(0, 0))


def test_a_column_that_is_wholly_wrong(small_table):
    percent = pa.array(np.linspace(10, 90, 600))
    table = small_table.set_column(
        small_table.column_names.index("var_prob_b"), "var_prob_b", percent
    )
    with pytest.raises(
        TableError,
        match=r"var_prob_b: 600 of 600 values are not 0 to 1 \(row 1: 10\): another unit",
    ):
        hold(table)


def test_single_bad_values_stay_for_the_scorer(small_table):
    bad = small_table.slice(0, 4).set_column(
        small_table.column_names.index("hard_hm"), "hard_hm", [[3.0, 0.1, np.inf, None]]
    )
    features = derive(hold(bad), SURVEY, TWELVE)
    assert features.complete.tolist() == [False, True, False, False]
    assert features.reasons() == {
        0: "hard_hm = 3 is not -1 to 1",
        2: "hard_hm = inf is not -1 to 1",
        3: "misses hard_hm",
    }


def raw_columns(n=4):
    """The light curve's columns, in place of the ratios that follow from them."""
    raw = {
        f"var_{w}_{b}": [float(i + 1)] * n for i, w in enumerate(("mean", "sigma")) for b in "bhs"
    }
    return raw | {"var_min_b": [0.5] * n, "var_max_b": [2.5] * n}


def test_raw_columns_serve_for_derived_ones(small_table):
    derived = ["var_ratio_b", "var_ratio_h", "var_ratio_s", "var_newq_b"]
    table = small_table.slice(0, 4).drop_columns(derived)
    raw = raw_columns()
    raw["var_mean_b"] = [1.0, 0.0, -1.0, None]
    for name, values in raw.items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    features = derive(hold(table), SURVEY, TWELVE)
    ratio, newq = (features.names.index(n) for n in ("var_ratio_b", "var_newq_b"))
    assert features.X[0, [ratio, newq]].tolist() == [2.0, 1.5]
    assert features.complete.tolist() == [True, False, False, False]
    assert features.reasons()[1].startswith("var_ratio_b = inf is not")
    assert features.reasons()[2].startswith("var_ratio_b = -2 is not")
    assert features.reasons()[3] == "misses var_ratio_b, var_newq_b"


def test_a_derived_column_wins_over_raw_ones(small_table):
    table = small_table.slice(0, 4)
    for name, values in raw_columns().items():
        table = table.append_column(name, [values])
    features = derive(hold(table), SURVEY, TWELVE)
    assert features.X[:, 6].tolist() == table["var_ratio_b"].to_pylist()
