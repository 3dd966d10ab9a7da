"""Text tables: every cell as text, whatever parts the cells; odd and damaged ones."""

import gzip
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xsift.read.delimited
import xsift.read.source
from xsift.errors import TableError, XsiftWarning
from xsift.read import read_table

PLAIN = "name,obsid,ra\n2CXO J1,007,0.50\n2CXO J2,,NaN\n"
WANTED = {"name": ["2CXO J1", "2CXO J2"], "obsid": ["007", None], "ra": ["0.50", "NaN"]}


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", " , ").replace("NaN", "NaN  "),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n", ",\n").replace("ra,", "ra"),
        PLAIN.replace("\n", "\n\n  \n"),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        "sep=,\n" + PLAIN,
        "# made by hand\n\n#, , ,\n" + PLAIN,
        "# a form feed \x0c# and \x85# and \u2028# end no line\n" + PLAIN,
        "# of text that is not ours: \xe9\n".encode("latin-1") + PLAIN.encode(),
        PLAIN.replace("2CXO J1", '"2CXO J1"').replace("name", '" name "'),
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n",
        gzip.compress(PLAIN.encode(), mtime=0),
    ],
)
def test_spellings_of_one_table(read, content):
    assert read(content).to_pydict() == WANTED


def test_quoted_cells_hold_delimiters_and_line_ends(read):
    table = read('name,flag\n"a,b","one\ntwo"\n"say ""x""",\n""," "\n')
    assert table.to_pydict() == {
        "name": ["a,b", 'say "x"', None],
        "flag": ["one\ntwo", None, None],
    }


def test_line_ends_in_cells_may_fall_anywhere(read, monkeypatch):
    monkeypatch.setattr(xsift.read.delimited, "_BLOCK", 4096)
    cells = [f"{i}\n{i}\n{i}" for i in range(5000)]
    table = read("name,x\n" + "".join(f'"{c}\n",1\n' for c in cells))
    assert table["name"].to_pylist() == cells


def test_a_long_cell(read):
    assert read(f"name,x\na,1\n{'z' * 1_000_000},2\n")["x"].to_pylist() == ["1", "2"]


def test_names_of_digits_stay_as_they_are(read):
    names = ["007", "7", "1e3", "3.10", "0x10", "True", "2020-01-01", "nan", "-"]
    assert read("name,x\n" + "".join(f"{n},1\n" for n in names))["name"].to_pylist() == names


def test_doubled_and_nameless_columns(read):
    table = read(",a,a,\n0,1,2,\n")
    assert table.column_names == ["", "a", "a"]
    assert [c.to_pylist() for c in table.columns] == [["0"], ["1"], ["2"]]


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n\r\n", "# x\na,b\n"])
def test_header_only(read, content):
    assert read(content).to_pydict() == {"a": [], "b": []}


def test_one_column(read):
    assert read("name\n2CXO J1\nx\n").to_pydict() == {"name": ["2CXO J1", "x"]}


def test_the_delimiter_is_what_cuts_the_rows_too(read):
    """More commas than tabs in the header, but within the names."""
    table = read("name\tflux (a,b,c)\nx, y\t1\nz\t2\n")
    assert table.to_pydict() == {"name": ["x, y", "z"], "flux (a,b,c)": ["1", "2"]}


def test_comments_among_the_rows_are_left_out_and_counted(read):
    with pytest.warns(XsiftWarning, match="2 lines that begin with '#' among the rows: left out"):
        table = read('name,x\na,1\n#b,2\n"c\n#d",3\n# the end')
    assert table.to_pydict() == {"name": ["a", "c\n#d"], "x": ["1", "3"]}
    with pytest.warns(XsiftWarning, match="1 line that begins with '#' among the rows"):
        assert read("name,x\ra,1\r#b\rc,2\r")["x"].to_pylist() == ["1", "2"]


def test_units_of_the_archives_own_table(read):
    """Its columns stand twice, and comments describe them."""
    head = '#Column\tname\t(A20)\tName\t(x.name)\t[""]\t[]\n'
    head += '#Column\tbb_kt\t(F9.3)\tkT\t(x.bb_kt)\t["keV"]\t[]\n'
    table = read(head + "name\tbb_kt\tsat_src_flag\tsat_src_flag\n J1 \t   0.5\tF\tT\n")
    assert table.column_names == ["name", "bb_kt", "sat_src_flag", "sat_src_flag"]
    assert table.column("bb_kt").to_pylist() == ["0.5"]
    assert [f.metadata for f in table.schema] == [None, {b"unit": b"keV"}, None, None]


def test_units_of_vizier(read):
    table = read("#\nname\tra\tkt\n \tdeg\tkeV\n----\t---\t-\nx\t1\t2\n---\t---\t-\n")
    assert table.to_pydict() == {"name": ["x", "---"], "ra": ["1", "---"], "kt": ["2", "-"]}
    assert [f.metadata for f in table.schema] == [None, {b"unit": b"deg"}, {b"unit": b"keV"}]


def test_a_line_drawn_under_the_names(read):
    assert read("name|ra\n----|--\nx|1\n").to_pydict() == {"name": ["x"], "ra": ["1"]}


def test_rows_of_dashes_are_rows(read):
    assert read("name,label\nJ1,-\n---,---\n-,-\n")["label"].to_pylist() == ["-", "---", "-"]


@pytest.mark.parametrize(
    "content",
    [
        "name ra kt\nx 1 2\ny 3 4\n",
        "name  ra\tkt\n  x   1 2  \r\n\ty 3\t\t4\n",
        "# by hand\n# name ra kt\nx 1 2\ny 3 4\n",
        "#name,ra,kt\nx,1,2\ny,3,4\n",
        "name ra kt \nx 1 2 \ny 3 4 \n",
        '# name  ra   kt\n"x"    1    2\n  y   3    4\n',
    ],
)
def test_blanks_and_commented_headers(read, content):
    assert read(content).to_pydict() == {"name": ["x", "y"], "ra": ["1", "3"], "kt": ["2", "4"]}


def test_blanks_within_quotation_marks_and_empty_cells(read):
    table = read('name   ra flag\n"a  b"  1 5"\n""  2 "x\ty"\n')
    assert table.to_pydict() == {"name": ["a  b", None], "ra": ["1", "2"], "flag": ['5"', "x y"]}
    table = read("name ra kt\nx  2\ny 3 4\n")  # one blank between cells, one of them empty
    assert table.to_pydict() == {"name": ["x", "y"], "ra": [None, "3"], "kt": ["2", "4"]}


LONG = b"a,b\n" + b"1,2\n" * 600_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN.encode("utf-16"), "UTF-16 text: save the file as UTF-8"),
        ("name,ra\né,1\n".encode("latin-1"), r"line 2 is not UTF-8 text: save"),
        (LONG + b"\xe9,1\n", r"line 600002 is not UTF-8 text: save"),
        (LONG + b"1,\0\n", "line 600002 holds a null character: not a text table"),
        ("1,2,3\n4,5,6\n", "the first line must name the columns, but holds '1'"),
        ("# a b\n1 2 3\n4 5 6\n", "the first line must name the columns, but holds '1'"),
        ("a,b\n1,2,3\n", "values: row 1: 3 cells, and the header has 2, parted by commas"),
        (
            "a,b\n" + "1,2\n" * 100 + "3\n",
            "not a table of values: row 101: 1 cell, and the header has 2",
        ),
        ("# x\na,b\n1,2\n\n3\n", "not a table of values: row 2: 1 cell, and the header has 2"),
        (
            "a b c\n1 2 3\n4 5\n",
            "row 2: 2 cells, and the header has 3, parted by blanks: save it as CSV",
        ),
        (
            "a  b\n" + "1  2\n" * 100 + "3\n",
            "not a table of values: row 101: 1 cell, and the header has 2",
        ),
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', "row 2 opens a quotation mark that nothing closes"),
        (f'a,b\n1,"{"x" * (1 << 25)}\n', "a row of more than 16 MiB, or a quotation mark"),
        (f"a,b\n1,2\n3,{'x' * 1_000_001}\n", "column b, row 2: a cell of 1,000,001 bytes; at most"),
        ("a" * 200_000 + ",b\n1,2\n", "the line that names the columns: field larger"),
        ("a,b" * 400_000 + "\n", "the header line is longer than 1,048,576 characters"),
        ("# a\n" * 300_000 + "a,b\n1,2\n", "comments of more than 1,048,576 characters"),
        ("# only\n# comments\n", "no header line"),
        ('{"data": []}', "JSON: give a VOTable"),
        ('\n[{"name": "x"}]', "JSON: give a VOTable"),
        ("#ASDF 1.0.0\n", "an ASDF file: give a VOTable"),
        ("%PDF-1.4\n", "a PDF file: give"),
        ("{\\rtf1 a}", "an RTF document: give"),
        ("\\begin{table}\n", "LaTeX: give"),
        ("BZh91AY", "compressed, but not with gzip: uncompress it"),
        ("", "the file is empty"),
        (b"\0" * 5000, "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not a table that xsift reads"),
        (b"PK\x03\x04\0\0\0", "not a table that xsift reads"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:-9], "gzip file is damaged or cut off"),
        (
            gzip.compress(gzip.compress(PLAIN.encode(), mtime=0), mtime=0),
            "not a table that xsift reads",
        ),
    ],
    ids=range(31),
)
def test_refused(read, content, said):
    with pytest.raises(TableError, match=r"/t: .*" + said) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_not_a_file(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: cannot be read: No such file or directory"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a directory: give a table file"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="cannot be read: embedded null"):
        read_table("a\0b")
    with pytest.raises(TableError, match="cannot be read: File name too long"):
        read_table("a" * 300)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_device_without_end():
    with pytest.raises(TableError, match="/dev/zero is not a file"):
        read_table("/dev/zero")


def test_gzip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(xsift.read.source, "_BOMB_BYTES", 1 << 22)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0" * (1 << 24)))
    with pytest.raises(TableError, match="expands to more than 200 times its size: refused"):
        read_table(tmp_path / "b.csv.gz")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda t: t.encode())))
@pytest.mark.filterwarnings("ignore::xsift.errors.XsiftWarning")
def test_any_bytes_give_a_table_or_an_error_of_ours(read, or_refused, content):
    table = or_refused(lambda: read(content))
    assert table is None or all(str(f.type) == "string" for f in table.schema)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30),
    delimiter=st.sampled_from(",;\t"),
)
def test_any_cells_come_back_without_the_blanks_around_them(read, rows, delimiter):
    text = "name,x\n".replace(",", delimiter)
    for row in rows:
        text += delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n"
    table = read(text)
    assert list(zip(*table.to_pydict().values(), strict=True)) == [
        tuple(cell.strip() or None for cell in row) for row in rows
    ]
