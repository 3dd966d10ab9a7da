"""Tables held to their survey: names, kinds, units, possible values."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from xsift import surveys
from xsift.errors import MissingColumnsError, TableError, XsiftWarning
from xsift.features import derive
from xsift.read import schema
from xsift.read.unreadable import unreadable

SURVEY = surveys.load("csc20")
TWELVE = SURVEY.feature_set("all")


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
        ("ra", 10.0, "DEGREE", 10.0),
        ("ra", 10.0, "degrees", 10.0),
        ("ra", 6.0, "hours", 90.0),
        ("dec", np.pi / 4, "RADIANS", 45.0),
        ("bb_kt", 0.5, "KEV", 0.5),
        ("bb_kt", 500.0, "EV", 0.5),
        ("var_mean_b", 0.5, "CT/S", 0.5),
        ("var_mean_b", 0.5, "counts/sec", 0.5),
        ("var_mean_b", 0.5, "cps", 0.5),
        ("flux_aper_b", 1e-13, "ERG/CM**2/S", 1e-13),
        ("hard_hm", 0.5, "unitless", 0.5),
        ("hard_hm", 0.5, "none", 0.5),
        ("hard_hm", 0.5, "N/A", 0.5),
        ("hard_hm", 0.5, "---", 0.5),
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
    twice = renamed.append_column("Hard_hs", small_table["ra"])
    with pytest.raises(TableError, match="2 columns are called hard_hs: keep one"):
        hold(twice)
    unneeded = renamed.append_column("Ra", small_table["ra"])
    with pytest.warns(XsiftWarning, match="2 columns are called ra: .* is left out, as no feature"):
        assert "ra" not in hold(unneeded).column_names


def test_missing_columns_are_named_with_the_nearest(small_table):
    names = ["bbkt" if n == "bb_kt" else n for n in small_table.column_names]
    with pytest.raises(MissingColumnsError) as caught:
        hold(small_table.rename_columns(names).drop_columns(["hard_hs"]))
    said = str(caught.value)
    assert said.startswith("t.vot: missing columns hard_hs, bb_kt (did you mean bbkt?). If so, ")
    with pytest.raises(MissingColumnsError, match=r"missing column name\. Name the column of"):
        hold(small_table.drop_columns(["name"]))
    with pytest.raises(MissingColumnsError, match=r"var_newq_b \(or .*\)\. Tables without it can"):
        hold(small_table.drop_columns(["var_newq_b"]))
    with pytest.raises(
        MissingColumnsError, match=r"bb_kt\. The published method needs all; method"
    ):
        hold(small_table.drop_columns(["bb_kt"]))


def test_absent_features_are_missing_ones_where_not_all_are_needed(small_table):
    fewer = small_table.drop_columns(["bb_kt", "powlaw_gamma"])
    with pytest.warns(
        XsiftWarning, match="no column powlaw_gamma, bb_kt: counted as missing in ev"
    ):
        held = schema.hold(fewer, "t.vot", SURVEY, TWELVE, "name", need_all=False)
    assert derive(held, SURVEY, TWELVE).n_missing.min() == 2
    none = small_table.select(["name", "ra", "dec"])
    with pytest.raises(MissingColumnsError, match="no feature of the survey: is it another table"):
        schema.hold(none, "t.vot", SURVEY, TWELVE, "name", need_all=False)
    odd = small_table.rename_columns(
        ["bb_kT_x" if n == "bb_kt" else n for n in small_table.column_names]
    )
    with pytest.warns(XsiftWarning) as said:
        schema.hold(odd, "t.vot", SURVEY, TWELVE, "name", need_all=False)
    text = " ".join(str(w.message) for w in said)
    assert "no column bb_kt: counted as missing" in text
    assert "if they are, give columns bb_kt=bb_kT_x" in text


def test_units_behind_the_names(small_table):
    names = {"bb_kt": "bb_kt [keV]", "ra": "RA (deg)", "dec": "dec(deg)"}
    renamed = small_table.rename_columns([names.get(n, n) for n in small_table.column_names])
    assert hold(renamed).equals(hold(small_table))
    at = small_table.column_names.index("bb_kt")
    in_ev = small_table.set_column(at, "bb_kt [eV]", pc.multiply(small_table["bb_kt"], 1000.0))
    np.testing.assert_allclose(
        hold(in_ev)["bb_kt"].to_numpy(), small_table["bb_kt"].to_numpy(), rtol=1e-14
    )


@pytest.mark.parametrize(
    ("name", "values", "unit", "why"),
    [
        ("theta", [1.0, 2.0], "furlong", "theta is in 'furlong'"),
        ("theta", ["far", "near"], "", "'far' is not a number"),
        ("theta", [True, False], "", "holds bool"),
        ("significance", [-999.5, -998.5], "", "2 of 2 values are not 0 and more"),
        ("flux_aper_b", [1.0, 2.0], "photon / (cm2 s)", "does not convert to erg"),
        ("region_id", ["r0001A", "r2"], "", "'r0001A' is not a number"),
        ("obsid", [1.5, 2.0], "", "1.5 is not a whole number"),
        ("ra", ["x", "y"], "", "'x' is not a number"),
    ],
)
def test_columns_that_no_feature_needs_do_not_refuse_a_table(small_table, name, values, unit, why):
    table = small_table.slice(0, 2)
    if name in table.column_names:
        table = table.drop_columns([name])
    array = pa.array(values)
    table = table.append_column(pa.field(name, array.type, metadata={"unit": unit}), array)
    with pytest.warns(XsiftWarning, match=f"(?s){re.escape(why)}.*column is left out, as no feat"):
        assert name not in hold(table).column_names


def test_an_array_is_refused_only_where_it_is_used(small_table):
    field, nulls = unreadable("bb_kt", 2, "arrays of 4 numbers")
    table = small_table.slice(0, 2).drop_columns(["bb_kt"]).append_column(field, nulls)
    with pytest.raises(TableError, match="column bb_kt holds arrays of 4 numbers: give one value"):
        hold(table)
    field, nulls = unreadable("theta", 2, "arrays of 4 numbers")
    table = small_table.slice(0, 2).append_column(field, nulls)
    with pytest.warns(XsiftWarning, match="column theta holds arrays of 4 numbers"):
        assert "theta" not in hold(table).column_names


@pytest.mark.parametrize(
    ("name", "marks", "said"),
    [("bb_kt", [99.0, 999.0], "99, 999"), ("powlaw_gamma", [-9.0, -9.0], "-9")],
)
def test_marks_of_missing_values_within_the_bounds(small_table, name, marks, said):
    at = small_table.column_names.index(name)
    table = small_table.slice(0, 4).set_column(at, name, [[*marks, 1.5, 99.5 if at else 1.0]])
    with pytest.warns(XsiftWarning, match=f"{name}: 2 of 4 values are exactly {said}: taken for"):
        held = hold(table)
    assert held[name].null_count == 2
    # A repeated number that may be a measurement stays, with a word.
    table = table.set_column(
        table.column_names.index("powlaw_gamma"), "powlaw_gamma", [[-1.0, -1.0, 1.5, 2.5]]
    ).set_column(table.column_names.index("bb_kt"), "bb_kt", [[1.0, 2.0, 3.0, 4.0]])
    with pytest.warns(
        XsiftWarning, match="powlaw_gamma: 2 values are exactly -1: where that means"
    ):
        assert hold(table)["powlaw_gamma"].null_count == 0


def test_right_ascensions_one_turn_away():
    with pytest.warns(
        XsiftWarning, match=r"ra: 2 of 4 values are taken modulo 360 \(row 1: -10.68"
    ):
        assert held([-10.68, 370.0, 10.0, 360.0], "ra") == [
            pytest.approx(349.32),
            10.0,
            10.0,
            360.0,
        ]
    assert held([-99.0, 900.0, 10.0], "ra") == [-99.0, 900.0, 10.0]  # no angle: not possible


def test_names_are_stripped_and_blank_ones_null(small_table):
    table = small_table.slice(0, 4).set_column(0, "name", [[" 2CXO J1 ", "", None, "  "]])
    assert hold(table)["name"].to_pylist() == ["2CXO J1", None, None, None]
    with pytest.raises(TableError, match="source column name is empty in every row"):
        hold(table.slice(1))
    table = table.set_column(0, "name", [[b"\xff", b"a", b"b", b"c"]])
    with pytest.raises(TableError, match="column name holds binary, not UTF-8 text"):
        hold(table)
    with pytest.raises(TableError, match=r"column ra, row 3: .* is no name: a source column holds"):
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


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (pa.array(["007", "7", "0012", "3.10", "1e3"]), ["007", "7", "0012", "3.10", "1e3"]),
        (pa.array([7, 12, None, 2**40, -1]), ["7", "12", None, str(2**40), "-1"]),
        (pa.array([2**64 - 1, 7, None, 1, 2], pa.uint64()), [str(2**64 - 1), "7", None, "1", "2"]),
        (pa.array([7.0, np.nan, None, 12.0, 2.0**52]), ["7", None, None, "12", str(2**52)]),
        (pa.array(["nan", "None", "<NA>", "--", "x"]), [None, None, None, None, "x"]),
        (pa.array(["a", "b", "a", "c", "a"]).dictionary_encode(), ["a", "b", "a", "c", "a"]),
    ],
    ids=["digits", "integers", "beyond int64", "made floats", "words", "dictionary"],
)
def test_source_names_are_text(small_table, names, wanted):
    table = small_table.slice(0, 5).set_column(0, "name", names)
    assert hold(table)["name"].to_pylist() == wanted


@pytest.mark.parametrize(
    "names", [pa.array([0.5, 1.0]), pa.array([2.0**53, 1.0]), pa.array([True, False])]
)
def test_no_names(small_table, names):
    with pytest.raises(TableError, match="a source column holds text or whole numbers"):
        hold(small_table.slice(0, 2).set_column(0, "name", names))


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
