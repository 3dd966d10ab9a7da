"""BINARY, BINARY2 and FITS data in a VOTable, byte by byte."""

import base64
import io
import struct

import numpy as np
import pytest
from astropy.io import fits

from xsift.errors import TableError
from xsift.read.unreadable import why_unreadable


def votable(fields, data, form="BINARY", attributes='encoding="base64"', table=""):
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return (
        f"<VOTABLE><RESOURCE><TABLE{table}>{fields}<DATA><{form}><STREAM {attributes}>{text}"
        f"</STREAM></{form}></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def field(datatype, arraysize="", null=None, name="a"):
    size = f' arraysize="{arraysize}"' if arraysize else ""
    values = "" if null is None else f'<VALUES null="{null}"/>'
    return f'<FIELD name="{name}" datatype="{datatype}"{size}>{values}</FIELD>'


@pytest.mark.parametrize(
    ("declared", "data", "values"),
    [
        (field("unsignedByte"), b"\x00\xff", [0, 255]),
        (field("short", null="-9"), struct.pack(">2h", -9, 9), [None, 9]),
        (field("int", null="x"), struct.pack(">2i", -9, 9), [-9, 9]),
        (field("long"), struct.pack(">2q", 2**53 + 1, -1), [2**53 + 1, -1]),
        (field("float", null="1e20"), struct.pack(">2f", 1e20, 0.5), [None, 0.5]),
        (field("double"), struct.pack(">2d", np.nan, 0.1), [None, 0.1]),
        (field("double", "1"), struct.pack(">2d", 2, 0.1), [2, 0.1]),
        (field("double", "*"), struct.pack(">id i", 1, 0.1, 0)[:-4] + b"\0" * 4, [0.1, None]),
        (field("boolean"), b"TtF1f0? \0", [True, True, False, True, False, False] + [None] * 3),
        (field("bit"), b"\x08\x80\x00", [True, True, False]),
        (field("char"), b"ab", ["a", "b"]),
        (field("char", "4"), b"ab\0xabcd    ", ["ab", "abcd", None]),
        (field("char", "2", null="ab"), b"abac", [None, "ac"]),
        (field("char", "2"), b"\xc3\xa9ab", ["é", "ab"]),
        (field("char", "2"), b"\xe9 ab", ["é", "ab"]),
        (field("char", "*"), b"\0\0\0\x03a\xe9 \0\0\0\0", ["aé", None]),
        (field("unicodeChar", "2"), "é ab".encode("utf-16-be"), ["é", "ab"]),
        (field("unicodeChar", "*"), b"\0\0\0\x02" + "éa".encode("utf-16-be"), ["éa"]),
        (field("unicodeChar", "1"), b"\xd8\x00", ["\\xd8\\x00"]),
        (field("int"), b"", []),
    ],
)
def test_kinds(read, declared, data, values):
    assert read(votable(declared, data))["a"].to_pylist() == values


def test_flags_of_binary2_say_what_is_null(read):
    fields = "".join(field("unsignedByte", name=f"c{i}") for i in range(9)) + field("char", "*")
    row = bytes(range(9)) + b"\0\0\0\x01x"
    table = read(votable(fields, b"\x80\x40" + row + b"\x00\x80" + row, "BINARY2"))
    assert table["c0"].to_pylist() == [None, 0]
    assert table["c8"].to_pylist() == [8, None]
    assert table["a"].to_pylist() == [None, "x"]


def test_columns_before_between_and_after_those_of_any_length(read):
    fields = (
        field("short", name="a")
        + field("char", "*", name="b")
        + field("int", name="c")
        + field("char", "3", name="d")
        + field("bit", "*", name="e")
        + field("double", "2*", name="f")
        + field("short", name="g")
    )
    row = b"".join(
        [
            struct.pack(">hi", 1, 3) + b"xyz",
            struct.pack(">i", 7) + b"abc",
            struct.pack(">iH", 9, 0xFF80),
            struct.pack(">id", 1, 2.5),
            struct.pack(">h", 8),
        ]
    )
    table = read(votable(fields, row * 3))
    assert why_unreadable(table.schema.field("e")) == "arrays or other bytes than bit"
    assert (
        table.drop_columns(["e"]).to_pylist()
        == [{"a": 1, "b": "xyz", "c": 7, "d": "abc", "f": 2.5, "g": 8}] * 3
    )


@pytest.mark.parametrize(
    ("declared", "data", "holds"),
    [
        (field("double", "2"), struct.pack(">2d", 1, 2), r"arrays (2) of double"),
        (field("double", "*"), struct.pack(">i2d", 2, 1, 2), "arrays or other bytes than double"),
        (field("boolean"), b"x", "arrays or other bytes than boolean"),
        (field("char", "2x2"), b"abcd", "arrays of text (2x2)"),
    ],
)
def test_what_cannot_be_read_is_known_by_name(read, declared, data, holds):
    table = read(votable(declared, data))
    assert (table.column_names, table.num_rows) == (["a"], 1)
    assert why_unreadable(table.schema.field("a")) == holds


NAMES = field("char", "*")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            votable(field("int"), b"12345"),
            "the data have 5 bytes, which is no whole number of rows",
        ),
        (votable(NAMES, b"\0\0\0\x05abcd"), "the data end within row 1, in column a"),
        (votable(NAMES, b"\0\0\0\x01a\0\0"), "the data end within row 2, in column a"),
        (votable(NAMES, b"\xff\xff\xff\xff"), "the data end within row 1, in column a"),
        (votable(NAMES + field("int", name="b"), b"\0\0\0\x01a\0"), "the data end within row 1$"),
        (votable(field("int", "0"), b"1234"), "no whole number of rows of 0 bytes"),
        (votable(field("int", "2x*"), b"1234"), "arraysize '2x\\*' cannot be read from binary"),
        (votable(field("wibble"), b"1234"), "column a: datatype 'wibble' .* cannot be read"),
        (votable(field("int"), "AAAA*AAA"), "damaged base64 data"),
        (votable(field("int"), "AAAAAAA"), "damaged base64 data"),
        (votable(field("int"), "AAAA=AAAAAA="), "damaged base64 data"),
        (votable(field("int"), "AAAAAé=="), "damaged base64 data"),
        (votable(field("int"), b"1234", table=' nrows="2"'), "declares 2 rows and has 1"),
        (
            votable(field("int"), "", "BINARY", 'encoding="gzip"'),
            "BINARY data with encoding 'gzip'",
        ),
        (votable(field("int"), "", "PARQUET"), "PARQUET data with encoding 'base64' are not read"),
        (votable(field("int"), "<a/>"), "<a> within <STREAM>"),
        (votable(field("int"), b"SIMPLE", "FITS"), "not a whole FITS table"),
        (votable(field("int"), b"", "FITS"), "the FITS data in the VOTable hold no table"),
    ],
)
def test_damaged(read, content, said):
    with pytest.raises(TableError, match=said):
        read(content)


@pytest.mark.parametrize("changed", range(0, 40, 3))
def test_damaged_base64_is_noticed_where_no_number_of_rows_is_declared(read, changed):
    text = base64.b64encode(struct.pack(">10i", *range(10))).decode()
    with pytest.raises(TableError, match="damaged base64 data"):
        read(votable(field("int"), text[:changed] + "\u00b7" + text[changed + 1 :]))


def inline_fits(*columns):
    sink = io.BytesIO()
    first = fits.BinTableHDU.from_columns([fits.Column("x", "J", array=[1])])
    hdus = [fits.PrimaryHDU(), first, fits.BinTableHDU.from_columns(columns)]
    fits.HDUList(hdus).writeto(sink)
    text = base64.b64encode(sink.getvalue()).decode()
    return f'extnum="2"><STREAM encoding="base64">{text}'


def test_fits_data_under_the_names_of_the_votable(read):
    data = inline_fits(
        fits.Column("N", "8A", array=["a", "b"]),
        fits.Column("K", "J", null=-1, array=[1, -1], unit="keV"),
    )
    fields = field("char", "*", name="name") + '<FIELD name="bb_kt" datatype="int" unit="eV"/>'
    content = votable(fields, "", "FITS").replace(
        b'><STREAM encoding="base64">', f" {data}".encode()
    )
    table = read(content)
    assert table.to_pydict() == {"name": ["a", "b"], "bb_kt": [1, None]}
    assert table.schema.field("bb_kt").metadata[b"unit"] == b"eV"
    with pytest.raises(TableError, match="declares 1 columns, the FITS table in it has 2"):
        read(content.replace(fields.encode(), b'<FIELD name="a" datatype="int"/>'))
