"""Parquet and delimited text, whole, odd and damaged."""

import gzip
import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xsift.read.flat
import xsift.read.source
from xsift.errors import TableError
from xsift.read import read_table

PLAIN = "name,obsid,ra\n2CXO J1,1,0.5\n2CXO J2,,NaN\n"
WANTED = {"name": ["2CXO J1", "2CXO J2"], "obsid": [1, None], "ra": [0.5, None]}


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(path)[0]

    return read_bytes


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        "# made by hand\n\n#, , ,\n" + PLAIN,
        "# a form feed \x0c# and \x85# and \u2028# end no line\n" + PLAIN,
        PLAIN.replace("2CXO J1", '"2CXO J1"').replace("name", '" name "'),
        PLAIN.rstrip("\n"),
        gzip.compress(PLAIN.encode(), mtime=0),
    ],
)
def test_spellings_of_one_table(read, content):
    assert read(content).to_pydict() == WANTED


def test_quoted_cells_hold_delimiters_and_line_ends(read):
    table = read('name,flag\n"a,b","one\ntwo"\n"say ""x""",\n')
    assert table.to_pydict() == {"name": ["a,b", 'say "x"'], "flag": ["one\ntwo", None]}


def test_line_ends_in_cells_may_fall_anywhere(read, monkeypatch):
    monkeypatch.setattr(xsift.read.flat, "_BLOCK", 4096)
    cells = [f"{i}\n" * 3 for i in range(5000)]
    table = read("name,x\n" + "".join(f'"{c}",1\n' for c in cells))
    assert table["name"].to_pylist() == cells


def test_a_cell_of_megabytes(read):
    assert read(f"name,x\na,1\n{'z' * 3_000_000},2\n")["x"].to_pylist() == [1, 2]


def test_kinds_are_found_in_the_whole_column(read):
    """A label that is empty for long, and a late fraction, are neither null nor an error."""
    n = 300_000
    rows = [f"{i},0," for i in range(n)] + ["x,0.5,QSO"]
    table = read("name,var_prob_b,label\n" + "\n".join(rows))
    assert table.slice(n).to_pydict() == {"name": ["x"], "var_prob_b": [0.5], "label": ["QSO"]}


def test_infinities_are_numbers(read):
    assert read("name,ra\na,inf\nb,-inf\n")["ra"].to_pylist() == [float("inf"), float("-inf")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN.encode("utf-16"), "UTF-16 text: save the file as UTF-8"),
        ("name,ra\né,1\n".encode("latin-1"), r"line 2 is not UTF-8 text: save"),
        (b"name\n" + b"a\n" * 600_000 + b"\xe9\n", "column name is not UTF-8: save"),
        ("1,2,3\n4,5,6\n", "the first line must name the columns, but holds '1'"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2,3\n", "not a table of values: .*Expected 2 columns, got 3"),
        ("# only\n# comments\n", "no header line"),
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
)
def test_refused(read, content, said):
    with pytest.raises(TableError, match=r"t\.csv: .*" + said) as caught:
        read(content)
    assert "\n" not in str(caught.value)


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


def test_parquet_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(xsift.read.flat, "MAX_BYTES", 1 << 20)
    pq.write_table(pa.table({"ra": pa.repeat(1.0, 1 << 18)}), tmp_path / "b.parquet")
    with pytest.raises(TableError, match="262,144 rows of 1 columns are more than"):
        read_table(tmp_path / "b.parquet")


def parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_parquet_reads_what_is_asked_for_in_any_case(tmp_path):
    path = tmp_path / "t"
    columns = {" RA": [1.0], "other": [2.0], "deep": [[1, 2]]}
    path.write_bytes(gzip.compress(parquet(pa.table(columns))))
    assert read_table(path, ["ra"])[0].to_pydict() == {" RA": [1.0]}
    assert read_table(path)[0].column_names == [" RA", "other"]


def test_parquet_cut_off_anywhere_is_refused(read, small_table):
    whole = parquet(small_table)
    for end in range(4, len(whole), 4999):
        with pytest.raises(TableError, match="not a whole Parquet file"):
            read(whole[:end])


WHOLE = parquet(pa.table({"name": ["a", "b"], "ra": [1.0, None]}))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, len(WHOLE) - 1), new=st.binary(min_size=1, max_size=12))
def test_any_change_of_parquet_gives_a_table_or_an_error_of_ours(read, or_refused, at, new):
    table = or_refused(lambda: read(WHOLE[:at] + new + WHOLE[at + len(new) :]))
    assert table is None or table.num_rows <= 1000


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda t: t.encode())))
def test_any_bytes_give_a_table_or_an_error_of_ours(read, or_refused, content):
    table = or_refused(lambda: read(content))
    assert table is None or table.num_columns >= 1
