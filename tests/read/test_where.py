"""Conditions on the rows of a table, and the published tables of sources."""

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import Table

from xsift import surveys
from xsift.classes import PAPER_CLASSES
from xsift.errors import MissingColumnsError, SettingError, TableError, XsiftWarning
from xsift.read import read_known, read_published
from xsift.read.where import rows_where

TABLE = pa.table({"CT": [1.0, 2.0, None, 3.5], "kind": ["a", "b", "b", None]})


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("CT>=2", [2.0, 3.5]),
        (" ct > 2 ", [3.5]),
        ("CT<2", [1.0]),
        ("CT<=2", [1.0, 2.0]),
        ("CT=2", [2.0]),
        ("CT==2", [2.0]),
        ("CT!=2", [1.0, 3.5]),
        ("kind=b", [2.0, None]),
        ("kind!=b", [1.0]),
    ],
)
def test_a_condition(condition, kept):
    assert rows_where(TABLE, "t", [condition])["CT"].to_pylist() == kept


def test_several_conditions_hold_together():
    assert rows_where(TABLE, "t", ["CT>=1", "kind=b"])["CT"].to_pylist() == [2.0]
    assert rows_where(TABLE, "t", []).equals(TABLE)


@pytest.mark.parametrize("condition", ["CT", "CT >> ", ">=2", "__import__('os')", "kind>b"])
def test_what_is_no_condition(condition):
    with pytest.raises(SettingError, match=r"^where"):
        rows_where(TABLE, "t", [condition])


def test_columns_and_rows_that_are_not_there():
    with pytest.raises(MissingColumnsError, match=r"t: missing column CTT \(did you mean CT\?\)"):
        rows_where(TABLE, "t", ["CTT>2"])
    with pytest.raises(TableError, match="t: no row meets where CT>9"):
        rows_where(TABLE, "t", ["CT>9"])
    with pytest.raises(TableError, match="column kind, row 1: 'a' is not a number"):
        rows_where(TABLE, "t", ["kind=2"])


def test_known_objects_with_a_condition_and_the_first_column_of_several(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text("name,kind,type,CT\na,QSO,YSO,1\nb,AGN,YSO,3\n")
    survey = surveys.load("csc20")
    found = read_known(path, survey, ("cls", "kind"), ["CT>2"]).table
    assert found.to_pydict() == {"label": ["AGN"], "name": ["b"]}
    assert read_known(path, survey, ("cls",)).table["label"].to_pylist() == ["Y*O", "Y*O"]


@pytest.mark.parametrize("kind", ["fits", "votable"])
def test_known_objects_in_the_second_table_of_a_file(tmp_path, kind):
    path = tmp_path / "k"
    meta = Table({"name": ["x"], "z": [1.0]})
    types = Table({"name": ["a"], "otype": ["QSO"]})
    if kind == "fits":
        tables = [fits.BinTableHDU(t) for t in (meta, types)]
        fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    else:
        both = from_table(meta)
        both.resources[0].tables.append(from_table(types).resources[0].tables[0])
        both.to_xml(str(path))
    with pytest.warns(XsiftWarning, match="2 tables: 2.* with 1 rows is read; not read: 1"):
        found = read_known(path, surveys.load("csc20"))
    assert found.table.to_pydict() == {"label": ["QSO"], "name": ["a"]}


HEAD = (
    "name,master_class,detection_count,QSO,AGN,Seyfert_1,Seyfert_2,HMXB,LMXB,XB,YSO,TTau*,Orion_V*"
)
CELLS = "0.5±0.1,0.5,0.0±0.0,0,0,0,0,0,0,0"


def test_published_cells(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(f"{HEAD}\nx,QSO,3,{CELLS}\n", "utf-8")
    found = read_published(path, surveys.load("csc20"), PAPER_CLASSES)
    assert found.code == ["QSO"]
    np.testing.assert_array_equal(found.p[0], [0.5, 0.5, *[0] * 8])
    assert found.std[0, 0] == 0.1
    assert found.n_detections.tolist() == [3]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"x,Blob,3,{CELLS}", "column master_class, row 1: 'Blob' is no class"),
        (f"x,,3,{CELLS}", "column master_class, row 1: 'None' is no class"),
        (f"x,QSO,3,{CELLS.replace('±0.1', '±')}x", "Orion_V"),
        (f"x,QSO,3,{CELLS.replace('0.5±0.1', '1.5±0.1')}", "column QSO, row 1: '1.5±0.1' is no"),
        (f"x,QSO,3,{CELLS.replace('0.5±0.1', 'nan±nan')}", "column QSO, row 1: 'nan±nan' is no"),
    ],
)
def test_published_cells_that_are_none(tmp_path, line, said):
    path = tmp_path / "p.csv"
    path.write_text(f"{HEAD}\n{line}\n", "utf-8")
    with pytest.raises(TableError) as error:
        read_published(path, surveys.load("csc20"), PAPER_CLASSES)
    assert said in str(error.value)


def test_a_table_that_is_no_published_one(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("name,x\na,1\n")
    with pytest.raises(MissingColumnsError, match="Give a folder that run, classify or vote wrote"):
        read_published(path, surveys.load("csc20"), PAPER_CLASSES)
