"""What a FITS header declares of its columns, one kind after the other."""

import struct

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from xsift.errors import TableError, XsiftWarning
from xsift.read import read_table
from xsift.read.unreadable import why_unreadable


def unit(cards, data=b""):
    """A header and data unit, padded as the standard wants it."""
    text = b"".join(f"{k:8}= {v}".ljust(80).encode("latin-1") for k, v in cards) + b"END".ljust(80)
    return text.ljust(-(-len(text) // 2880) * 2880) + data.ljust(
        -(-len(data) // 2880) * 2880, b"\0"
    )


PRIMARY = unit([("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", "T")])


def table(columns, data, rows, width=None, heap=b"", **more):
    """A file with one binary table; its columns are dictionaries of TTYPE, TFORM ..."""
    kind = more.pop("XTENSION", "'BINTABLE'")
    width = len(data) // rows if width is None else width
    cards = {"XTENSION": kind, "BITPIX": 8, "NAXIS": 2, "NAXIS1": width, "NAXIS2": rows}
    cards |= {"PCOUNT": len(heap), "GCOUNT": 1, "TFIELDS": len(columns)} | more
    for at, column in enumerate(columns, 1):
        cards |= {f"{k}{at}": v if not isinstance(v, str) else f"'{v}'" for k, v in column.items()}
    return PRIMARY + unit([(k, v) for k, v in cards.items() if v is not None], data + heap)


def one(form, data, rows, heap=b"", **keys):
    return table([{"TTYPE": "a", "TFORM": form} | keys], data, rows, heap=heap)


@pytest.mark.parametrize(
    ("content", "values", "kind"),
    [
        (one("B", b"\x00\xff", 2), [0, 255], pa.uint8()),
        (one("B", b"\x00\xff", 2, TNULL=-1), [0, 255], pa.uint8()),
        (one("B", b"\x00\xff", 2, TNULL=256), [0, 255], pa.uint8()),
        (one("B", b"\x00\xff", 2, TNULL="255"), [0, None], pa.uint8()),
        (one("B", b"\x00\xff", 2, TZERO=-128), [-128, 127], pa.int8()),
        (one("I", struct.pack(">2h", -1, 5), 2, TNULL=-1), [None, 5], pa.int16()),
        (one("I", struct.pack(">2h", -1, 5), 2, TZERO=32768), [32767, 32773], pa.uint16()),
        (one("I", struct.pack(">2h", -1, 5), 2, TZERO=32768.0, TNULL=-1), [None, 32773], None),
        (one("J", struct.pack(">i", -1), 1, TZERO=2**31), [2**31 - 1], pa.uint32()),
        (one("J", struct.pack(">2i", -1, 5), 2, TZERO=100), [99, 105], pa.int64()),
        (one("K", struct.pack(">q", 2**53 + 1), 1), [2**53 + 1], pa.int64()),
        (one("K", struct.pack(">q", -1), 1, TZERO=2**63), [2**63 - 1], pa.uint64()),
        (one("K", struct.pack(">q", 2**63 - 1), 1, TZERO="9.223372036854775808E18"), None, None),
        (one("K", struct.pack(">2q", 5, -9), 2, TZERO=2**63, TNULL=-9), [2**63 + 5, None], None),
        (one("I", struct.pack(">2h", -9, 20), 2, TSCAL=0.5, TZERO=1, TNULL=-9), [None, 11], None),
        (one("E", struct.pack(">2f", np.nan, 0.5), 2), [None, 0.5], pa.float32()),
        (one("1D", struct.pack(">d", 0.1), 1, TDIM="(1)"), [0.1], pa.float64()),
        (one("D", struct.pack(">d", 2), 1, TSCAL=2, TZERO=1, TNULL=2), [5], pa.float64()),
        (one("L", b"TF\0", 3), [True, False, None], pa.bool_()),
        (one("X", b"\x80\x7f", 2), [True, False], pa.bool_()),
        (one("3A", b"ab\0a\0b   ", 3), ["ab", "a", None], pa.string()),
        (one("3A", b"a\xe9 \xc3\xa9a", 2), ["aé", "Ã©a"], pa.string()),
        (one("3A", b"\xc3\xa9a\xc3\xa9b", 2), ["éa", "éb"], pa.string()),
        (one("40A", b"name of forty".ljust(40), 1, TDIM="(1)"), ["name of forty"], pa.string()),
        (one("6A", b"abcdef", 1, TDIM="(6,1)"), ["abcdef"], pa.string()),
        (one("6A", b"abcdef", 1, TDIM="(x)"), ["abcdef"], pa.string()),
        (one("6A6", b"abcdef", 1), ["abcdef"], pa.string()),
    ],
)
def test_kinds(read, content, values, kind):
    column = read(content)["a"]
    if values is not None:
        assert column.to_pylist() == values
    if kind is not None:
        assert column.type == kind


def test_columns_without_width_hold_nothing(read):
    assert read(table([{"TTYPE": "a", "TFORM": "0A"}, {"TTYPE": "b", "TFORM": "B"}], b"\1\2", 2))[
        "a"
    ].to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        (one("3D", b"\0" * 48, 2), "arrays of 3 numbers"),
        (one("6D", b"\0" * 48, 1, TDIM="(2,2)"), "arrays of 6 numbers"),
        (one("9X", b"\0\0", 1), "arrays of 9 bits"),
        (one("C", b"\0" * 8, 1), "complex numbers"),
        (one("M", b"\0" * 16, 1), "complex numbers"),
        (one("6A", b"abcdef" * 2, 2, TDIM="(3,2)"), "arrays of 2 texts"),
        (one("6A", b"abcdef" * 2, 2, TDIM="(1,6)"), "arrays of 6 texts"),
        (one("6A3", b"abcdef", 1), "arrays of 2 texts"),
        (one("L", b"x", 1), "other bytes than T and F"),
        (one("I", b"\0\0", 1, TZERO="x"), "numbers with TZERO 'x'"),
        (one("I", b"\0\0", 1, TSCAL=0), "numbers with TSCAL 0"),
        (one("I", b"\0\0", 1, TNULL="x"), "integers with TNULL 'x'"),
        (
            one("K", b"\x7f" * 8, 1, TZERO=2**62),
            f"integers that TZERO {2**62} takes beyond 64 bits",
        ),
        (one("PD(2)", struct.pack(">2i", 2, 0), 1, b"\0" * 16), "arrays of numbers"),
        (one("PC(1)", struct.pack(">2i", 1, 0), 1, b"\0" * 16), "arrays (PC(1))"),
        (
            one("PA(8)", struct.pack(">4i", 8, 0, 8, 0), 2, b"abcdefgh"),
            "cells that share their bytes",
        ),
    ],
)
def test_columns_that_hold_something_else_are_known_by_name(read, content, holds):
    found = read(content)
    assert why_unreadable(found.schema.field("a")) == holds
    assert found["a"].null_count == found.num_rows


@pytest.mark.parametrize(
    ("form", "cells", "heap", "values"),
    [
        ("PA(4)", [(4, 1), (0, 9)], b"xname", ["name", None]),
        ("1QA(4)", [(4, 1)], b"xname", ["name"]),
        ("PD(1)", [(1, 0), (0, 0)], struct.pack(">d", 0.1), [0.1, None]),
        ("PL", [(1, 1)], b"FT", [True]),
        ("0PD", [()], b"", [None]),
    ],
)
def test_cells_of_any_length(read, form, cells, heap, values):
    kind = "q" if "Q" in form else "i"
    data = b"".join(struct.pack(f">{len(cell)}{kind}", *cell) + b"\1" for cell in cells)
    columns = [{"TTYPE": "a", "TFORM": form}, {"TTYPE": "b", "TFORM": "B"}]
    assert read(table(columns, data, len(cells), heap=heap))["a"].to_pylist() == values


def test_heap_behind_a_gap(read):
    row = struct.pack(">2i", 2, 0)
    content = table([{"TTYPE": "a", "TFORM": "PA"}], row, 1, heap=b"....ab", THEAP=12)
    assert read(content)["a"].to_pylist() == ["ab"]


@pytest.mark.parametrize("form", ["PA(4)", "QA(4)"])
@pytest.mark.parametrize("cell", [(1 << 30, 0), (1, 1 << 30), (-1, 0), (1, -1), (4, 2)])
def test_cells_outside_of_the_data_are_refused(read, form, cell):
    data = struct.pack(">2i" if form[0] == "P" else ">2q", *cell)
    with pytest.raises(TableError, match="column a: cells that lie outside of the table's data"):
        read(one(form, data, 1, b"abcde"))


BYTE = {"TTYPE": "a", "TFORM": "B"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (table([BYTE], b"", 10**10, 1), "HDU 1: truncated: it declares 10,000,000,000 bytes"),
        (table([{"TFORM": "0A"}], b"", 10**10, 0), "its columns take 0 bytes a row, NAXIS1 is 0"),
        (table([], b"", 10**10, 0), "the FITS file holds no table"),
        (table([BYTE], b"ab", 1), "its columns take 1 bytes a row, NAXIS1 is 2"),
        (table([{"TFORM": "8A"}], b"ab", 1), "its columns take 8 bytes a row, NAXIS1 is 2"),
        (table([{"TFORM": "999999999999A"}], b"ab", 1), "its columns take 999999999999 bytes"),
        (table([BYTE], b"a", 1, PCOUNT=10**12), "it declares 1,000,000,000,001 bytes"),
        (table([BYTE], b"a", 1, GCOUNT=10**12), "it declares 1,000,000,000,000 bytes"),
        (table([BYTE], b"a", 1, GCOUNT=2), "other BITPIX, NAXIS or GCOUNT than 8, 2 and 1"),
        (table([BYTE], b"a", 1, BITPIX=16), "other BITPIX, NAXIS or GCOUNT"),
        (table([BYTE], b"a", 1, BITPIX=7), "BITPIX is '7'"),
        (table([BYTE], b"a", 1, NAXIS=1000), "NAXIS is 1000"),
        (table([BYTE], b"a", 1, NAXIS2="1.5"), "NAXIS2 is '1.5', not a whole number"),
        (table([BYTE], b"a", 1, NAXIS2=-1), "NAXIS2 is '-1', not a whole number"),
        (table([BYTE], b"a", 1, NAXIS2=None), "NAXIS2 is missing"),
        (table([BYTE], b"a", 1, TFIELDS=1000), "TFIELDS is 1,000: FITS allows 999"),
        (table([BYTE], b"a", 1, TFIELDS=2), "column col2: TFORM '' is none of FITS"),
        (table([{"TFORM": "9999999999999999B"}], b"a", 1), "is none of FITS"),
        (table([{"TFORM": "2PD(1)"}], b"a" * 16, 1), "is none of FITS"),
        (table([BYTE], b"a", 1, ZTABLE="T"), "a compressed table: uncompress it with funpack"),
        (table([{"TTYPE": 1} | BYTE | {"TUNIT": 3}], b"a", 1) + b"x" * 2880, "what follows is no"),
        (PRIMARY[:2800].replace(b"END", b"   "), "HDU 0: the header does not end"),
        (PRIMARY.replace(b"END", b"   ") * 20_000, "HDU 0: the header does not end"),
        (
            PRIMARY + unit([("XTENSION", "'IMAGE'"), ("BITPIX", 8), ("NAXIS", 0)]) * 5_001,
            "5,000 HDUs",
        ),
        (table([{"TTYPE": "a"} | BYTE], b"a", 1).replace(b"'B'", b"'B "), "card TFORM1 is damaged"),
    ],
)
def test_declared_sizes_are_held_to_the_file(read, content, said):
    with pytest.raises(TableError, match=said) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_names_and_units(read):
    columns = [
        BYTE | {"TTYPE": "a"},
        BYTE | {"TTYPE": "a", "TUNIT": "µJy"},
        BYTE | {"TTYPE": " a b  "},
        {"TFORM": "B"},
    ]
    found = read(table(columns, b"abcd", 1))
    assert found.column_names == ["a", "a", "a b", "col4"]
    assert found.schema.field(1).metadata[b"unit"].decode() == "µJy"


def test_long_names_are_continued(read):
    content = table([{"TTYPE": "n" * 60 + "&", "TUNIT": "m", "TFORM": "B"}], b"a", 1)
    card = b"TUNIT1  = 'm'".ljust(80)
    assert content.count(card) == 1
    content = content.replace(card, f"CONTINUE  '{'m' * 40}'".ljust(80).encode())
    assert read(content).column_names == ["n" * 60 + "m" * 40]


def ascii_table(data, rows, *columns):
    return table(columns, data, rows, XTENSION="'TABLE   '")


@pytest.mark.parametrize(
    ("form", "cells", "keys", "values"),
    [
        ("A4", ["ab", " c", ""], {}, ["ab", "c", None]),
        ("A4", ["ab", "--", ""], {"TNULL": "--"}, ["ab", None, None]),
        ("I4", ["1", "-9", ""], {"TNULL": "-9"}, [1, None, None]),
        ("I4", ["1", "+9", ""], {"TSCAL": 0.5, "TZERO": 1}, [1.5, 5.5, None]),
        ("I20", ["9007199254740993"], {}, [2**53 + 1]),
        ("F6.2", ["1.25", "nan", "***"], {"TNULL": "***"}, [1.25, None, None]),
        ("F6.0", ["125"], {}, [125.0]),
        ("D9.2", ["1.25D+02", "1.5d1", "1e2"], {}, [125.0, 15.0, 100.0]),
        ("E9.2", ["1.25", "oops"], {}, ["1.25", "oops"]),
        ("I4", ["1", "1_0"], {}, ["1", "1_0"]),
    ],
)
def test_ascii_tables(read, form, cells, keys, values):
    if form == "D9.2":
        cells = [c.replace("1e2", "1.e2") for c in cells]
    width = int(form[1:].split(".")[0])
    data = "".join(c.ljust(width) + "\n" for c in cells).encode()
    column = {"TTYPE": "a", "TFORM": form, "TBCOL": 1} | keys
    assert read(ascii_table(data, len(cells), column))["a"].to_pylist() == values


def test_numbers_without_a_decimal_point_have_two_readings(read):
    content = ascii_table(b"12345", 1, {"TTYPE": "a", "TFORM": "F5.3", "TBCOL": 1})
    holds = why_unreadable(read(content).schema.field("a"))
    assert holds == "numbers without a decimal point (F5.3)"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"TFORM": "A9", "TBCOL": 1}, "9 characters from TBCOL 1 on do not lie within rows of 4"),
        ({"TFORM": "A4", "TBCOL": 0}, "4 characters from TBCOL 0 on do not lie"),
        ({"TFORM": "A4", "TBCOL": 2}, "4 characters from TBCOL 2 on do not lie"),
        ({"TFORM": "A0", "TBCOL": 1}, "0 characters from TBCOL 1 on do not lie"),
        ({"TFORM": "A4"}, "TBCOL1 is missing"),
        ({"TFORM": "4A", "TBCOL": 1}, "TFORM '4A' is none of FITS"),
    ],
)
def test_damaged_ascii_tables(read, column, said):
    with pytest.raises(TableError, match=said):
        read(ascii_table(b"abcd", 1, column))
    empty = table([column], b"", 10**10, 0, XTENSION="'TABLE   '")
    with pytest.raises(TableError, match="NAXIS1 is 0, NAXIS2 is 10,000,000,000"):
        read(empty)


def test_tables_turned_on_their_side_are_turned(read):
    columns = [
        {"TTYPE": "name", "TFORM": "6A", "TDIM": "(2,3)"},
        {"TTYPE": "n", "TFORM": "3I", "TNULL": -1},
        {"TTYPE": "pair", "TFORM": "6B", "TDIM": "(2,3)"},
    ]
    data = b"a b c " + struct.pack(">3h", 1, -1, 3) + b"\1\2\3\4\5\6"
    found = read(table(columns, data, 1))
    assert found["name"].to_pylist() == ["a", "b", "c"]
    assert found["n"].to_pylist() == [1, None, 3]
    assert why_unreadable(found.schema.field("pair")) == "arrays of 2 numbers"


def test_one_row_with_a_number_among_arrays_is_one_row(read):
    columns = [{"TTYPE": "a", "TFORM": "3B"}, {"TTYPE": "n", "TFORM": "B"}]
    found = read(table(columns, b"\1\2\3\4", 1))
    assert (found.num_rows, found["n"].to_pylist()) == (1, [4])


def test_of_several_tables_the_one_with_the_wanted_columns(tmp_path):
    def hdu(name, column, rows):
        data = fits.BinTableHDU.from_columns([fits.Column(column, "J", array=np.arange(rows))])
        data.name = name
        return data

    path = tmp_path / "t"
    hdus = [fits.PrimaryHDU(), hdu("EMPTY", "RA", 0), hdu("GTI", "START", 2), hdu("SRC", "RA", 3)]
    fits.HDUList(hdus).writeto(path)
    said = r"3 tables: 3 \(SRC\) with 3 rows is read; not read: 2 \(GTI\) with 2 rows"
    with pytest.warns(XsiftWarning, match=said):
        assert read_table(path, ["ra"])[0]["RA"].to_pylist() == [0, 1, 2]


def test_of_several_tables_the_one_whose_names_have_units_behind_them(tmp_path):
    path = tmp_path / "t"
    few = [fits.Column("name", "1A", array=["a"])]
    more = [fits.Column(n, "J", array=[1]) for n in ("name", "bb_kt [keV]")]
    hdus = [fits.BinTableHDU.from_columns(columns) for columns in (few, more)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    with pytest.warns(XsiftWarning, match="2 tables: 2 with 1 rows is read; not read: 1"):
        found = read_table(path, ["name", "bb_kt"])[0]
    assert found.column_names == ["name", "bb_kt [keV]"]
