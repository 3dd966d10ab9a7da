"""The same table in every form that STILTS writes, and that STILTS reads of ours."""

import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from xsift.read import read_table

pytestmark = [pytest.mark.stilts, pytest.mark.usefixtures("stilts")]

ROWS = {
    "name": ["2CXO J004244.3+411608", "2CXO J004244.3+411608X", None, "x"],
    "obsid": [1, None, 2**53 + 1, -5],
    "short": [1, None, 3, 4],
    "bb_kt": [0.1, None, 1e-300, 2.5],
    "rate": [0.5, None, 3.25, np.inf],
    "flag": [True, False, True, True],
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("stilts") / "t.fits"
    null = [False, True, False, False]
    table = Table(
        {
            "name": [n or "" for n in ROWS["name"]],
            "obsid": MaskedColumn([n or 0 for n in ROWS["obsid"]], mask=null),
            "short": MaskedColumn(np.array([1, 0, 3, 4], dtype=np.int16), mask=null),
            "bb_kt": MaskedColumn([n or 0 for n in ROWS["bb_kt"]], mask=null, unit="keV"),
            "rate": np.array([0.5, np.nan, 3.25, np.inf], dtype=np.float32),
            "flag": ROWS["flag"],
        }
    )
    hdu = fits.table_to_hdu(table)
    hdu.header["COMMENT"] = "a comment"
    hdu.header["HISTORY"] = "and a history"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


@pytest.mark.parametrize(
    "form",
    [
        "votable-tabledata",
        "votable-binary-inline",
        "votable-binary2-inline",
        "votable-fits-inline",
        "fits-basic",
        "fits-plus",
        "fits-var",
        "colfits-basic",
        "colfits-plus",
    ],
)
def test_what_stilts_writes(original, tmp_path, form):
    path = tmp_path / "t"
    command = ["stilts", "tcopy", f"in={original}", f"out={path}", f"ofmt={form}"]
    subprocess.run(command, check=True, capture_output=True)
    table = read_table(path)[0]
    assert table.to_pydict() == ROWS
    assert table.schema.field("bb_kt").metadata[b"unit"] == b"keV"


@pytest.mark.parametrize(
    ("scale", "zero"), [(0.5, 10.0), (1, 2**15), (1, 100)], ids=["scaled", "unsigned", "shifted"]
)
def test_nulls_of_scaled_integers_as_stilts_has_them(tmp_path, scale, zero):
    path, answer = tmp_path / "t.fits", tmp_path / "t.csv"
    columns = [fits.Column("n", "I", array=[1, -9, 3]), fits.Column("k", "I", array=[0, 0, 0])]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update({"TSCAL1": scale, "TZERO1": zero, "TNULL1": -9})
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    command = ["stilts", "tcopy", f"in={path}", "ifmt=fits", f"out={answer}", "ofmt=csv"]
    subprocess.run(command, check=True, capture_output=True)
    cells = [line.split(",")[0] for line in answer.read_text().splitlines()[1:]]
    assert cells[1] == ""
    assert read_table(path)[0]["n"].to_pylist() == [float(c) if c else None for c in cells]
