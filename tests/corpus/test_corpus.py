"""Kinds of files that people have: each is read right, with a word where one is due, or refused.

A new report is one line of `CORPUS`. Reports are public ones, named as project and issue.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits as io_fits
from formats import COLUMNS, NAMES, astropy_table, by_astropy, fits, parquet, table, text, votable

from xsift import surveys
from xsift.errors import TableError, XsiftWarning
from xsift.read import read_detections

SURVEY = surveys.load("csc20")
TWELVE = SURVEY.feature_set("all")


@dataclass(frozen=True)
class Case:
    """A file, and what is right.

    `gives`: columns that differ from the plain table's; None where one is not read at all.
    `warns`: pattern of a warning; where it is empty, there must be none. `refused`: of the error.
    """

    file: Callable[[], bytes]
    gives: dict[str, list | None] = field(default_factory=dict)
    warns: str = ""
    refused: str = ""


def without(**cells: int) -> dict[str, list]:
    """Return the named columns with one cell each missing."""
    return {
        k: [None if i == row else v for i, v in enumerate(COLUMNS[k])] for k, row in cells.items()
    }


def scaled(column: str, factor: float) -> dict[str, list]:
    return {column: [None if v is None else v * factor for v in COLUMNS[column]]}


def vot(name: str = "", form: str = "tabledata", **attributes: str | None) -> bytes:
    """The VOTable, with attributes of the FIELD `name` set or, where None, removed."""
    said = votable(table(), form).decode()
    if not name:
        return said.encode()
    element = re.search(rf'<FIELD[^>]*name="{name}"[^>]*>', said)[0]
    changed = element
    for key, value in attributes.items():
        changed = re.sub(rf' {key}="[^"]*"', "", changed)
        if value is not None:
            changed = changed.replace("<FIELD", f'<FIELD {key}="{value}"', 1)
    assert changed != element
    return said.replace(element, changed).encode()


def csv(*edits: tuple[str, str], delimiter: str = ",", **changed: object) -> bytes:
    return edited(text(table(**changed), delimiter), *edits)


def edited(content: bytes, *edits: tuple[str, str]) -> bytes:
    said = content.decode()
    for pattern, new in edits:
        said, n = re.subn(pattern, new, said, count=1, flags=re.DOTALL)
        assert n, pattern
    return said.encode()


def fits_column(name: str, form: str, array: object, **keys: object) -> bytes:
    """The FITS table with one column replaced."""
    given = table(**{name: None})
    column = io_fits.Column(name, form, array=array, **keys)
    hdu = hdu_of(fits(given))
    return written(io_fits.BinTableHDU.from_columns([*hdu.columns, column]))


def written(*hdus: object) -> bytes:
    sink = io.BytesIO()
    io_fits.HDUList([io_fits.PrimaryHDU(), *hdus]).writeto(sink)
    return sink.getvalue()


def hdu_of(content: bytes):
    return io_fits.open(io.BytesIO(content))[1]


def header_edited(content: bytes, **cards: object) -> bytes:
    """The FITS file with cards of its table set or, where None, removed; the rows as they are."""
    hdu = hdu_of(content)
    header = hdu.header.copy()
    for key, value in cards.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    start = content.index(b"XTENSION")
    old = len(hdu.header.tostring())
    return content[:start] + header.tostring().encode() + content[start + old :]


def number_of(content: bytes, name: str) -> int:
    return hdu_of(content).columns.names.index(name) + 1


def with_tdim() -> bytes:
    given = fits(table())
    return header_edited(given, **{f"TDIM{number_of(given, 'name')}": "(1)"})


def with_null_of_scaled() -> bytes:
    stored = [-32768 if v is None else round(v * 1e4) for v in COLUMNS["powlaw_gamma"]]
    given = fits_column("powlaw_gamma", "I", np.array(stored, dtype=np.int16))
    n = number_of(given, "powlaw_gamma")
    return header_edited(given, **{f"TSCAL{n}": 1e-4, f"TZERO{n}": 0.0, f"TNULL{n}": -32768})


def with_null_of_unsigned() -> bytes:
    stored = np.array([v - 2**31 for v in [0, *COLUMNS["obsid"][1:]]], dtype=np.int32)
    given = fits_column("obsid", "J", stored)
    n = number_of(given, "obsid")
    return header_edited(given, **{f"TZERO{n}": 2**31, f"TNULL{n}": -(2**31)})


def astropy_parquet(units: dict[str, str]) -> bytes:
    given = astropy_table(table())
    for name, unit in units.items():
        given[name].unit = unit
    with tempfile.TemporaryDirectory() as folder:
        given.write(Path(folder) / "t.parquet")
        return (Path(folder) / "t.parquet").read_bytes()


def voparquet(name: str, unit: str) -> bytes:
    """Parquet with a VOTable header in its metadata, as VOParquet has it."""
    header = votable(table().slice(0, 0)).decode()
    header = re.sub(rf'(<FIELD[^>]*name="{name}"[^>]*unit=")[^"]*', rf"\g<1>{unit}", header)
    about = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": header}
    fields = [f.with_metadata({}) for f in table().schema]
    return parquet(table().cast(pa.schema(fields, metadata=about)))


def two_tables(form: str) -> bytes:
    first, second = table().slice(0, 4), table().slice(4)
    if form == "fits":
        return written(hdu_of(fits(first)), hdu_of(fits(second)))
    one, two = votable(first).decode(), votable(second).decode()
    element = re.search(r"<TABLE.*</TABLE>", two, re.DOTALL)[0]
    element = re.sub(r'(<FIELD ID=")', r"\1second_", element)
    return one.replace("</TABLE>", "</TABLE>" + element).encode()


def after_another(form: str, other: pa.Table) -> bytes:
    """The detections in the second table of the file."""
    if form == "fits":
        return written(hdu_of(fits(other)), hdu_of(fits(table())))
    one, two = votable(other).decode(), votable(table()).decode()
    element = re.search(r"<TABLE.*</TABLE>", two, re.DOTALL)[0]
    return one.replace("</TABLE>", "</TABLE>" + re.sub(r'(<FIELD ID=")', r"\1b_", element)).encode()


def doubled() -> bytes:
    """Chandra's command line writes columns of the source and the detection under one name."""
    lines = csv(delimiter="\t").decode().splitlines()
    more = ["sat_src_flag\tsat_src_flag", *["TRUE\tFALSE"] * 8]
    return "\n".join(f"{m}\t{line}" for m, line in zip(more, lines, strict=True)).encode()


def blanks() -> bytes:
    given = table(**PLAIN_WITHOUT_NULLS)
    rows = zip(*(given[c].to_pylist() for c in given.column_names), strict=True)
    lines = [" ".join(given.column_names), *(" ".join(map(str, row)) for row in rows)]
    return "\n".join(lines).encode()


def fits_inside() -> bytes:
    """A VOTable whose data are a FITS file in base64, as STILTS writes it."""
    fields = "".join(re.findall("<FIELD.*?(?:/>|</FIELD>)", votable(table()).decode(), re.DOTALL))
    stream = base64.b64encode(fits(table())).decode()
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3"><RESOURCE><TABLE>'
        f'{fields}<DATA><FITS extnum="1"><STREAM encoding="base64">{stream}</STREAM></FITS></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    ).encode()


def colfits() -> bytes:
    """One row, whose cells are the columns."""
    columns = []
    for name in COLUMNS:
        values = table()[name]
        if name == "name":
            whole = np.array(values.to_pylist(), dtype="S")[None, :]
            width = whole.dtype.itemsize
            columns.append(io_fits.Column(name, f"{8 * width}A", dim=f"({width},8)", array=whole))
            continue
        array = values.cast(pa.float64()).to_numpy()[None, :]
        columns.append(io_fits.Column(name, "8D", dim="(8)", array=array))
    return written(io_fits.BinTableHDU.from_columns(columns))


WORDS = ["-", "na", "n/a", "~", "#N/A", "INDEF", "...", "NaN", "NULL", "None", "<NA>"]
HOURS = [f"00 42 {24 + 1.875 * i:06.3f}" for i in range(8)]
OTHER = pa.table({"key": ["a", "b"], "value": ["x", "y"]})
ONE_EACH = {k: pa.array([[v] for v in COLUMNS[k]], pa.list_(pa.float64())) for k in ("bb_kt", "ra")}
PLAIN_WITHOUT_NULLS = {
    "name": [n.replace(" ", "") for n in NAMES],
    "hard_hm": [v or 0.25 for v in COLUMNS["hard_hm"]],
    "powlaw_gamma": [v or 2.5 for v in COLUMNS["powlaw_gamma"]],
}

CORPUS = {
    # names
    "astropy#15352: text without arraysize": Case(lambda: vot("name", arraysize=None)),
    "astropy#7036: text longer than arraysize": Case(lambda: vot("name", arraysize="21")),
    "astroquery#629: text of no known kind": Case(lambda: vot("name", datatype="string")),
    "text without a kind": Case(lambda: vot("name", datatype=None)),
    "MUWCLASS: names of digits in CSV": Case(
        lambda: csv(name=["007", "7", "0012", "12", "0100", "100", "00", "0"]),
        gives={"name": ["007", "7", "0012", "12", "0100", "100", "00", "0"]},
    ),
    "astropy#11275: TDIM (1) on text": Case(with_tdim),
    "pandas#25353: names that say nan": Case(
        lambda: parquet(table(name=["nan", "None", "<NA>", *NAMES[3:]])),
        gives={"name": [None, None, None, *NAMES[3:]]},
    ),
    "XMM: source numbers beyond 2**63": Case(
        lambda: parquet(table(name=pa.array([2**64 - 1 - i for i in range(8)], pa.uint64()))),
        gives={"name": [str(2**64 - 1 - i) for i in range(8)]},
    ),
    "speczcompilation#2: numbers made floats": Case(
        lambda: parquet(table(name=pa.array([float(i) for i in range(8)]))),
        gives={"name": [str(i) for i in range(8)]},
    ),
    "names that are measurements": Case(
        lambda: parquet(table(name=pa.array([i + 0.5 for i in range(8)]))),
        refused=r"column name, row 1: 0\.5 is no name: a source column holds text or whole numbers",
    ),
    # nulls
    "roman_datamodels#473: masks of astropy in Parquet": Case(
        lambda: by_astropy(table(), "parquet", "parquet")
    ),
    "astropy#14693: TNULL of a scaled column": Case(
        with_null_of_scaled,
        gives={
            "powlaw_gamma": [
                None if v is None else pytest.approx(v) for v in COLUMNS["powlaw_gamma"]
            ]
        },
    ),
    "astropy#880: TNULL of an unsigned column": Case(with_null_of_unsigned, gives=without(obsid=0)),
    "numbers with underscores": Case(
        lambda: csv((r",0\.5,", ",0_5,")), refused=r"'0_5' is not a number"
    ),
    **{
        f"convert: {word} for missing in {kind}": Case(write, gives=without(bb_kt=0))
        for word in WORDS
        for kind, write in {
            "CSV": lambda w=word: csv((r"(2CXO J004201.*?),0\.5,", rf"\1,{w},")),
            "Parquet": lambda w=word: parquet(table(bb_kt=[w, *map(str, COLUMNS["bb_kt"][1:])])),
            "FITS": lambda w=word: fits(table(bb_kt=[w, *map(str, COLUMNS["bb_kt"][1:])])),
        }.items()
    },
    "convert: 999 for missing": Case(
        lambda: csv((r"(2CXO J004201.*?),0\.5,", r"\1,999,")),
        gives=without(bb_kt=0),
        warns="bb_kt: 1 of 8 values are exactly 999: taken for marks of a missing value",
    ),
    "an empty feature": Case(lambda: csv(bb_kt=[None] * 8), gives={"bb_kt": [None] * 8}),
    # units
    "roman_datamodels#488: a unit of astropy in Parquet": Case(
        lambda: astropy_parquet({"bb_kt": "eV"}), gives=scaled("bb_kt", 1e-3)
    ),
    "firefly#1633: a unit of VOParquet": Case(
        lambda: voparquet("bb_kt", "eV"), gives=scaled("bb_kt", 1e-3)
    ),
    "astropy#10704: a unit of ECSV": Case(
        lambda: edited(
            by_astropy(table(), "ascii.ecsv", "ecsv"), (r"(name: bb_kt, unit: )keV", r"\1eV")
        ),
        gives=scaled("bb_kt", 1e-3),
    ),
    **{
        f"astroquery#2333: {unit} of {name}": Case(
            lambda name=name, unit=unit: vot(name, unit=unit)
        )
        for name, unit in (("ra", "DEGREE"), ("bb_kt", "KEV"), ("dec", "degrees"))
    },
    **{
        f"astropy#18789: {unit} for no unit": Case(lambda unit=unit: vot("hard_hm", unit=unit))
        for unit in ("unitless", "none", "n/a", "---", "-")
    },
    "a unit that does not convert": Case(
        lambda: vot("bb_kt", unit="K"), refused="column bb_kt is in 'K', which does not"
    ),
    "erddapy#51: units behind the names": Case(
        lambda: csv(('"?bb_kt"?', "bb_kt [eV]"), ('"?ra"?,', "ra (deg),")),
        gives=scaled("bb_kt", 1e-3),
    ),
    # several tables
    "glue#1640: two tables of detections, VOTable": Case(
        lambda: two_tables("votable"), warns="holds 2 tables: .* with 4 rows is read; not read: "
    ),
    "two tables of detections, FITS": Case(
        lambda: two_tables("fits"), warns="holds 2 tables: .* with 4 rows is read; not read: "
    ),
    "another table first, VOTable": Case(
        lambda: after_another("votable", OTHER), warns="holds 2 tables: .* with 8 rows is read"
    ),
    "another table first, FITS": Case(
        lambda: after_another("fits", OTHER), warns="holds 2 tables: .* with 8 rows is read"
    ),
    "an empty table first, FITS": Case(lambda: after_another("fits", table().slice(0, 0))),
    "an empty table first, VOTable": Case(lambda: after_another("votable", table().slice(0, 0))),
    # arrays and what is only carried along
    **{
        f"Gaia: arrays of length one, VOTable, {form}": Case(
            lambda form=form: vot("bb_kt", form, arraysize="1")
        )
        for form in ("tabledata", "binary", "binary2")
    },
    "arrays of length one, Parquet": Case(lambda: parquet(table(**ONE_EACH))),
    "arrays of three": Case(
        lambda: parquet(table(bb_kt=pa.array([[0.5] * 3] * 8))),
        refused="column bb_kt holds .*: give one value per cell",
    ),
    "arrays of three that nobody needs": Case(
        lambda: parquet(table(psf=pa.array([[0.5] * 3] * 8)))
    ),
    "astropy#3517: theta in a unit that is none": Case(
        lambda: fits_column("theta", "D", np.ones(8), unit="furlong"),
        warns="theta is in 'furlong'.*left out, as no feature needs it",
    ),
    "theta as text": Case(
        lambda: parquet(table(theta=["far"] * 8)), warns="theta, row 1: 'far' is not a number.*left"
    ),
    "a region that is text": Case(
        lambda: csv(region_id=["r0001A"] * 8), warns="region_id, row 1: 'r0001A' is not a number"
    ),
    # Chandra's own tools
    "search_csc: doubled columns": Case(doubled),
    "search_csc: sexagesimal positions": Case(
        lambda: csv(ra=HOURS),
        gives={"ra": [pytest.approx(v, abs=1e-9) for v in COLUMNS["ra"]]},
        warns="ra is sexagesimal: read as hours, minutes and seconds",
    ),
    "SNANA#1174: right ascensions below 0": Case(
        lambda: csv(ra=[v - 360 for v in COLUMNS["ra"]]),
        gives={"ra": [pytest.approx(v, abs=1e-9) for v in COLUMNS["ra"]]},
        warns="ra: 8 of 8 values are taken modulo 360",
    ),
    # text tables of other kinds
    "MUWCLASS: blank-separated text": Case(blanks, gives=PLAIN_WITHOUT_NULLS),
    "AAS machine-readable table": Case(
        lambda: by_astropy(table(**PLAIN_WITHOUT_NULLS), "ascii.mrt", "txt"),
        gives=PLAIN_WITHOUT_NULLS,
    ),
    "JSON": Case(lambda: b'[{"name": "x", "hard_hm": 0.5}]', refused="JSON"),
    "a web page": Case(lambda: b"<!DOCTYPE html><html></html>", refused="an HTML page"),
    "UTF-16 text without a mark": Case(
        lambda: text(table()).decode().encode("utf-16-le"), refused="save the file as UTF-8"
    ),
    "UTF-16 text": Case(
        lambda: text(table()).decode().encode("utf-16"), refused="save .* as UTF-8"
    ),
    # VOTables that are valid and rare
    "astropy#17098: a text array that nobody needs": Case(
        lambda: edited(
            votable(table()),
            (
                "<FIELD",
                '<PARAM name="COMMENT" datatype="char" arraysize="4x2" value="abcdefgh"/><FIELD',
            ),
        )
    ),
    "stilts: FITS inside a VOTable": Case(fits_inside),
    "a VOTable in UTF-16 without a mark": Case(
        lambda: votable(table()).decode().replace("utf-8", "utf-16").encode("utf-16-le")
    ),
    # TOPCAT
    "astropy#7931: colfits": Case(colfits),
}


@pytest.mark.parametrize("report", CORPUS)
def test_a_file_that_somebody_had(report, tmp_path):
    case = CORPUS[report]
    path = tmp_path / "table"
    path.write_bytes(case.file())

    def read():
        return read_detections(path, SURVEY, TWELVE, need_all=False).table

    if case.refused:
        with pytest.raises(TableError, match=case.refused) as error:
            read()
        assert "\n" not in str(error.value)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        held = read()
    said = [str(w.message) for w in caught]
    assert all(issubclass(w.category, XsiftWarning) for w in caught), said
    assert len(said) == bool(case.warns), said
    assert re.search(case.warns, "".join(said), re.DOTALL), said
    for name, wanted in {**COLUMNS, **case.gives}.items():
        wanted = wanted[: held.num_rows]
        assert held[name].to_pylist() == wanted, name
