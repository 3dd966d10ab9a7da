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
from xsift.read import cells, read_table, schema

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


@pytest.fixture
def read(tmp_path):
    def read_bytes(content: bytes):
        path = tmp_path / "t.vot"
        path.write_bytes(content)
        return read_table(path)[0]

    return read_bytes


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


def test_array_and_complex_columns_are_passed_over(read):
    fields = (
        FIELDS
        + '<FIELD name="a" datatype="double" arraysize="2"/>'
        + '<FIELD name="v" datatype="double" arraysize="*"/>'
        + '<FIELD name="c" datatype="doubleComplex"/>'
    )
    row = ROW.replace("</TR>", "<TD>1 2</TD><TD>1 2 3</TD><TD>1 2</TD></TR>")
    table = read(votable(fields, f"<TABLEDATA>{row}</TABLEDATA>"))
    assert table.column_names == ["name", "ra", "obsid"]


def test_cell_that_is_no_number_is_missing_with_a_warning(read):
    with pytest.warns(XsiftWarning, match=r"not numbers count as missing.*W30.*'x'"):
        table = read(votable(data=f"<TABLEDATA>{ROW.replace('1.5', 'x')}</TABLEDATA>"))
    assert table["ra"].to_pylist() == [None]


def test_integer_that_does_not_fit_is_refused(read):
    data = f"<TABLEDATA>{ROW.replace('7', '99999999999')}</TABLEDATA>"
    with pytest.raises(TableError, match=r"W51.*99999999999"):
        read(votable(data=data))


def test_rows_that_are_not_all_there_are_refused(read):
    with pytest.raises(TableError, match="W18"):
        read(votable(attributes=' nrows="3"'))


def test_query_status(read):
    error = '<INFO name="QUERY_STATUS" value="ERROR">no such table\nat all</INFO>'
    with pytest.raises(TableError, match=r"service's error message: no such table$"):
        read(votable(infos=error))
    over = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
    with pytest.warns(XsiftWarning, match="cut this table off at its row limit"):
        assert read(votable(infos=over)).num_rows == 1


@pytest.mark.parametrize("padding", ["", f"<!-- VOTABLE {'x' * 70_000} -->"])
def test_entities_are_refused_wherever_they_are_declared(read, padding):
    lol = "".join(
        f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "lol">' for i in range(9)
    )
    content = votable(
        before=f"{padding}<!DOCTYPE VOTABLE [{lol}]>",
        data="<TABLEDATA><TR><TD>&l8;</TD><TD>1</TD><TD>1</TD></TR></TABLEDATA>",
    )
    with pytest.raises(TableError, match="declares entities: refused as unsafe"):
        read(content)


@pytest.mark.parametrize("form", ["BINARY", "BINARY2", "FITS", "PARQUET"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_streams_from_elsewhere_are_not_fetched(read, server, form, quote):
    address, asked = server
    data = f"<{form}><STREAM\n  href = {quote}{address}{quote}/></{form}>"
    with pytest.raises(TableError, match=r"lie in another file .*127.0.0.1.*refused as unsafe"):
        read(votable(data=data))
    assert asked == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (votable(attributes=' nrows="1000000000000"'), "not a whole VOTable: Unable to allocate"),
        (votable(FIELDS.replace('"*"', '"2000000000"')), "not a whole VOTable"),
        (b"<VOTABLE>" + b"<RESOURCE>" * 200_000, "not a whole VOTable: maximum recursion"),
        (votable(FIELDS.replace("double", "wibble")), "not a whole VOTable: .*wibble"),
        (votable("", ""), "the VOTable holds no table"),
        (votable().decode().encode("utf-16"), "UTF-16 text: save the file as UTF-8"),
        (b"<html><body>VO service down</body></html>", "an HTML page: give a VOTable"),
        (b"<rss></rss>", "XML, but not a VOTable"),
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
