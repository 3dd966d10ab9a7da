"""Parquet: masks, units, kinds of columns; damaged files and such that expand."""

import base64
import datetime
import decimal
import gzip
import io
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, QTable
from astropy.units import Quantity
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xsift.read.parquet
from xsift.errors import TableError, XsiftWarning
from xsift.read import read_table
from xsift.read.parquet import read_parquet
from xsift.read.source import Source
from xsift.read.unreadable import why_unreadable


def parquet(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def read(content, columns=None):
    return read_parquet(Source("t.parquet", "parquet", content, ""), columns)


def units(table):
    return {f.name: f.metadata[b"unit"].decode() for f in table.schema if f.metadata}


def test_reads_what_is_asked_for_in_any_case(tmp_path):
    path = tmp_path / "t"
    columns = {" RA": [1.0], "other": [2.0], "bb_kt [keV]": [3.0], "Dec (deg)": [4.0]}
    path.write_bytes(gzip.compress(parquet(pa.table(columns))))
    table = read_table(path, ["ra", "bb_kt", "dec"])[0]
    assert table.column_names == [" RA", "bb_kt [keV]", "Dec (deg)"]
    assert read_table(path)[0].to_pydict() == columns


def test_doubled_nameless_and_dotted_names():
    arrays = [pa.array([1]), pa.array([2]), pa.array([3]), pa.array([{"p": 4}]), pa.array([5])]
    content = parquet(pa.Table.from_arrays(arrays, ["x", "x", "", "s", "s.p"]))
    assert [c.to_pylist() for c in read(content).columns] == [[1], [2], [3], [None], [5]]
    assert [c.to_pylist() for c in read(content, ["X", "s.p"]).columns] == [[1], [2], [5]]


# What older pyarrow does not know, or cannot write.
NEWER = {}
if int(pa.__version__.partition(".")[0]) >= 25:
    NEWER = {
        "json": (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None])), ["{}", None]),
        "view": (pa.array(["a", None], pa.string_view()), ["a", None]),
    }
KINDS = {
    "large": (pa.array(["a", None], pa.large_string()), ["a", None]),
    "dictionary": (pa.array(["a", None]).dictionary_encode(), ["a", None]),
    "numbers": (pa.array([7, None]).dictionary_encode(), [7, None]),
    "bytes": (pa.array([b"a", None]), [b"a", None]),
    "fixed": (pa.array([b"ab", None], pa.binary(2)), [b"ab", None]),
    "decimal": (pa.array([decimal.Decimal("1.5"), None]), [decimal.Decimal("1.5"), None]),
    "date": (pa.array([datetime.date(2020, 1, 1), None]), [datetime.date(2020, 1, 1), None]),
    "bool": (pa.array([True, None]), [True, None]),
    "half": (pa.array([np.float16(1.5), None]), [1.5, None]),
    "large integer": (pa.array([2**64 - 1, None], pa.uint64()), [2**64 - 1, None]),
    "null": (pa.nulls(2), [None, None]),
    "one number each": (pa.array([[1.5], []]), [1.5, None]),
    "one number or null": (pa.array([None, [1.5]]), [None, 1.5]),
    "an array of one": (pa.array([[1], [2]], pa.list_(pa.int64(), 1)), [1, 2]),
    "one text each": (pa.array([["a"], []], pa.large_list(pa.large_string())), ["a", None]),
    **NEWER,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"store_schema": False, "use_dictionary": False}])
def test_kinds_of_columns(kind, options):
    array, wanted = KINDS[kind]
    column = read(parquet(pa.table({"x": array}), row_group_size=1, **options))["x"]
    assert column.to_pylist() == wanted
    assert not pa.types.is_nested(column.type)
    assert not pa.types.is_dictionary(column.type)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (pa.array([[1, 2], [3]]), "lists of several values"),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), "lists of several values"),
        (pa.array([{"p": 1, "q": 2}] * 2), "structures"),
        (pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())), "structures"),
    ],
)
def test_columns_that_hold_more_stay_by_name(cells, said):
    table = read(parquet(pa.table({"a": [1, 2], "x": cells, "z": ["b", "c"]})))
    assert table.to_pydict() == {"a": [1, 2], "x": [None, None], "z": ["b", "c"]}
    assert why_unreadable(table.schema.field("x")) == said


def test_masks_of_astropy():
    columns = {"a": [1.5, 2.5, None], "b": ["x", "y", "z"], "c": [1, 2, 3], "d": [1, 2, 3]}
    masks = {"a.mask": [True, False, None], "b.mask": [False, True, False], "e.mask": [True] * 3}
    table = read(parquet(pa.table({**columns, **masks, "c.mask": [1, 0, 0]})))
    assert table.to_pydict() == {
        "a": [None, 2.5, None],
        "b": ["x", None, "z"],
        "c": [1, 2, 3],
        "d": [1, 2, 3],
        "e.mask": [True] * 3,
        "c.mask": [1, 0, 0],
    }
    some = read(parquet(pa.table({**columns, **masks})), ["B", "d"])
    assert some.to_pydict() == {"b": ["x", None, "z"], "d": [1, 2, 3]}


def test_a_mask_of_a_column_that_may_not_be_null():
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("a.mask", pa.bool_())])
    content = parquet(pa.table([pa.array([1, 2]), pa.array([True, False])], schema=schema))
    assert read(content).to_pydict() == {"a": [None, 2]}


def test_what_astropy_writes(tmp_path):
    table = QTable({"name": ["007", "x"], "kt": Quantity([417.0, 1], "eV")})
    table["ra"] = MaskedColumn([0.5, 1.0], unit="hourangle", mask=[False, True])
    table["flag"] = MaskedColumn(["a", "b"], mask=[True, False])
    table.write(tmp_path / "t.parquet")
    back = read_table(tmp_path / "t.parquet")[0]
    assert back.to_pydict() == {
        "name": ["007", "x"],
        "kt": [417.0, 1.0],
        "ra": [0.5, None],
        "flag": [None, "b"],
    }
    assert units(back) == {"kt": "eV", "ra": "hourangle"}


VOTABLE = '<VOTABLE><RESOURCE><TABLE><FIELD name="kt" unit="{}"/></TABLE></RESOURCE></VOTABLE>'
YAML = "datatype:\n- {{name: kt, unit: {}, datatype: float64}}\n"


def declared(own="", yaml="", votable=""):
    field = pa.field("kt", pa.float64(), metadata={"unit": own} if own else None)
    said = {"table_meta_yaml": YAML.format(yaml)} if yaml else {}
    if votable:
        said["IVOA.VOTable-Parquet.content"] = VOTABLE.format(votable)
    return parquet(pa.table([pa.array([417.0])], schema=pa.schema([field], said)))


@pytest.mark.parametrize(
    ("places", "unit"),
    [
        ({"own": "eV"}, "eV"),
        ({"yaml": "eV"}, "eV"),
        ({"votable": "eV"}, "eV"),
        ({"own": "count/s", "yaml": "ct / s", "votable": "ct.s-1"}, "count/s"),
        ({"yaml": "nonsense", "votable": "nonsense"}, "nonsense"),
    ],
)
def test_units_wherever_they_are_declared(places, unit):
    assert units(read(declared(**places))) == {"kt": unit}


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"own": "keV", "yaml": "eV"}, "'keV' and in 'eV': taken as 'keV'"),
        ({"own": "keV", "yaml": "keV", "votable": "eV"}, "'keV' and in 'eV': taken as 'keV'"),
        ({"yaml": "eV", "votable": "what?"}, "'eV' and in 'what\\?': taken as 'eV'"),
    ],
)
def test_units_that_disagree(places, said):
    with pytest.warns(XsiftWarning, match=r"t\.parquet: column kt is declared in " + said):
        read(declared(**places))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("table_meta_yaml", "a: [", "the header is not YAML: "),
        ("IVOA.VOTable-Parquet.content", "<a>", "the VOTable header is not XML: "),
        ("IVOA.VOTable-Parquet.content", "<!DOCTYPE a><a/>", "document type: refused as unsafe"),
    ],
)
def test_headers_refused(key, value, said):
    content = parquet(pa.table({"kt": [1.0]}).replace_schema_metadata({key: value}))
    with pytest.raises(TableError, match=r"t\.parquet: .*" + said):
        read(content)


class Evil:
    def __reduce__(self):
        return print, ("pwned",)


@pytest.mark.parametrize("name", ["arrow.py_extension_type", "arrow.uuid", "arrow.bool8", "x.y"])
def test_kinds_of_their_own_run_nothing(name, capfd, or_refused):
    """The Arrow schema within the file says what a column is, and may lie."""
    own = {"ARROW:extension:name": name, "ARROW:extension:metadata": pickle.dumps(Evil())}
    schema = pa.schema([pa.field("x", pa.int64(), metadata=own)])
    table = or_refused(lambda: read(parquet(pa.table([pa.array([1])], schema=schema))))
    assert table is None or table.to_pydict() == {"x": [1]}
    assert capfd.readouterr().out == ""


def test_an_arrow_schema_of_other_columns(or_refused):
    other = pa.schema([pa.field("x", pa.list_(pa.string())), pa.field("y", pa.int64())])
    said = base64.b64encode(other.serialize().to_pybytes())
    table = pa.table({"x": [1.0]}).replace_schema_metadata({"ARROW:schema": said})
    back = or_refused(lambda: read(parquet(table, store_schema=False)))
    assert back is None or back.to_pydict() == {"x": [1.0]}


N = 40_000_000
ZEROS = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2_000_000, np.int32)), ["x" * 1000])
BOMBS = {
    "rows": (lambda: {"x": pa.nulls(N, pa.float64())}, "expands to more than 200 times its size"),
    "page": (lambda: {"x": np.zeros(N)}, "expands to more than 200 times its size"),
    "dictionary": (lambda: {"x": ZEROS}, "expands to more than 200 times its size"),
    "cell": (lambda: {"x": ["y", "x" * 3_000_000]}, "column x, row 2: a cell of 3,000,000 bytes"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs(tmp_path, bomb, peak_code):
    """Read in a process of its own, they take no memory to speak of."""
    columns, said = BOMBS[bomb]
    options = {"use_dictionary": bomb != "page", "compression": "zstd"}
    if bomb == "page":
        options |= {"data_page_size": 1 << 30, "row_group_size": N}
    pq.write_table(pa.table(columns()), tmp_path / "b.parquet", **options)
    code = (
        f"{peak_code}\nimport sys, xsift.errors, xsift.read\nbefore = peak()\n"
        "try: xsift.read.read_table(sys.argv[1])\n"
        "except xsift.errors.TableError as error: print(round(peak() - before), error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "b.parquet"], capture_output=True, text=True
    )
    more, _, line = done.stdout.partition(" ")
    assert said in line, done
    assert int(more) < 100


def test_a_table_larger_than_any(monkeypatch):
    monkeypatch.setattr(xsift.read.parquet, "MAX_BYTES", 1 << 20)
    with pytest.raises(TableError, match=r"its columns take 0.0 GiB, more than 0 GiB: split it"):
        read(parquet(pa.table({"ra": pa.repeat(1.0, 1 << 18)})))


def test_text_that_repeats_the_text_before():
    options = {"use_dictionary": False, "column_encoding": {"x": "DELTA_BYTE_ARRAY"}}
    content = parquet(pa.table({"x": ["a", "ab"], "y": [1, 2]}), **options)
    with pytest.raises(TableError, match="column x is packed as DELTA_BYTE_ARRAY, which expands"):
        read(content)
    assert read(content, ["y"]).to_pydict() == {"y": [1, 2]}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_pages_of_every_make(small_table, version, compression):
    options = {"data_page_version": version, "compression": compression, "data_page_size": 512}
    for more in ({}, {"write_page_index": True, "write_page_checksum": True}):
        content = parquet(small_table, row_group_size=250, **options, **more)
        assert read(content).equals(small_table)


def test_no_rows(small_table):
    assert read(parquet(small_table.slice(0, 0))).equals(small_table.slice(0, 0))


def test_encrypted():
    with pytest.raises(TableError, match="an encrypted Parquet file: decrypt it"):
        read(b"PARE" + b"\0" * 100 + b"PARE")


def test_cut_off_anywhere_is_refused(small_table):
    whole = parquet(small_table)
    for end in range(4, len(whole), 4999):
        with pytest.raises(TableError, match="not a whole Parquet file"):
            read(whole[:end])


def test_a_name_that_is_no_text():
    content = parquet(pa.table({"abcdef": [1.0]}), store_schema=False)
    with pytest.raises(TableError, match=r"not a whole Parquet file: .*utf-8"):
        read(content.replace(b"abcdef", b"abc\xffef"))


WHOLE = parquet(
    pa.table({"name": ["a", "b"], "ra": [1.0, None], "l": [[1], [2]]}).replace_schema_metadata(
        {"table_meta_yaml": YAML.format("keV")}
    )
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, len(WHOLE) - 1), new=st.binary(min_size=1, max_size=12))
def test_any_change_gives_a_table_or_an_error_of_ours(or_refused, at, new):
    table = or_refused(lambda: read(WHOLE[:at] + new + WHOLE[at + len(new) :]))
    assert table is None or table.num_rows <= 1000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc here")
def test_no_threads_are_left_that_could_abort_the_process(tmp_path, small_table):
    """Where Arrow's threads still ran at its end, a refused table ended with status 134."""
    pacsv.write_csv(small_table, tmp_path / "t.csv")
    pq.write_table(small_table, tmp_path / "t.parquet")
    code = (
        "import os, sys, xsift.read\n"
        "def threads(): return len(os.listdir('/proc/self/task'))\n"
        "for name in ('t.parquet', 't.csv'):\n"
        "    before = threads()\n"
        "    xsift.read.read_table(os.path.join(sys.argv[1], name))\n"
        "    print(threads() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    # One waits for Ctrl-C while Arrow reads CSV.
    assert done.stdout in ("0\n0\n", "0\n1\n"), done
