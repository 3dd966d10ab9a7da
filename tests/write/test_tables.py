"""Tables written in every format are read back equal, by xsift and by astropy."""

import io
import subprocess
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io.votable import parse_single_table
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xsift import surveys
from xsift.catalogue.columns import output_columns
from xsift.classes import PAPER_CLASSES
from xsift.errors import OutputError
from xsift.read import read_table
from xsift.surveys.columns import Column, with_metadata
from xsift.write import write_table
from xsift.write.tables import SUFFIXES

FORMS = ("parquet", "votable", "fits", "csv")
ABOUT = {"creator": "xsift 1", "input": 'a<b>&"c"]]>.vot'}
COLUMNS = {
    "name": Column("name", "", "meta.id;meta.main", "A name < & ]]> é"),
    "obsid": Column("obsid", "", "meta.id", ""),
    "bb_kt": Column("bb_kt", "keV", "phys.temperature", "kT"),
    "rate": Column("rate", "count.s**-1", "phot.count;em.X-ray", ""),
}


def a_table(names):
    n = len(names)
    table = pa.table(
        {
            "name": pa.array(names, pa.string()),
            "obsid": pa.array([None, -1, 2**53, *range(n)][:n], pa.int64()),
            "bb_kt": pa.array([0.1, None, -1e-300, *np.arange(n) / 3][:n], pa.float64()),
            "rate": pa.array(
                [float("inf"), float("-inf"), None, *np.arange(n) / 7][:n], pa.float64()
            ),
            "empty": pa.nulls(n, pa.string()),
        }
    )
    return with_metadata(table, COLUMNS)


ORDINARY = a_table(["2CXO J1", "2CXO J2", None, "x", "y"])
NASTY = ["a<b>&amp;c", "]]>", 'say "x", y;\tz', "π é 星 𝄞", "x" * 100_000, None, "two\nlines"]


def there_and_back(table, path, form):
    write_table(table, path, form, ABOUT)
    return read_table(path)[0]


@pytest.mark.parametrize("form", FORMS)
def test_round_trip(tmp_path, form):
    back = there_and_back(ORDINARY, tmp_path / "t", form)
    assert back.to_pydict() == as_text(ORDINARY, form).to_pydict()
    if form != "csv":
        assert u.Unit(back.schema.field("rate").metadata[b"unit"].decode()) == u.count / u.s


def as_text(table, form):
    """Every cell of a text table is read as text."""
    if form != "csv":
        return table
    return pa.table({name: table[name].cast(pa.string()) for name in table.column_names})


@pytest.mark.parametrize("form", FORMS)
def test_no_rows(tmp_path, form):
    back = there_and_back(ORDINARY.slice(0, 0), tmp_path / "t", form)
    assert back.num_rows == 0
    assert back.column_names == ORDINARY.column_names


@pytest.mark.parametrize("form", ["parquet", "votable", "csv"])
def test_any_text(tmp_path, form):
    table = a_table(NASTY)
    back = there_and_back(table, tmp_path / "t", form)
    assert back["name"].to_pylist() == NASTY
    assert back["bb_kt"].to_pylist() == as_text(table, form)["bb_kt"].to_pylist()


def test_text_in_fits_is_printable_ascii(tmp_path):
    back = there_and_back(a_table(["a<b>&", "é\0\x01", "two\nlines\t."]), tmp_path / "t", "fits")
    assert back["name"].to_pylist() == ["a<b>&", "???", "two lines ."]


def test_characters_that_xml_has_not_are_left_out(tmp_path):
    table = a_table(["a\0b\x0b\x1bc\ufffe", ".\r\r\n.", ""])
    back = there_and_back(table, tmp_path / "t", "votable")
    assert back["name"].to_pylist() == ["abc", ".\r\r\n.", None]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), min_size=1),
    values=st.lists(st.floats(allow_nan=False), min_size=1),
)
def test_any_text_and_any_number_in_a_votable(tmp_path, names, values):
    n = min(len(names), len(values))
    table = pa.table({"name": [f".{x}." for x in names[:n]], "x": values[:n]})
    table = table.set_column(0, "name", pc_valid(table["name"]))
    back = there_and_back(table, tmp_path / "t", "votable")
    assert back.to_pydict() == table.to_pydict()


def pc_valid(names):
    return pa.array([n.replace("\ufffe", "").replace("\uffff", "") for n in names.to_pylist()])


@pytest.mark.parametrize("form", ["votable", "fits"])
def test_astropy_reads_the_same(tmp_path, form):
    path = tmp_path / f"t{SUFFIXES[form]}"
    write_table(ORDINARY, path, form, ABOUT)
    back = Table.read(path)
    assert back["bb_kt"].unit == u.keV
    assert back["rate"].unit == u.count / u.s
    assert back["obsid"].tolist() == ORDINARY["obsid"].to_pylist()
    kt = np.ma.filled(back["bb_kt"], np.nan)
    assert np.array_equal(kt, ORDINARY["bb_kt"].to_numpy(), equal_nan=True)
    assert [str(x) or None for x in back["name"].filled("")] == ORDINARY["name"].to_pylist()


def test_parquet_says_units_where_pyarrow_pandas_and_xsift_look(tmp_path):
    write_table(ORDINARY, tmp_path / "t.parquet", "parquet", ABOUT)
    back = read_table(tmp_path / "t.parquet")[0]  # and no two places disagree
    assert (
        back.schema.metadata.items() >= {k.encode(): v.encode() for k, v in ABOUT.items()}.items()
    )
    assert back.replace_schema_metadata(None).equals(ORDINARY, check_metadata=True)


@pytest.mark.parametrize("column", output_columns(PAPER_CLASSES).values(), ids=lambda c: c.name)
def test_the_header_for_astropy_describes_every_column(tmp_path, column):
    table = with_metadata(pa.table({column.name: [1.0]}), {column.name: column})
    write_table(table, tmp_path / "t.parquet", "parquet", {})
    said = pq.read_schema(tmp_path / "t.parquet").metadata[b"table_meta_yaml"].decode()
    (one,) = get_header_from_yaml(said.split("\n"))["datatype"]
    assert one.get("unit", "") == column.unit
    assert (one["name"], one["description"]) == (column.name, column.description)


def test_votable_within_parquet(tmp_path):
    write_table(ORDINARY, tmp_path / "t.parquet", "parquet", ABOUT)
    said = pq.read_schema(tmp_path / "t.parquet").metadata
    assert said[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    header = io.BytesIO(said[b"IVOA.VOTable-Parquet.content"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = parse_single_table(header, verify="exception")
    assert {f.name: f.unit for f in table.fields if f.unit} == {"bb_kt": u.keV, "rate": u.ct / u.s}
    assert {f.name: f.ucd for f in table.fields if f.ucd} == {n: c.ucd for n, c in COLUMNS.items()}


@pytest.mark.parametrize("form", ["parquet", "parquet.votable"])
def test_astropy_reads_parquet(tmp_path, form):
    """A null text is read as "None": astropy knows no other way without a column of masks."""
    pytest.importorskip("pandas", reason="astropy reads Parquet with pandas")
    write_table(ORDINARY, tmp_path / "t.parquet", "parquet", ABOUT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if form == "parquet.votable" else "error")
        back = Table.read(tmp_path / "t.parquet", format=form)
    assert back["bb_kt"].unit == u.keV
    assert back["rate"].unit == u.count / u.s
    assert np.array_equal(back["bb_kt"], ORDINARY["bb_kt"].to_numpy(), equal_nan=True)
    assert [str(n) for n in back["name"]] == [str(n) for n in ORDINARY["name"].to_pylist()]


def test_pandas_reads_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    write_table(ORDINARY, tmp_path / "t.parquet", "parquet", ABOUT)
    back = pandas.read_parquet(tmp_path / "t.parquet")
    assert list(back.columns) == ORDINARY.column_names
    assert back["name"].isna().tolist() == [n is None for n in ORDINARY["name"].to_pylist()]


def test_parquet_of_kinds_that_a_votable_has_not(tmp_path):
    table = pa.table({"a": [True, None], "b": pa.array(["x", "y"], pa.large_string())})
    write_table(table, tmp_path / "t.parquet", "parquet", ABOUT)
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


def test_votable_says_where_it_is_from(tmp_path):
    write_table(ORDINARY, tmp_path / "t.vot", "votable", ABOUT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = parse_single_table(tmp_path / "t.vot", verify="exception")
    assert [(i.name, i.value) for i in table._votable.resources[0].infos] == list(ABOUT.items())
    assert {f.name: f.ucd for f in table.fields if f.ucd} == {n: c.ucd for n, c in COLUMNS.items()}
    assert table.fields[0].description == COLUMNS["name"].description


@pytest.mark.parametrize("form", FORMS)
def test_file_names_that_are_no_text(tmp_path, form):
    about = {"input": "t\udcff\x01\t\n.csv"}
    write_table(ORDINARY, tmp_path / "t", form, about)
    assert read_table(tmp_path / "t")[0].num_rows == 5


def test_a_unit_that_astropy_frowns_on_is_written_quietly(tmp_path):
    flux = with_metadata(pa.table({"f": [1.0]}), {"f": Column("f", "erg.s**-1.cm**-2")})
    back = there_and_back(flux, tmp_path / "t", "votable")
    assert u.Unit(back.schema.field("f").metadata[b"unit"].decode()) == u.erg / u.s / u.cm**2


def test_unknown_format(tmp_path):
    with pytest.raises(OutputError, match=r"^formats xls: allowed are parquet, votable, fits, csv"):
        write_table(ORDINARY, tmp_path / "t", "xls", {})


def all_columns():
    survey = surveys.load("csc20")
    return {**survey.described(), **output_columns(PAPER_CLASSES)}.values()


@pytest.mark.parametrize("column", all_columns(), ids=lambda c: c.name)
def test_units_and_ucds_are_of_the_vocabulary(column):
    assert check_ucd(column.ucd, check_controlled_vocabulary=True)
    if column.unit:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Valid, though deprecated: X-ray fluxes are published in nothing else.
            warnings.filterwarnings("ignore", "The unit 'erg' has been deprecated in the VOUnit")
            unit = u.Unit(column.unit, format="vounit")
            assert u.Unit(column.unit, format="fits") == unit
    assert column.description


def test_a_word_out_of_the_vocabulary_is_seen():
    assert not check_ucd("phot.colour;em.X-ray", check_controlled_vocabulary=True)


@pytest.fixture
def votlint(stilts):

    def lint(path):
        said = subprocess.run(
            ["stilts", "votlint", str(path)], capture_output=True, text=True, timeout=120
        )
        return said.returncode, said.stdout + said.stderr

    return lint


@pytest.mark.stilts
def test_votlint_finds_nothing(tmp_path, votlint):
    tables = {"ordinary": ORDINARY, "nasty": a_table(NASTY), "empty": ORDINARY.slice(0, 0)}
    for name, table in tables.items():
        write_table(table, tmp_path / f"{name}.vot", "votable", ABOUT)
        assert votlint(tmp_path / f"{name}.vot") == (0, ""), name


@pytest.mark.stilts
def test_votlint_would_complain(tmp_path, votlint):
    write_table(ORDINARY, tmp_path / "t.vot", "votable", ABOUT)
    content = (tmp_path / "t.vot").read_text().replace('datatype="long"', 'datatype="wibble"')
    (tmp_path / "t.vot").write_text(content)
    assert "wibble" in votlint(tmp_path / "t.vot")[1]


@pytest.mark.stilts
@pytest.mark.parametrize("form", ["votable", "fits"])
def test_stilts_reads_the_same(tmp_path, votlint, form):
    path, csv = tmp_path / f"t{SUFFIXES[form]}", tmp_path / "back.csv"
    write_table(ORDINARY, path, form, ABOUT)
    subprocess.run(
        ["stilts", "tpipe", f"in={path}", f"out={csv}", "ofmt=csv"], check=True, timeout=120
    )
    back = read_table(csv)[0].to_pydict()
    wanted = ORDINARY.to_pydict()
    assert back["name"] == wanted["name"]
    for name in ("obsid", "bb_kt"):
        assert [x and float(x) for x in back[name]] == wanted[name]
