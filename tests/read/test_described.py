"""Text tables that describe their columns: ECSV, IPAC, AAS/CDS machine-readable."""

import warnings

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from astropy.units import Quantity

import xsift.read.declared
import xsift.read.described
from xsift.errors import TableError
from xsift.read import read_table
from xsift.read.declared import columns_of_votable, columns_of_yaml

WANTED = {
    "name": ["007", "1e3", None],
    "kt": ["417.0", "0.1", None],
    "n": ["1", None, "3"],
    "flag": [None, "b c", "d"],
}


def a_table():
    names = MaskedColumn(["007", "1e3", "x"], mask=[False, False, True])
    kt = MaskedColumn([417.0, 0.1, 1.0], mask=[False, False, True], unit="eV")
    flag = MaskedColumn(["a", "b c", "d"], mask=[True, False, False])
    n = MaskedColumn([1, 2, 3], mask=[False, True, False])
    return Table({"name": names, "kt": kt, "n": n, "flag": flag})


def units(table):
    return {f.name: f.metadata[b"unit"].decode() for f in table.schema if f.metadata}


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("ascii.ecsv", {}),
        ("ascii.ecsv", {"delimiter": ","}),
        ("ascii.ecsv", {"serialize_method": "data_mask"}),
        ("ascii.ipac", {}),
        ("ascii.mrt", {}),
    ],
)
def test_what_astropy_writes(tmp_path, form, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a table without authors
        a_table().write(tmp_path / "t.txt", format=form, **options)
    table = read_table(tmp_path / "t.txt")[0]
    assert table.to_pydict() == WANTED
    assert units(table) == {"kt": "eV"}


def test_ecsv_of_quantities_and_arrays(tmp_path):
    table = QTable({"kt": Quantity([1.5, 2], "keV"), "a": np.ones((2, 3)), "name": ["x", "y"]})
    table.write(tmp_path / "t.ecsv")
    back = read_table(tmp_path / "t.ecsv")[0]
    assert back.to_pydict() == {"kt": ["1.5", "2.0"], "a": [None, None], "name": ["x", "y"]}
    assert back.schema.field("kt").metadata == {b"unit": b"keV"}
    assert b"float64[3]" in back.schema.field("a").metadata[b"unreadable"]


def ecsv(*columns, rest="", body="a b\n1 2\n"):
    lines = ["%ECSV 1.0", "---", "datatype:", *(f"- {c}" for c in columns), *rest.splitlines()]
    return "".join(f"# {line}\n" for line in lines) + body


def test_ecsv_by_hand(read):
    head = ecsv("{name: a, unit: keV, datatype: float64}", "{name: b, datatype: int64}", body="")
    table = read(head + "a  b\n1  2\n\n3 4\n")
    assert table.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}
    assert units(read(head.replace("\n", "\r\n") + "a b\r\n1 2\r\n")) == {"a": "keV"}
    old = head.replace("keV", "!astropy.units.Unit {unit: eV}")
    assert units(read(old + "a b\n")) == {"a": "eV"}


# Each line doubles the one before.
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 200))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ecsv("{name: a}"), "the ECSV header describes 1 columns, and the line that names them"),
        (ecsv("{name: b}", "{name: a}"), "describes 2 columns, and the line .* has 2, or others"),
        (ecsv("{name: a", "x"), "the header is not YAML"),
        (ecsv("[" * 50 + "]" * 50), "a header nested more than 40 deep"),
        (ecsv("{name: a}", rest="delimiter: ';'"), "ECSV with the delimiter ';': a blank or"),
        (ecsv("{name: a}").replace("name", "nam\x01"), "the header is not YAML"),
        (ecsv("{name: a}", "{name: b}", body="a b\n1\n"), "row 1: 1 cell, and the header has 2"),
        (ecsv("{name: a}").encode() + b"\xff", "the ECSV header describes 1"),
        (b"# %ECSV 1.0\n# \xff\n", "the ECSV header is not UTF-8 text"),
    ],
    ids=range(9),
)
def test_ecsv_refused(read, content, said):
    with pytest.raises(TableError, match=r"/t: .*" + said) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_header_runs_nothing_and_expands_nothing(read, capsys, monkeypatch):
    evil = "meta: !!python/object/apply:print [pwned]\n" + BOMB
    assert read(ecsv("{name: a}", "{name: b}", rest=evil)).num_rows == 1
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(xsift.read.declared, "_LONGEST", 100)
    for columns in (columns_of_yaml, columns_of_votable):
        with pytest.raises(TableError, match="f: a header of more than"):
            columns("f", "x" * 101 if columns is columns_of_yaml else b"x" * 101)


IPAC = r"""\fixlen = T
\ a comment
|   ra   |  dec    | name   |
| double | double  | char   |
| deg    | deg     |        |
| -99    | null    | null   |
  2.000    -99.9     007 b
  -99.0     null     null
"""


def test_ipac_by_hand(read):
    for text in (IPAC, IPAC.split("\n", 2)[2], IPAC.replace("\n", "\r\n")):
        table = read(text)
        assert table.to_pydict() == {
            "ra": ["2.000", None],
            "dec": ["-99.9", None],
            "name": ["007 b", None],
        }
        assert units(table) == {"ra": "deg", "dec": "deg"}


MRT = """Title: X
================================================================================
Byte-by-byte Description of file: table.dat
--------------------------------------------------------------------------------
 Bytes Format Units  Label     Explanations
--------------------------------------------------------------------------------
  1-  5 A5     ---    name      Name
  7- 11 F5.2   keV    bb_kt     ?=-9.9 Temperature
 13- 15 I3     ct/s   n         ? Counts
--------------------------------------------------------------------------------
007    0.50   3
J 2   -9.90
"""


def test_machine_readable_by_hand(read):
    table = read(MRT)
    assert table.to_pydict() == {"name": ["007", "J 2"], "bb_kt": ["0.50", None], "n": ["3", None]}
    assert units(table) == {"bb_kt": "keV", "n": "ct / s"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (MRT.partition("Title")[0] + "Byte-by-byte Description of file: x\n", "not a whole AAS"),
        (MRT.encode().replace(b"J 2", b"\xe9 2"), "line 12 is not UTF-8 text: save the file"),
        (IPAC.replace("double", "dubble"), "not a whole IPAC table: "),
    ],
)
def test_described_refused(read, content, said):
    with pytest.raises(TableError, match=r"/t: .*" + said) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_described_tables_are_not_large(read, monkeypatch):
    monkeypatch.setattr(xsift.read.described, "_LONGEST", 100)
    with pytest.raises(TableError, match="more than 0 MiB of fixed-width text: save it as CSV"):
        read(IPAC)


def test_units_of_a_votable_header():
    text = b'<V:VOTABLE xmlns:V="x"><V:FIELD name="a" unit="keV"/><FIELD name="b"/></V:VOTABLE>'
    assert columns_of_votable("f", text) == [{"name": "a", "unit": "keV"}, {"name": "b"}]
    with pytest.raises(TableError, match="f: the VOTable header is not XML: "):
        columns_of_votable("f", text[:-1])
    entity = b'<!DOCTYPE V [<!ENTITY e SYSTEM "file:///etc/passwd">]><V>&e;</V>'
    for encoded in (entity, entity.decode().encode("utf-16")):
        with pytest.raises(TableError, match="with a document type: refused as unsafe"):
            columns_of_votable("f", encoded)


def test_an_ipac_table_without_units(tmp_path):
    path = tmp_path / "t.tbl"
    path.write_bytes(b"|   a|   b|\n| int|char|\n    1    x\n")
    table, _ = read_table(path)
    assert table.to_pydict() == {"a": ["1"], "b": ["x"]}


def test_a_cell_below_a_bar_is_not_cut(tmp_path):
    path = tmp_path / "t.tbl"
    path.write_bytes(b"|   a|   b|\n| int|char|\n    1    x\n    12   x\n")
    with pytest.raises(TableError, match="line 4: a cell stands below a bar of the IPAC header"):
        read_table(path)


def test_the_text_of_a_votable_as_astropy_writes_it(tmp_path):
    path = tmp_path / "t.ecsv"
    Table({"name": np.array(["007", "a b"], dtype=object), "x": [1, 2]}).write(path)
    table, _ = read_table(path)
    assert table["name"].to_pylist() == ["007", "a b"]
