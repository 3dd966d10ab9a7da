"""VOTables as services and tools write them, damaged ones and hostile ones."""

import base64
import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xsift import surveys
from xsift.errors import TableError, XsiftWarning
from xsift.pipeline import archive
from xsift.read import cells, read_table, schema
from xsift.read.unreadable import why_unreadable

CLI_EXAMPLE = Path(__file__).parents[2] / "../shared/data/csc_cli_example.vot"
FIELDS = (
    '<FIELD name="name" datatype="char" arraysize="*"/>'
    '<FIELD name="ra" datatype="double" unit="deg"/>'
    '<FIELD name="obsid" datatype="int"/>'
)
ROW = "<TR><TD>a</TD><TD>1.5</TD><TD>7</TD></TR>"


def votable(
    fields=FIELDS, data=f"<TABLEDATA>{ROW}</TABLEDATA>", before="", attributes="", infos=""
):
    return (
        f'<?xml version="1.0"?>{before}<VOTABLE version="1.4" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f"{infos}<TABLE{attributes}>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def astropy_table(form):
    # BINARY has no nulls for integers, and astropy does not write any.
    mask = [False, form != "binary", False]
    return Table(
        {
            "name": ["2CXO J1", "2CXO J2", "x"],
            "obsid": MaskedColumn([1, 2, 3], mask=mask, dtype=np.int32),
            "bb_kt": MaskedColumn([0.5, 1.5, 2.5], mask=[False, False, True], unit="eV"),
            "hard_hm": [0.1, np.nan, np.inf],
        }
    )


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_serialisation_reads_the_same(tmp_path, form, packed):
    path = tmp_path / "t.vot"
    astropy_table(form).write(path, format="votable", tabledata_format=form)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    table, source = read_table(path)
    assert source.format == "votable"
    assert table["name"].to_pylist() == ["2CXO J1", "2CXO J2", "x"]
    assert table["bb_kt"].to_pylist()[:2] == [0.5, 1.5]
    assert np.isnan(cells.numbers(table["bb_kt"], "t", "bb_kt")[2])
    hard = cells.numbers(table["hard_hm"], "t", "hard_hm")
    assert hard[0] == 0.1
    assert np.isnan(hard[1])
    assert hard[2] == np.inf
    assert table.schema.field("bb_kt").metadata == {b"unit": b"eV"}
    assert table["obsid"].to_pylist() == [1, 2 if form == "binary" else None, 3]


def test_columns_carry_the_name_not_the_id(read):
    fields = FIELDS.replace('name="ra"', 'ID="col3" name=" ra "')
    assert read(votable(fields)).column_names == ["name", "ra", "obsid"]


@pytest.mark.real
@pytest.mark.skipif(not CLI_EXAMPLE.exists(), reason="../shared/data is not there")
def test_csc_command_line_with_units_that_astropy_does_not_know():
    survey = surveys.load("csc20")
    table, _ = read_table(CLI_EXAMPLE)
    assert table.schema.field("var_mean_b").metadata[b"unit"] == b"count/s"
    held = schema.held(table, "t", "var_mean_b", survey.column("var_mean_b"))
    assert held.to_pylist() == table["var_mean_b"].to_pylist()


def test_text_in_another_declared_encoding(read):
    content = votable(data="<TABLEDATA><TR><TD>é</TD><TD>1</TD><TD>1</TD></TR></TABLEDATA>")
    content = content.decode().replace('"1.0"?', '"1.0" encoding="ISO-8859-1"?').encode("latin-1")
    assert read(content)["name"].to_pylist() == ["é"]


@pytest.mark.parametrize(
    ("attributes", "cell", "holds"),
    [
        ('datatype="double" arraysize="2"', "1 2", "arrays (2) of double"),
        ('datatype="double" arraysize="*"', "1 2 3", "arrays of double"),
        ('datatype="double" arraysize="2x*"', "1 2 3 4", "arrays (2x*) of double"),
        ('datatype="int" arraysize="0"', "", "arrays (0) of int"),
        ('datatype="int" arraysize="two"', "1 2", "arrays of size 'two'"),
        ('datatype="doubleComplex"', "1 2", "complex numbers"),
        ('datatype="bit" arraysize="8"', "1 0 1 0 1 0 1 0", "arrays (8) of bit"),
        ('datatype="char" arraysize="16x3"', "a  b  c", "arrays of text (16x3)"),
        ('datatype="char" arraysize="16x*"', "a  b  c", "arrays of text (16x*)"),
    ],
)
def test_columns_that_hold_something_else_are_known_by_name(read, attributes, cell, holds):
    fields = FIELDS + f'<FIELD name="a" {attributes}/>'
    row = ROW.replace("</TR>", f"<TD>{cell}</TD></TR>")
    table = read(votable(fields, f"<TABLEDATA>{row}</TABLEDATA>"))
    assert table.column_names == ["name", "ra", "obsid", "a"]
    assert why_unreadable(table.schema.field("a")) == holds
    assert table["a"].to_pylist() == [None]


@pytest.mark.parametrize("size", ["1", "1x1", "*", "1*", "3*"])
def test_arrays_of_one_number_are_numbers(read, size):
    fields = FIELDS.replace('"double"', f'"double" arraysize="{size}"')
    table = read(votable(fields))
    assert table["ra"].to_pylist() == [1.5]


NUMBERS = [
    ("int", "7", 7),
    ("int", "+7", 7),
    ("int", "0x1F", 31),
    ("int", " 7 ", 7),
    ("int", "", None),
    ("unsignedByte", "255", 255),
    ("long", "9007199254740993", 2**53 + 1),
    ("double", "0.1", 0.1),
    ("double", "+Inf", np.inf),
    ("double", "-Inf", -np.inf),
    ("double", "NaN", None),
    ("double", " ", None),
    ("boolean", "T", True),
    ("boolean", "false", False),
    ("boolean", "?", None),
    ("bit", "1", True),
]
NOT_OF_ITS_KIND = [
    ("int", "99999999999"),
    ("short", "0xFFFF"),
    ("long", "0xFFFFFFFFFFFFFFFF"),
    ("int", "1.5"),
    ("int", "1_000"),
    ("int", "12abc"),
    ("unsignedByte", "-1"),
    ("double", "1_000"),
    ("double", "1,5"),
    ("double", "1.5 keV"),
    ("double", "N/A"),
    ("double", "1e999"),
    ("float", "1e39"),
    ("double", "\u0661"),
    ("boolean", "maybe"),
]


@pytest.mark.parametrize(("datatype", "cell", "value"), NUMBERS)
def test_numbers_as_text(read, datatype, cell, value):
    fields = FIELDS + f'<FIELD name="n" datatype="{datatype}"/>'
    row = ROW.replace("</TR>", f"<TD>{cell}</TD></TR>")
    assert read(votable(fields, f"<TABLEDATA>{row}</TABLEDATA>"))["n"].to_pylist() == [value]


@pytest.mark.parametrize(("datatype", "cell"), NOT_OF_ITS_KIND)
def test_a_column_with_a_cell_of_another_kind_is_read_as_text(read, datatype, cell):
    fields = FIELDS + f'<FIELD name="n" datatype="{datatype}"/>'
    rows = ROW.replace("</TR>", f"<TD>{cell}</TD></TR>") + ROW.replace("</TR>", "<TD>1</TD></TR>")
    table = read(votable(fields, f"<TABLEDATA>{rows}</TABLEDATA>"))
    assert table["n"].to_pylist() == [cell, "1"]
    declared = table.schema.field("n").metadata.get(b"declared")
    assert declared == (None if datatype == "boolean" else datatype.encode())


def test_a_service_that_sends_no_number_is_not_believed():
    content = votable(data=f"<TABLEDATA>{ROW.replace('7', '1e99')}</TABLEDATA>")
    with pytest.raises(TableError, match="a service: column obsid has a cell that is no int num"):
        archive.parse(content, "a service")


@pytest.mark.parametrize(
    ("declared", "null", "cells", "values"),
    [
        ("int", "-9", ["-9", "-09", "1"], [None, None, 1]),
        ("unsignedByte", "-9", ["9", "1", "1"], [9, 1, 1]),
        ("double", "-999", ["-999.0", "1", "NaN"], [None, 1, None]),
        ("float", "1e20", ["1e20", "1", "2"], [None, 1, 2]),
        ("int", "none", ["none", "1", "2"], [None, 1, 2]),
        ('char" arraysize="*', "none", ["none", "a", ""], [None, "a", None]),
    ],
)
def test_null_as_declared(read, declared, null, cells, values):
    fields = f'<FIELD name="n" datatype="{declared}"><VALUES null="{null}"/></FIELD>'
    fields += '<PARAM name="p" datatype="int" value="1"><VALUES null="1"/></PARAM>'
    rows = "".join(f"<TR><TD>{c}</TD></TR>" for c in cells)
    assert read(votable(fields, f"<TABLEDATA>{rows}</TABLEDATA>"))["n"].to_pylist() == values


def test_null_declared_elsewhere(read):
    fields = (
        '<FIELD name="a" datatype="int"><VALUES ID="v" null="-1"/></FIELD>'
        '<FIELD name="b" datatype="int"><VALUES ref="v"/></FIELD>'
    )
    table = read(votable(fields, "<TABLEDATA><TR><TD>2</TD><TD>-1</TD></TR></TABLEDATA>"))
    assert table.to_pydict() == {"a": [2], "b": [None]}


@pytest.mark.parametrize(
    "declared",
    [
        'datatype="char"',
        'datatype="char" arraysize="1"',
        'datatype="char" arraysize="3"',
        'datatype="char" arraysize="3*"',
        'datatype="char" arraysize="one"',
        'datatype="unicodeChar"',
        'datatype="string"',
        'datatype="char" arraysize="22x1"',
        "",
    ],
)
def test_names_are_whole_whatever_length_is_declared(read, declared):
    names = ["2CXO J004244.3+411608", "2CXO J004244.3+411608X", "a&amp;<![CDATA[<b>]]>"]
    rows = "".join(f"<TR><TD> {n}</TD></TR>" for n in names)
    table = read(votable(f'<FIELD name="name" {declared}/>', f"<TABLEDATA>{rows}</TABLEDATA>"))
    assert table["name"].to_pylist() == [*names[:2], "a&<b>"]


def test_columns_of_the_same_name_and_of_none(read):
    fields = '<FIELD name="a" datatype="int"/>' * 2 + '<FIELD ID="A" datatype="int"/>'
    fields += '<FIELD datatype="int"/>'
    table = read(votable(fields, f"<TABLEDATA><TR>{'<TD>1</TD>' * 4}</TR></TABLEDATA>"))
    assert table.column_names == ["a", "a", "A", "col4"]


def several(*tables):
    return (
        '<VOTABLE version="1.4"><RESOURCE>' + "".join(tables) + "</RESOURCE></VOTABLE>"
    ).encode()


def one(name, column, rows, inside=""):
    cells = "".join(f"<TR><TD>{i}</TD></TR>" for i in range(rows))
    return (
        f'<TABLE name="{name}"><FIELD name="{column}" datatype="int"/>{inside}'
        f"<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE>"
    )


def test_of_several_tables_the_one_with_the_wanted_columns(tmp_path):
    path = tmp_path / "t.vot"
    path.write_bytes(several(one("meta", "x", 2), f"<RESOURCE>{one('main', 'ra', 3)}</RESOURCE>"))
    said = r"2 tables: 2 \(main\) with 3 rows is read; not read: 1 \(meta\) with 2 rows"
    with pytest.warns(XsiftWarning, match=said):
        assert read_table(path, ["RA"])[0]["ra"].to_pylist() == [0, 1, 2]


def test_tables_without_rows_and_without_data_are_passed_over(read):
    bare = '<TABLE nrows="7"><FIELD name="ra" datatype="double"/></TABLE>'
    assert read(several(bare, one("", "ra", 0), one("", "ra", 2))).num_rows == 2
    assert read(several(bare)).num_rows == 0


def test_a_table_with_the_columns_of_another(read):
    first = one("", "ra", 0).replace("<TABLE ", '<TABLE ID="first" ')
    data = "<DATA><TABLEDATA><TR><TD>5</TD></TR></TABLEDATA></DATA>"
    assert read(several(first, f'<TABLE ref="first">{data}</TABLE>'))["ra"].to_pylist() == [5]
    field = '<FIELD name="b" datatype="int"/>'
    with pytest.raises(TableError, match="a column declared after the rows, or beside another"):
        read(several(first, f'<TABLE ref="first">{field}{data}</TABLE>'))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ROW + "<TR><TD>a</TD></TR>", "row 2 has 1 cells, the table has 3 columns"),
        (ROW.replace("</TR>", "<TD>4</TD></TR>"), "row 1 has 4 cells, the table has 3 columns"),
        (f"<TR>{ROW}</TR>", "<TR> within <TR>"),
        (ROW.replace("1.5", "<TD>1</TD>"), "<TD> within <TD>"),
        (ROW.replace("1.5", "<a>1</a>"), "<a> within <TD>"),
        (ROW.replace("<TD>1", '<TD encoding="base64">1'), "cells with an encoding of their own"),
        (ROW.replace(">a<", f">{'a' * 1_000_001}<"), "row 1: a cell of more than 1,000,000 char"),
    ],
)
def test_rows_that_are_no_rows(read, data, said):
    with pytest.raises(TableError, match=said):
        read(votable(data=f"<TABLEDATA>{data}</TABLEDATA>"))


def test_rows_that_are_not_all_there_are_refused(read):
    with pytest.raises(TableError, match="table 1 declares 3 rows and has 1"):
        read(votable(attributes=' nrows="3"'))


def test_query_status(read):
    error = '<INFO name="QUERY_STATUS" value="ERROR">no such table\nat all</INFO>'
    with pytest.raises(TableError, match=r"service's error message: no such table$"):
        read(votable(infos=error))
    over = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
    with pytest.warns(XsiftWarning, match="cut this table off at its row limit"):
        assert read(votable(infos=over)).num_rows == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<VOTABLE>" + b"<RESOURCE>" * 200_000, "more than 100 elements within each other"),
        (votable("", ""), "the VOTable holds no table"),
        (votable(FIELDS + "<FIELD/>" * 20_000), "more than 20,000 columns"),
        (votable(data="<TABLEDATA/><TABLEDATA/>"), "a table with two sets of rows"),
        (votable(data="<BINARY><STREAM/><STREAM/></BINARY>"), "a table with two sets of rows"),
        (votable(FIELDS + "<TABLE/>"), "<TABLE> within <TABLE>"),
        (b"<html><body>VO service down</body></html>", "an HTML page: give a VOTable"),
        (b"<!DOCTYPE html><html><p>VO", "an HTML page: give a VOTable"),
        (b"<rss></rss>", "XML, but not a VOTable"),
        (b"<rss>VOTABLE</rss>", "XML, but not a VOTable"),
        (b"<!-- VOTABLE", "not a whole VOTable: unclosed token"),
        (b"<!--" + b" " * 5_000_000 + votable()[21:], "XML, but not a VOTable"),
        (votable(FIELDS + f"<!--{' ' * 5_000_000}-->"), "a tag, comment or declaration of more"),
    ],
)
def test_damaged(read, content, said):
    with pytest.raises(TableError, match=said) as caught:
        read(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_cut_off_anywhere_is_refused(tmp_path, form):
    path = tmp_path / "t.vot"
    astropy_table(form).write(path, format="votable", tabledata_format=form)
    whole = path.read_bytes().rstrip()
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(TableError, match=r"t\.vot: "):
            read_table(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, len(votable()) - 1), new=st.binary(min_size=0, max_size=12))
@pytest.mark.filterwarnings("ignore::xsift.errors.XsiftWarning")
def test_any_change_gives_a_table_or_an_error_of_ours(read, or_refused, at, new):
    content = votable()
    table = or_refused(lambda: read(content[:at] + new + content[at + len(new) :]))
    assert table is None or table.num_columns >= 1


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200))
@pytest.mark.filterwarnings("ignore::xsift.errors.XsiftWarning")
def test_any_binary_stream(read, or_refused, stream):
    encoded = base64.b64encode(stream).decode()
    data = f'<BINARY2><STREAM encoding="base64">{encoded}</STREAM></BINARY2>'
    table = or_refused(lambda: read(votable(data=data)))
    assert table is None or table.num_rows <= len(stream)
