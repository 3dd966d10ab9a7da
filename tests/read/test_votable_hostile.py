"""VOTables that name other files, expand without end, or declare more than they hold."""

import re
import time

import pytest

from xsift.errors import TableError
from xsift.read.source import Source
from xsift.read.votable import read_votable

FIELDS = (
    '<FIELD name="name" datatype="char" arraysize="*"/>'
    '<FIELD name="ra" datatype="double" unit="deg"/>'
    '<FIELD name="obsid" datatype="int"/>'
)
ROW = "<TR><TD>a</TD><TD>1.5</TD><TD>7</TD></TR>"
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
ENCODINGS += ["utf-32-be", "iso-8859-1", "cp1252", "cp037", "koi8-r"]


def votable(fields=FIELDS, data=f"<TABLEDATA>{ROW}</TABLEDATA>", before="", table="", infos=""):
    return (
        f'<?xml version="1.0"?>{before}<VOTABLE version="1.4"><RESOURCE>{infos}'
        f"<TABLE{table}>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def encoded(content: bytes, encoding: str, declared: str | None = None) -> bytes:
    declared = declared if declared is not None else re.sub("-(sig|le|be)$", "", encoding)
    text = content.decode().replace('"1.0"?', f'"1.0" encoding="{declared}"?' if declared else "?")
    return text.encode(encoding)


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if e != "cp037"])
def test_every_encoding_is_read(read, encoding):
    table = read(encoded(votable(), encoding))
    assert table.to_pydict() == {"name": ["a"], "ra": [1.5], "obsid": [7]}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("declared", [None, "", "utf-8", "utf-16", "utf-32", "ascii", "utf-7"])
@pytest.mark.parametrize("form", ["BINARY", "BINARY2", "FITS", "PARQUET"])
def test_nothing_is_fetched_in_any_encoding(read, server, encoding, declared, form):
    address, asked = server
    data = f'<{form}><STREAM actuate="onLoad" encoding="base64" href="{address}"/></{form}>'
    with pytest.raises(TableError, match=r"/t: "):
        read(encoded(votable(data=data), encoding, declared))
    assert asked == []


@pytest.mark.parametrize(
    "address", ["file://{}", "{}", "//{}", "data:,AAAA", "ftp://127.0.0.1/x", "secret", ""]
)
@pytest.mark.parametrize("name", ["href", "HREF", "xlink:href", "{}href"])
def test_no_kind_of_address_is_opened(read, tmp_path, address, name):
    secret = tmp_path / "secret"
    secret.write_text("AAAA")
    declared = 'xmlns:p="x" p:href' if name == "{}href" else name
    data = f'<BINARY><STREAM {declared}="{address.format(secret)}"/></BINARY>'
    with pytest.raises(TableError, match=r"data lie in another file .*refused as unsafe"):
        read(votable(data=data))


@pytest.mark.parametrize("prefix", ["", "v:"])
def test_streams_are_seen_under_any_prefix(read, prefix):
    content = votable(data='<BINARY><STREAM href="x"/></BINARY>').decode()
    for name in ("BINARY", "STREAM"):
        content = content.replace(f"<{name}", f"<{prefix}{name}")
        content = content.replace(f"</{name}", f"</{prefix}{name}")
    with pytest.raises(TableError, match="data lie in another file"):
        read(content.encode())


LOL = "".join(
    f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "lol">' for i in range(9)
)


@pytest.mark.parametrize(
    "declared",
    [
        LOL,
        '<!ENTITY l8 SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;',
        f'<!ENTITY l8 "{"x" * 100_000}">',
        '<!ATTLIST VOTABLE a CDATA "x">',
    ],
)
@pytest.mark.parametrize("padding", ["", f"<!-- VOTABLE {'x' * 300_000} -->"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be"])
def test_declarations_are_refused_wherever_they_stand(read, declared, padding, encoding):
    content = votable(
        before=f"{padding}<!DOCTYPE VOTABLE [{declared}]>",
        data="<TABLEDATA><TR><TD>&l8;</TD><TD>1</TD><TD>1</TD></TR></TABLEDATA>",
    )
    content = encoded(content, encoding)
    with pytest.raises(TableError, match="declares entities: refused as unsafe"):
        read(content)
    with pytest.raises(TableError, match="declares entities: refused as unsafe"):
        read_votable(Source("a service", "votable", content, ""))


def test_the_old_declaration_of_a_votable_is_read_and_not_fetched(read, server):
    address, asked = server
    before = f'<!DOCTYPE VOTABLE SYSTEM "{address}">'
    assert read(votable(before=before)).num_rows == 1
    cells = "<TABLEDATA><TR><TD>2CXO &plus; J1</TD><TD>1</TD><TD>1</TD></TR></TABLEDATA>"
    with pytest.raises(TableError, match="undefined entity &plus;"):  # else "2CXO  J1"
        read(votable(before=before, data=cells))
    assert asked == []


def test_addresses_that_are_no_data_are_not_fetched(read, server):
    address, asked = server
    infos = (
        f'<LINK href="{address}"/><INFO name="a" value="b"><LINK href="{address}"/></INFO>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{address}"/>'
    )
    schema = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{address}"'
    before = f'<?xml-stylesheet href="{address}"?>'
    content = votable(before=before, infos=infos).replace(
        b"<VOTABLE", f"<VOTABLE {schema}".encode()
    )
    assert read(content).num_rows == 1
    assert asked == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            votable(table=' ID="a"', fields="<FIELD/>" * 5_000, data="").replace(
                b"</TABLE>", b"</TABLE>" + b'<TABLE ref="a"/>' * 100_000
            ),
            "more than 20,000 columns",
        ),
        (votable(table=' nrows="10000000000"'), "declares 10000000000 rows and has 1"),
        (votable(table=f' nrows="{"9" * 100_000}"'), "declares 99999999999999999999 rows"),
        (votable(FIELDS + "<FIELD/>" * 100_000), "more than 20,000 columns"),
        (votable(data=f"<TABLEDATA>{ROW}{'<TR/>' * 100_000}</TABLEDATA>"), "row 2 has 0 cells"),
    ],
)
def test_more_is_declared_than_is_there(read, content, said):
    with pytest.raises(TableError, match=said):
        read(content)


@pytest.mark.parametrize("size", ["10000000", "2000000000", "10000000x100", "9" * 100_000])
@pytest.mark.parametrize("datatype", ["char", "unicodeChar", "double", "bit"])
def test_declared_sizes_cost_nothing(read, size, datatype):
    fields = f'{FIELDS}<FIELD name="a" datatype="{datatype}" arraysize="{size}"/>'
    began = time.process_time()
    row = ROW.replace("</TR>", "<TD>1</TD></TR>")
    assert read(votable(fields, f"<TABLEDATA>{row * 100}</TABLEDATA>")).num_rows == 100
    assert time.process_time() - began < 5


@pytest.mark.parametrize("form", ["BINARY", "BINARY2"])
@pytest.mark.parametrize("size", ["10000000", "10000000x100", "9" * 100_000, "*"])
@pytest.mark.parametrize("datatype", ["char", "unicodeChar", "double", "bit", "wibble", ""])
def test_declared_sizes_of_binary_data_are_held_to_the_data(read, form, size, datatype):
    fields = f'{FIELDS}<FIELD name="a" datatype="{datatype}" arraysize="{size}"/>'
    content = votable(fields, f"<{form}><STREAM>{'AAAA' * 100}////</STREAM></{form}>")
    with pytest.raises(TableError, match=r"no whole number of rows|data end within|cannot be read"):
        read(content)
