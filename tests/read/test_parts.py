"""A table in parts: the same rows however it is cut, and one line for whatever is wrong."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.errors import TableError
from xsift.read import parts_of
from xsift.read.parts import goes_in_parts

N = 1000


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "name": [f"source {k % 300}" for k in range(N)],
            "ra": rng.uniform(0, 360, N),
            "bb_kt": pa.array(
                np.where(rng.random(N) < 0.2, np.nan, rng.random(N)), from_pandas=True
            ),
            "n": np.arange(N),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    """One file, 24 files, row groups of several sizes."""
    folder = tmp_path_factory.mktemp("parts")
    for rows in (1, 7, 333, 5000):
        pq.write_table(table, folder / f"by{rows}.parquet", row_group_size=rows)
    write_files(folder / "many", table, 24)
    return folder


def write_files(folder, table, n):
    folder.mkdir(exist_ok=True)
    ends = np.linspace(0, table.num_rows, n + 1).astype(int)
    for k, (start, end) in enumerate(itertools.pairwise(ends)):
        pq.write_table(
            table.slice(start, end - start), folder / f"p{k:02}.parquet", row_group_size=9
        )


def rows_of(parts, *chosen):
    read = parts.read(*chosen)
    return pa.concat_tables([found.table for _, found in read])


@pytest.mark.parametrize("rows", [1, 64, 999, 1000, 5000])
@pytest.mark.parametrize("what", ["by1.parquet", "by7.parquet", "by333.parquet", "by5000.parquet"])
def test_rows_of_a_file(folder, table, what, rows):
    if rows == 1 and what != "by333.parquet":
        pytest.skip("one by one takes long")
    parts = parts_of(folder / what, rows)
    assert [p.n_rows for p in parts.parts[:-1]] == [rows] * (len(parts.parts) - 1)
    assert [p.first for p in parts.parts] == list(range(0, N, rows))
    assert rows_of(parts).equals(table)


@pytest.mark.parametrize("what", ["many", "many/p*.parquet"])
def test_rows_of_a_folder_and_a_pattern(folder, table, what):
    parts = parts_of(folder / what, 64)
    assert rows_of(parts).equals(table)
    assert rows_of(parts, ["n"]).equals(table.select(["n"]))
    last = rows_of(parts, None, [3, 4, 9])
    assert last["n"].to_pylist() == [*range(192, 320), *range(576, 640)]


def test_a_row_group_larger_than_a_part_is_read_from_its_middle(folder, table):
    parts = parts_of(folder / "by5000.parquet", 64)
    assert rows_of(parts, None, [5]).equals(table.slice(320, 64))


def test_hats(tmp_path, table):
    of_hats = table.append_column("_healpix_29", pa.array(np.arange(N)))
    catalogue = tmp_path / "sky" / "det"
    for order, number in ((1, 3), (2, 2)):
        place = catalogue / f"dataset/Norder={order}/Dir=0/Npix={number}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(of_hats.slice(100 * number, 100), place)
    pq.write_metadata(of_hats.schema, catalogue / "dataset/_common_metadata")
    pq.write_table(of_hats, catalogue / "data_thumbnail.parquet")
    (catalogue / "hats.properties").write_text("dataproduct_type=source\nhats_nrows = 300\n")
    (tmp_path / "sky/collection.properties").write_text("# a\nhats_primary_table_url=det\n")
    margin = tmp_path / "sky" / "margin"
    (margin / "dataset").mkdir(parents=True)
    (margin / "properties").write_text("dataproduct_type=margin\n")
    for path in (catalogue, tmp_path / "sky"):
        parts = parts_of(path)
        assert parts.columns == ("name", "ra", "bb_kt", "n")
        assert rows_of(parts)["n"].to_pylist() == [*range(300, 400), *range(200, 300)]
    with pytest.raises(TableError, match=r"margin: the margin of a HATS catalogue: give the cat"):
        parts_of(margin)
    (tmp_path / "sky/collection.properties").write_text("hats_primary_table_url=../../etc\n")
    with pytest.raises(TableError, match=r"hats_primary_table_url '../../etc' names no folder"):
        parts_of(tmp_path / "sky")


@pytest.fixture
def memory():
    """A file system of fsspec's, which no other process sees."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


@pytest.mark.parametrize("what", ["by333.parquet", "many", "many/p*.parquet", "sky", "collection"])
def test_addresses(folder, table, memory, what):
    memory.put(str(folder / "by333.parquet"), "/t/by333.parquet")
    memory.put(f"{folder}/many/", "/t/many/", recursive=True)
    memory.put(f"{folder}/many/", "/t/sky/dataset/Norder=1/Dir=0/Npix=3.parquet/", recursive=True)
    memory.pipe("/t/sky/hats.properties", b"dataproduct_type=source\n")
    memory.copy("/t/sky", "/t/collection/det", recursive=True)
    memory.pipe("/t/collection/collection.properties", b"hats_primary_table_url=det\n")
    parts = parts_of(f"memory://t/{what}" + "/" * (what == "many"), 300)
    assert rows_of(parts).equals(table)
    assert parts.paths == ()
    assert str(parts).startswith(f"memory://t/{what}")
    assert goes_in_parts(str(parts))


def test_an_address_that_leads_out(memory):
    memory.pipe("/t/c/collection.properties", b"hats_primary_table_url=../other\n")
    memory.pipe("/t/other/hats.properties", b"dataproduct_type=source\n")
    with pytest.raises(TableError, match=r"hats_primary_table_url '../other' names no folder"):
        parts_of("memory://t/c")


def test_damage_at_an_address(folder, memory):
    content = (folder / "by333.parquet").read_bytes()
    memory.pipe("/t/a.parquet", content[:-9])
    with pytest.raises(TableError, match=r"memory://t/a.parquet: not a whole Parquet file"):
        parts_of("memory://t/a.parquet")
    memory.pipe("/t/a.parquet", content)
    parts = parts_of("memory://t/a.parquet")
    memory.rm("/t/a.parquet")
    ((_, found),) = parts.read()
    assert "memory://t/a.parquet: cannot be read: No such file" in str(found)


def test_no_table(tmp_path, folder):
    for path, said in (
        ("nothing://bucket/table", "table: cannot be read: Unsupported filesystem: 'nothing'"),
        ("http://127.0.0.1:9/a.parquet", "a.parquet: cannot be read: .*127.0.0.1"),
        ("http://127.0.0.1:9/*.parquet", "parquet: cannot be read: .*127.0.0.1"),
        ("memory://no/such", "cannot be read: "),
        ("memory://no/*.parquet", "no file has such a name"),
        (tmp_path / "*.parquet", "no file has such a name"),
        (tmp_path, "no Parquet files here"),
        (tmp_path / "none.parquet", "cannot be read: No such file"),
    ):
        with pytest.raises(TableError, match=said):
            parts_of(path)
    (tmp_path / "a.parquet").write_bytes(b"name,ra\n1,2\n")
    with pytest.raises(TableError, match=r"a.parquet: not a Parquet file: tables in parts are of"):
        parts_of(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PARE")
    with pytest.raises(TableError, match=r"a.parquet: an encrypted Parquet file: decrypt it"):
        parts_of(tmp_path)
    pq.write_table(pa.table({"name": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(TableError, match=r"the table has no rows"):
        parts_of(tmp_path)


def with_unit(table, name, unit):
    at = table.column_names.index(name)
    field = table.schema.field(at).with_metadata({"unit": unit})
    return table.set_column(at, field, table.column(at))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["ra"]), "p00.parquet has a column ra, and p05.parquet has none"),
        (
            lambda t: t.append_column("dec", t["ra"]),
            "p05.parquet has a column dec, and p00.parquet has none",
        ),
        (
            lambda t: t.set_column(3, "n", t["n"].cast(pa.int32())),
            "column n holds int32 in p05.parquet, and int64 in p00.parquet",
        ),
        (
            lambda t: with_unit(t, "bb_kt", "eV"),
            "column bb_kt is declared in eV in p05.parquet, and no unit in p00.parquet",
        ),
    ],
)
def test_files_that_differ_are_named(tmp_path, table, change, said):
    write_files(tmp_path, table, 8)
    file = tmp_path / "p05.parquet"
    pq.write_table(change(pq.read_table(file)), file)
    with pytest.raises(TableError, match=f"p05.parquet and .*p00.parquet are no parts.*: {said}"):
        parts_of(tmp_path)


def test_text_is_text_however_it_is_stored(tmp_path, table):
    write_files(tmp_path, table, 3)
    file = tmp_path / "p01.parquet"
    one = pq.read_table(file)
    for kind in (pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        pq.write_table(one.set_column(0, "name", one["name"].cast(kind)), file)
        assert rows_of(parts_of(tmp_path, 77)).equals(table)


def test_a_file_that_is_cut_off_is_named(tmp_path, table):
    write_files(tmp_path, table, 4)
    file = tmp_path / "p02.parquet"
    whole = file.read_bytes()
    for end in (5, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:end])
        with pytest.raises(TableError, match=r"p02.parquet: not a whole Parquet file: .*cut off"):
            parts_of(tmp_path)


def test_a_damaged_part_is_named_and_the_others_are_read(tmp_path, table):
    write_files(tmp_path, table, 4)
    file = tmp_path / "p02.parquet"
    content = bytearray(file.read_bytes())
    content[4:60] = b"\xff" * 56
    file.write_bytes(content)
    found = [table for _, table in parts_of(tmp_path, 250).read()]
    assert [isinstance(f, TableError) for f in found] == [False, False, True, False]
    assert "p02.parquet: not a whole Parquet file" in str(found[2])


def test_a_bomb_is_refused(tmp_path):
    many = pa.table({"name": pa.array(["x" * 900_000] * 1300).dictionary_encode()})
    pq.write_table(many, tmp_path / "bomb.parquet", compression="zstd")
    ((_, found),) = parts_of(tmp_path / "bomb.parquet").read()
    assert isinstance(found, TableError)
    assert "at most 1 GiB are read at once: its cells are too long" in str(found)


def test_a_page_that_is_too_large_is_refused(tmp_path, table, monkeypatch):
    monkeypatch.setattr("xsift.read.cursor._PAGE", 1 << 16)
    numbers = pa.table({"x": np.random.default_rng(0).random(500_000)})
    pq.write_table(numbers, tmp_path / "a.parquet", use_dictionary=False)
    _, found = next(iter(parts_of(tmp_path / "a.parquet").read()))
    assert "column x has a page of 0 MiB, and at most 0 MiB are read at once" in str(found)


def test_a_long_cell_is_refused(tmp_path):
    pq.write_table(pa.table({"name": ["a", "x" * 1_000_001]}), tmp_path / "a.parquet")
    ((_, found),) = parts_of(tmp_path / "a.parquet").read()
    assert "column name, row 2: a cell of 1,000,001 bytes" in str(found)


def test_masks(tmp_path):
    masked = pa.table({"x": [1.0, 2.0], "x.mask": [False, True]})
    pq.write_table(masked, tmp_path / "a.parquet")
    assert rows_of(parts_of(tmp_path)).to_pydict() == {"x": [1.0, None]}
    words = masked.set_column(1, "x.mask", pa.array(["True", None]))
    pq.write_table(words, tmp_path / "a.parquet")
    ((_, found),) = parts_of(tmp_path).read()
    assert "column x.mask holds text: in a table that is read in parts, a mask is" in str(found)


def test_two_columns_of_one_name(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(TableError, match=r"a.parquet: two columns are called x: keep one"):
        parts_of(tmp_path)


def test_which_tables_go_in_parts(tmp_path, folder, monkeypatch):
    file = folder / "by333.parquet"
    assert not goes_in_parts(file)
    assert goes_in_parts(folder)
    assert goes_in_parts(f"{folder}/*.parquet")
    assert goes_in_parts("s3://x")
    assert not goes_in_parts(tmp_path / "none")
    monkeypatch.setattr("xsift.read.parts._MANY", N - 1)
    assert goes_in_parts(file)
    monkeypatch.setattr("xsift.read.parts._MANY", N)
    assert not goes_in_parts(file)
    monkeypatch.setattr("xsift.read.parts._LARGE", 100)
    assert goes_in_parts(file)
    (tmp_path / "a.csv").write_text("name\n1\n" * 100)
    assert not goes_in_parts(tmp_path / "a.csv")
