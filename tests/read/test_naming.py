"""Columns by any name: by mapping, by other names of the profile, from a match of two tables."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import surveys
from xsift.errors import MissingColumnsError, SettingError, TableError, XsiftWarning
from xsift.read import read_detections, read_known
from xsift.read.naming import naming

SURVEY = surveys.load("csc20")
PAIR = ("hard_hs", "powlaw_gamma")
FEATURES = tuple(f for f in SURVEY.features if f.name in PAIR)


@pytest.fixture
def read(tmp_path):
    """Write a table with these columns, in a format, and read it held to csc20."""

    def call(data, suffix="parquet", **options):
        path = tmp_path / f"t.{suffix}"
        table = pa.table(data)
        if suffix == "parquet":
            pq.write_table(table, path)
        else:
            from xsift.write import write_table

            write_table(table, path, suffix, {})
        return read_detections(path, SURVEY, FEATURES, need_all=False, **options)

    return call


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_user_says_what_a_column_is_called(read, suffix):
    columns = {"name": ["a", "b"], "HR 1": [0.1, 0.2], "hard_hs": [0.8, 0.9], "g": [1.5, 2.5]}
    given = {"hard_hs": "HR 1", "POWLAW_GAMMA": "g"}
    found = read(columns, suffix, columns=given)
    assert found.table["hard_hs"].to_pylist() == [0.1, 0.2]
    assert found.table["powlaw_gamma"].to_pylist() == [1.5, 2.5]
    assert found.called == {"hard_hs": "HR 1", "powlaw_gamma": "g"}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_vizier_names_are_understood(read, suffix):
    columns = {
        "2CXO": ["J1", "J2"],
        "RAICRS": [10.0, 11.0],
        "DEICRS": [1.0, 2.0],
        "_RAJ2000": [50.0, 51.0],
        "HRhs": [0.1, 0.2],
        "GamPL": [1.5, 2.5],
    }
    found = read(columns, suffix)
    assert found.table["name"].to_pylist() == ["J1", "J2"]
    assert found.table["ra"].to_pylist() == [10.0, 11.0]
    assert found.table["powlaw_gamma"].to_pylist() == [1.5, 2.5]
    assert found.called["hard_hs"] == "HRhs"


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_match_of_topcat_is_understood_and_said(read, suffix):
    columns = {
        "name_1": ["a", "b"],
        "hard_hs_1": [0.1, 0.2],
        "powlaw_gamma": [1.5, 2.5],
        "Gmag": [10.0, 11.0],
    }
    with pytest.warns(XsiftWarning, match="matched table are taken: name from name_1, hard_hs fro"):
        found = read(columns, suffix)
    assert found.table["name"].to_pylist() == ["a", "b"]
    assert found.table["hard_hs"].to_pylist() == [0.1, 0.2]


@pytest.mark.parametrize("name", ["ra", "hard_hs", "name"])
def test_a_match_that_leaves_two_is_refused_until_one_is_named(read, name):
    columns = {"name": ["a", "b"], "hard_hs": [0.1, 0.2], "powlaw_gamma": [1.5, 2.5]}
    columns.pop(name, None)
    values = ["a", "b"] if name == "name" else [0.5, 0.6]
    columns |= {f"{name}_1": values, f"{name}_2": values[::-1]}
    said = f"{name}_1 and {name}_2 could each be {name}: say which with columns {name}={name}_1"
    with pytest.raises(TableError, match=said):
        read(columns)
    found = read(columns, columns={name: f"{name}_2"})
    assert found.table[name].to_pylist() == values[::-1]


def test_a_column_in_its_own_name_is_preferred_to_all_others(read):
    columns = {"name": ["a", "b"], "hard_hs": [0.1, 0.2], "HRhs": [9.0, 9.0], "hard_hs_1": [5, 5]}
    columns |= {"powlaw_gamma": [1.5, 2.5]}
    found = read(columns)
    assert found.table["hard_hs"].to_pylist() == [0.1, 0.2]
    assert found.called == {}


def test_units_behind_and_beside_other_names_are_heeded(read):
    columns = {"name": ["a", "b"], "powlaw_gamma": [1.5, 2.5], "hard_hs": [0.1, 0.2]}
    columns |= {"RAICRS (rad)": [0.0, 3.14159265359]}
    found = read(columns)
    assert found.table["ra"].to_pylist() == pytest.approx([0.0, 180.0])
    columns = {"name": ["a", "b"], "HRhs [keV]": [0.1, 0.2], "powlaw_gamma": [1.5, 2.5]}
    with pytest.raises(
        TableError, match="column hard_hs is in 'keV', which does not convert to no"
    ):
        read(columns)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"hard_hx": "a"}, SettingError, r"no column hard_hx \(did you mean hard_h.\?\)"),
        ({"hard_hs": "hr"}, MissingColumnsError, r"^t.csv: columns hard_hs=hr: missing column hr$"),
        ({"hard_hs": "x", "hard_hm": "X"}, SettingError, "columns hard_hm=X: X is another column"),
    ],
)
def test_a_mapping_that_cannot_serve_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        naming(["name", "x"], SURVEY, "t.csv", given)


def test_near_names_are_suggested_and_the_rest_is_used(read):
    columns = {"name": ["a", "b"], "hard_hs": [0.1, 0.2], "powlaw_gama": [1.5, 2.5]}
    with pytest.warns(XsiftWarning) as said:
        found = read(columns)
    text = " ".join(str(w.message) for w in said)
    assert "no column powlaw_gamma: counted as missing in every row" in text
    assert "if they are, give columns powlaw_gamma=powlaw_gama" in text
    assert "powlaw_gamma" not in found.table.column_names


def test_known_objects_have_their_names_and_positions_by_other_names(tmp_path):
    pq.write_table(
        pa.table({"RA_ICRS": [1.0], "DE_ICRS": [2.0], "2CXO": ["x"], "otype": ["QSO"]}),
        tmp_path / "k.parquet",
    )
    known = read_known(tmp_path / "k.parquet", SURVEY)
    assert known.table.to_pylist() == [{"label": "QSO", "name": "x", "ra": 1.0, "dec": 2.0}]


def test_columns_of_ones_own_are_kept_as_they_are(read):
    columns = {
        "name": ["a", "b"],
        "hard_hs": [0.1, 0.2],
        "powlaw_gamma": [1, 2],
        "Sp. Type": ["G", None],
    }
    found = read(columns, keep=["sp. type"])
    assert found.kept.to_pydict() == {"Sp. Type": ["G", None]}
    assert read(columns, keep=["all"]).kept.column_names == ["Sp. Type"]
    with pytest.raises(MissingColumnsError, match="missing column Sp Typ"):
        read(columns, keep=["Sp Typ"])


@pytest.mark.parametrize("survey", surveys.names())
@pytest.mark.parametrize(
    "axes",
    [("RAJ2000", "DEJ2000"), ("_RAJ2000", "_DEJ2000"), ("RA_ICRS", "DE_ICRS"), ("RA", "Dec")],
)
def test_the_usual_names_of_positions_are_known(survey, axes):
    called = naming(["name", *axes], surveys.load(survey), "t.csv").called
    found = [called.get(name, name) for name in ("ra", "dec")]
    assert [n.casefold() for n in found] == [n.casefold() for n in axes]
