"""A table in parts gives the rows of the table in memory, to the bit, whatever stops it."""

import itertools
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from same_bits import bits

from xsift import Settings, classify, open_catalogue
from xsift.errors import ModelError, OutputError, SettingError, TableError
from xsift.pipeline.buckets import Ranges
from xsift.pipeline.stream import classify_stream
from xsift.read import Look, parts_of
from xsift.read.look import ColumnLook
from xsift.write.hats import in_one, write_hats

N = 1000
ROWS = {"rows": 150, "bucket_rows": 180}


def assert_same(folder, whole, order=None):
    found = open_catalogue(folder)
    for one, other in ((found.detections, whole.detections), (found.sources, whole.sources)):
        assert one.column_names == other.column_names
        assert one.schema.types == other.schema.types
        assert [f.metadata or {} for f in one.schema] == [f.metadata or {} for f in other.schema]
    a, b = bits(found.detections), bits(whole.detections)
    if order:
        a, b = (t.sort_by([(k, "ascending") for k in order]) for t in (a, b))
    assert a.equals(b)
    assert bits(found.sources).equals(bits(whole.sources))


def said(record):
    """What run.json says that does not tell in which files the table lay."""
    of_files = ("about", "input", "input_sha256", "run_id", "created", "parts")
    said = {key: value for key, value in record.items() if key not in of_files}
    where = "/one.parquet", "/many/p*.parquet", "/many"
    for name in where:
        said["warnings"] = [note.replace(name, "/") for note in said["warnings"]]
    return said


@pytest.fixture(scope="module")
def table(table_of, with_limits):
    """Detections of which nearly everything differs from part to part.

    Without observations and limits at first, with gaps in a third of the rows, names that are
    missing, rows in disorder.
    """
    rng = np.random.default_rng(5)
    rows = table_of(N, seed=7).drop_columns(["label"])
    rows = with_limits(rows, np.where(np.arange(N) < 700, np.nan, 40.0))
    rows = rows.set_column(1, "obsid", pa.array(np.arange(N) % 2, mask=np.arange(N) < 200))
    newq = np.where(np.arange(N) < 350, np.nan, rows["var_newq_b"].to_numpy())
    at = rows.column_names.index("var_newq_b")
    rows = rows.set_column(at, "var_newq_b", pa.array(newq, from_pandas=True))
    name = rng.permutation(rows["name"].to_numpy(zero_copy_only=False))
    name[::97] = None
    rows = rows.set_column(0, "name", pa.array(name, pa.string()))
    return rows.append_column("mine", pa.array(rng.integers(0, 9, N)))


def write_files(folder, table, n):
    folder.mkdir()
    ends = np.linspace(0, table.num_rows, n + 1).astype(int)
    for k, (start, end) in enumerate(itertools.pairwise(ends)):
        pq.write_table(table.slice(start, end - start), folder / f"p{k:02}.parquet")


@pytest.fixture(scope="module")
def tables(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("stream")
    pq.write_table(table, folder / "one.parquet", row_group_size=77)
    write_files(folder / "many", table, 24)
    return folder


@pytest.fixture(scope="module")
def whole(tables):
    return classify(tables / "one.parquet", settings=Settings(keep=["mine"]))


@pytest.mark.parametrize("what", ["one.parquet", "many", "many/p*.parquet"])
@pytest.mark.parametrize("rows", [{"rows": 37, "bucket_rows": 10_000}, ROWS])
def test_rows_are_those_of_the_table_in_memory(tables, whole, tmp_path, what, rows):
    if rows["rows"] == 37 and what != "one.parquet":
        pytest.skip("small parts are slow")
    found = classify_stream(tables / what, None, Settings(keep=["mine"]), tmp_path / "out", **rows)
    assert_same(tmp_path / "out", whole)
    assert found.record["model_choice"] == whole.record["model_choice"]
    assert said(found.record) == said(whole.record)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "detections",
        "model.asdf",
        "run.json",
        "sources",
        "xsift-files.json",
    ]


@pytest.mark.parametrize("names", ["whole", "one odd"])
def test_names_that_are_numbers(table, tmp_path, names):
    rng = np.random.default_rng(1)
    name = [str(k) for k in rng.integers(0, 400, N)]
    if names == "one odd":
        name[-1] = "007"
    numbered = table.set_column(0, "name", pa.array(name))
    pq.write_table(numbered, tmp_path / "table.parquet")
    whole = classify(tmp_path / "table.parquet")
    classify_stream(tmp_path / "table.parquet", None, Settings(), tmp_path / "out", **ROWS)
    assert_same(tmp_path / "out", whole)


@pytest.mark.parametrize("model", ["csc21", "csc20"])
def test_a_named_model(tables, tmp_path, model):
    whole = classify(tables / "one.parquet", model)
    classify_stream(tables / "one.parquet", model, Settings(), tmp_path / "out", **ROWS)
    assert_same(tmp_path / "out", whole)


def test_a_column_that_is_wrong_in_a_part_alone(table, tmp_path):
    gamma = table["powlaw_gamma"].to_numpy().copy()
    gamma[:150] = -np.abs(gamma[:150]) - 1e6
    dec = np.where(np.arange(N) < 900, 500.0, table["dec"].to_numpy())
    for name, values in (("powlaw_gamma", gamma), ("dec", dec)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, tmp_path / "table.parquet")
    whole = classify(tmp_path / "table.parquet")
    found = classify_stream(tmp_path / "table.parquet", None, Settings(), tmp_path / "out", **ROWS)
    assert_same(tmp_path / "out", whole)
    assert "dec" not in whole.detections.column_names
    (said,) = (note for note in whole.record["warnings"] if "the column is left out" in note)
    assert said in found.record["warnings"]


def test_hats_gives_the_same_rows(table, tmp_path):
    pytest.importorskip("hats", reason="hats is not installed: it writes HATS")

    keys = pa.array([f"source {k // 3}" for k in range(N)]), pa.array(np.arange(N))
    table = table.set_column(0, "name", keys[0]).set_column(1, "obsid", keys[1])
    rng = np.random.default_rng(2)
    for name, values in (("ra", rng.uniform(0, 360, N)), ("dec", rng.uniform(-90, 90, N))):
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, tmp_path / "table.parquet")
    (tmp_path / "rows").mkdir()
    write_hats(in_one(table), tmp_path / "hats", "x", tmp_path / "rows", "source", {}, 90)
    whole = classify(tmp_path / "table.parquet")
    classify_stream(tmp_path / "hats", None, Settings(keep="all"), tmp_path / "all", **ROWS)
    assert "_healpix_29" not in open_catalogue(tmp_path / "all").detections.column_names
    classify_stream(tmp_path / "hats", None, Settings(), tmp_path / "out", **ROWS)
    assert_same(tmp_path / "out", whole, order=["name", "obsid"])


def test_a_source_over_a_pole_ra_0_or_an_edge_is_voted_whole(table, tmp_path):
    """Its detections lie in several files of HATS."""
    n = N // 2
    kind, sign = np.arange(n) % 3, np.tile([1.0, -1.0], n // 2)
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(0, 180, n), rng.uniform(-80, 80, n)
    ra[kind == 1], dec[kind == 1] = 1e-4, 60.0
    dec[kind == 0] = 90.0 - 1e-4
    two = np.concatenate([ra, np.where(kind == 1, 360 - ra, np.where(kind == 0, ra + 180, ra))])
    dec = np.concatenate([dec * sign, dec * sign])
    dec[n:][kind == 2] += 1.0
    name = [f"{['pole', 'RA 0', 'anywhere'][k]} {i}" for i, k in enumerate(kind)] * 2
    for at, values in (("ra", two), ("dec", dec), ("name", name), ("obsid", np.arange(N))):
        table = table.set_column(table.column_names.index(at), at, pa.array(values))
    (tmp_path / "rows").mkdir()
    write_hats(in_one(table), tmp_path / "hats", "x", tmp_path / "rows", "source", {}, 30)
    files = {}
    for path in (tmp_path / "hats/x/dataset").rglob("Npix=*.parquet"):
        for one in pq.read_table(path, partitioning=None)["name"].to_pylist():
            files.setdefault(one, set()).add(path)
    parted = {k.rsplit(" ", 1)[0] for k, places in files.items() if len(places) > 1}
    assert parted == {"pole", "RA 0", "anywhere"}
    pq.write_table(table, tmp_path / "table.parquet")
    whole = classify(tmp_path / "table.parquet")
    classify_stream(tmp_path / "hats", None, Settings(), tmp_path / "out", **ROWS)
    assert_same(tmp_path / "out", whole, order=["name", "obsid"])


def test_a_table_of_one_part_is_written_as_any_other(tables, tmp_path):
    found = classify_stream(tables / "many", None, Settings(), tmp_path)
    assert {"detections.parquet", "sources.parquet", "sources.vot"} <= set(os.listdir(tmp_path))
    assert_same(tmp_path, classify(tables / "one.parquet"))
    assert sum(found.sources.values()) == found.record["counts"]["sources"]


def test_other_formats_are_refused(tables, tmp_path):
    with pytest.raises(SettingError, match=r"formats votable: .*many has 1,000 rows and is class"):
        classify_stream(tables / "many", None, Settings(), tmp_path, ("votable",), **ROWS)


class StopError(Exception):
    """What stops a work."""


def stopping(step, at):
    """Tell that stops a work when `at` rows of a step are done."""

    def tell(now, done, total):
        if now == step and done >= at:
            raise StopError(f"{done} of {total}")

    return tell


@pytest.mark.parametrize("step", ["looking at the table", "classifying", "voting"])
def test_a_stopped_run_goes_on(tables, whole, tmp_path, step):
    settings = Settings(keep=["mine"])
    told = []
    one = tables / "one.parquet"
    for at in (1, 300, 600, 900) if step == "classifying" else (1,):
        with pytest.raises(StopError, match=r"of"):
            classify_stream(one, None, settings, tmp_path, tell=stopping(step, at), **ROWS)
        assert [p.name for p in tmp_path.iterdir()] == [".xsift-run"]
    classify_stream(
        tables / "one.parquet", None, settings, tmp_path, tell=lambda *a: told.append(a), **ROWS
    )
    assert_same(tmp_path, whole)
    assert not (tmp_path / ".xsift-run").exists()
    if step == "classifying":
        assert ("looking at the table", 150, N) not in told
        assert [done for now, done, _ in told if now == step] == [900, N]


KILLED = """
import os, signal, sys
from xsift import Settings
from xsift.pipeline.stream import classify_stream
def tell(step, done, total):
    if step == "classifying" and done >= 450:
        os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(keep=["mine"])
classify_stream(sys.argv[1], None, settings, sys.argv[2], None, tell, rows=150, bucket_rows=180)
"""


def test_a_killed_run_goes_on(tables, whole, tmp_path):
    command = [sys.executable, "-c", KILLED, tables / "one.parquet", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (work,) = (tmp_path / ".xsift-run").glob("work-*")
    # The half of a part that was being written when the power went.
    (work / "detections/part-00003.parquet").write_bytes(b"PAR1")
    (work / "steps/part-00001.json").write_text("{")
    told = []
    classify_stream(
        tables / "one.parquet",
        None,
        Settings(keep=["mine"]),
        tmp_path,
        tell=lambda *a: told.append(a),
        **ROWS,
    )
    assert_same(tmp_path, whole)
    assert [done for step, done, _ in told if step == "classifying"] == [300, 450, 600, 750, 900, N]


def test_another_model_starts_anew_and_says_so(tables, tmp_path):
    one = tables / "one.parquet"
    with pytest.raises(StopError):
        classify_stream(one, "csc20", Settings(), tmp_path, tell=stopping("voting", 1), **ROWS)
    found = classify_stream(one, "csc21", Settings(), tmp_path, **ROWS)
    assert any(
        "was of another table, model, setting or version" in n for n in found.record["warnings"]
    )
    assert_same(tmp_path, classify(one, "csc21"))
    again = classify_stream(one, "csc21", Settings(), tmp_path, **ROWS)
    assert not any("starts anew" in n for n in again.record["warnings"])


def test_a_damaged_part_keeps_the_others(tables, whole, tmp_path, monkeypatch):
    shutil.copytree(tables / "many", tmp_path / "many")
    settings = Settings(keep=["mine"])
    with pytest.raises(StopError):
        classify_stream(
            tmp_path / "many",
            None,
            settings,
            tmp_path / "out",
            tell=stopping("classifying", 0),
            **ROWS,
        )
    file = tmp_path / "many/p05.parquet"
    content = file.read_bytes()
    damaged = bytearray(content)
    damaged[4:200] = b"\xff" * 196
    file.write_bytes(damaged)
    with pytest.raises(
        TableError, match=r"p05.parquet: not a whole Parquet .*; what could be read"
    ) as e:
        classify_stream(tmp_path / "many", None, settings, tmp_path / "out", **ROWS)
    assert "\n" not in str(e.value)
    file.write_bytes(content)
    told = []
    classify_stream(
        tmp_path / "many",
        None,
        settings,
        tmp_path / "out",
        tell=lambda *a: told.append(a),
        **ROWS,
    )
    assert [done for step, done, _ in told if step == "classifying"] == [N - 150, N]
    assert_same(tmp_path / "out", whole)


def test_a_full_disk(tables, whole, tmp_path, monkeypatch):
    from xsift.pipeline import classified

    write, n = classified.write_table, [0]

    def full(*arguments):
        n[0] += 1
        if n[0] == 4:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(classified, "write_table", full)
    settings = Settings(keep=["mine"])
    with pytest.raises(OutputError, match=r"No space left on device; what was there.*repeat the"):
        classify_stream(tables / "one.parquet", None, settings, tmp_path, **ROWS)
    told = []
    classify_stream(
        tables / "one.parquet", None, settings, tmp_path, tell=lambda *a: told.append(a), **ROWS
    )
    assert next(done for step, done, _ in told if step == "classifying") == 450
    assert_same(tmp_path, whole)


def test_two_runs_at_once(tables, tmp_path):
    def tell(step, done, total):
        with pytest.raises(OutputError, match=r"another run of xsift is writing here"):
            classify_stream(tables / "one.parquet", None, Settings(), tmp_path, **ROWS)
        raise StopError

    with pytest.raises(StopError):
        classify_stream(tables / "one.parquet", None, Settings(), tmp_path, tell=tell, **ROWS)


def test_a_smaller_result_leaves_no_parts_of_a_larger_one(tables, tmp_path):
    classify_stream(tables / "one.parquet", "csc20", Settings(), tmp_path, rows=50)
    classify_stream(tables / "one.parquet", "csc20", Settings(), tmp_path, **ROWS)
    assert len(list((tmp_path / "detections").iterdir())) == 7
    classify(tables / "one.parquet", "csc20").write(tmp_path)
    assert not (tmp_path / "detections").exists()
    assert not (tmp_path / "sources").exists()


def test_what_is_wrong_is_said_in_a_line(table, tmp_path, or_refused):
    path = tmp_path / "table.parquet"

    def refused(changed, said, **settings):
        pq.write_table(changed, path)
        with pytest.raises(TableError, match=said):
            classify_stream(path, None, Settings(**settings), tmp_path / "out", **ROWS)
        assert not list((tmp_path / "out").glob("*.json"))

    odd = np.arange(N) + 0.0
    odd[777] = 0.5
    refused(
        table.set_column(0, "name", pa.array(odd)),
        r"column name, row 778: 0.5 is no name: a source column holds",
    )
    refused(table.set_column(0, "name", pa.nulls(N, pa.string())), r"name is empty in every row")
    refused(table.drop_columns(["name"]), r"missing column name")
    refused(table, r"missing column yours", keep=["yours"])
    refused(
        table.set_column(table.column_names.index("ra"), "ra", pa.array(["00 42 44.3"] * N)),
        r"column ra holds text: in a table that is read in parts, positions are numbers",
    )
    bad = table.set_column(table.column_names.index("bb_kt"), "bb_kt", pa.array([-5.0] * N))
    refused(bad, r"column bb_kt: 1,000 of 1,000 values are not .* \(row 1: -5\): another unit or")
    with pytest.raises(ModelError, match=r"no such file"):
        classify_stream(path, "none.asdf", Settings(), tmp_path / "out", **ROWS)


def test_rows_of_several_files_are_named_in_their_file(table, tmp_path):
    odd = np.arange(N) + 0.0
    odd[777] = 0.5
    write_files(tmp_path / "many", table.set_column(0, "name", pa.array(odd)), 10)
    with pytest.raises(TableError, match=r"row 778 \(row 78 of .*p07.parquet\): 0.5 is no name"):
        classify_stream(tmp_path / "many", None, Settings(), tmp_path / "out", **ROWS)


def test_from_python(tables, tmp_path, whole, monkeypatch):
    many = tables / "many"
    with pytest.raises(SettingError, match=r"many: a table that is read in parts, .* give out, a"):
        classify(many)
    monkeypatch.setattr("xsift.pipeline.stream.parts_of", lambda path, _: parts_of(path, 150))
    told = []
    found = classify(many, keep=["mine"], out=tmp_path / "a", progress=told.append)
    assert "classifying: 1,000 of 1,000" in told
    assert found.sources.equals(whole.sources.cast(found.sources.schema))
    assert_same(tmp_path / "a", whole)
    small = classify(tables / "one.parquet", keep=["mine"], out=tmp_path / "b")
    assert small.detections.equals(whole.detections)
    assert_same(tmp_path / "b", whole)


def test_the_commands_open_it(tables, tmp_path, xsift, whole, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr("xsift.pipeline.stream.parts_of", lambda path, _: parts_of(path, 150))
    said = xsift("classify", tables / "many", "--out", out, "--keep", "mine")
    assert said.status == 0, said.err
    assert "1,000  detections read" in said.out
    assert (out / "sources/part-00000.parquet").exists()
    assert_same(out, whole)
    name = whole.sources["name"][3].as_py()
    said = xsift("show", name, "--catalogue", out)
    assert said.status == 0, said.err
    assert name in said.out
    assert xsift("show", name, "--catalogue", out, "--json").out
    said = xsift("report", out, "--out", tmp_path / "report")
    assert said.status == 0, said.err
    said = xsift("publish", out, "--out", tmp_path / "public")
    assert said.status == 1
    assert "a table of several files, of which xsift cannot" in said.err
    said = xsift("classify", tables / "many", "--out", out, "--format", "fits")
    assert said.status == 2
    assert "leave --format out" in said.err
    said = xsift("classify", tables / "many", "--out", tmp_path / "json", "--json")
    assert '{"step": "classifying", "done": 1000, "total": 1000}' in said.err


@pytest.mark.parametrize("cuts", [[500], [1, 2, 999], [250, 251, 700]])
def test_looks_add_up_in_any_order(cuts):
    rng = np.random.default_rng(0)
    whole = [one_look(int(k)) for k in rng.integers(0, 50, N)]
    ends = [0, *cuts, N]
    parts = [sum(whole[a:b], Look()) for a, b in itertools.pairwise(ends)]
    one = sum(whole, Look())
    assert sum(parts, Look()) == sum(reversed(parts), Look()) == one
    assert Look.model_validate_json(one.model_dump_json()) == one


def one_look(k):
    column = ColumnLook(
        n_rows=1,
        n_values=k % 2,
        n_bad=k % 3,
        first_bad=(k, float(k)) if k % 3 else None,
        marks={-9.0: 1} if k % 7 == 0 else {},
        repeated={-float(k): 1},
    )
    return Look(
        n_rows=1,
        columns={f"c{k % 4}": column},
        names_are_whole=k > 2,
        n_told=k % 2,
        names={str(k): (k * 7919 % 101, 1)},
    )


def test_ranges_hold_about_as_many_rows_each():
    names = {f"n{k:03}": (k, 1 + k % 3) for k in range(200)}
    look = Look(
        n_rows=1, names=names, columns={"name": ColumnLook(n_values=4000)}, names_are_whole=False
    )
    ranges = Ranges.of(look, 500)
    assert len(ranges) == 8
    bucket = ranges.of_names(pa.chunked_array([sorted(names)]))
    assert (np.diff(bucket) >= 0).all()
    rows = np.bincount(bucket, weights=[names[n][1] for n in sorted(names)])
    assert rows.max() < 1.3 * rows.min()
    nine = {"name": ColumnLook(n_values=9)}
    one = Look(n_rows=1, names={"a": (1, 9)}, columns=nine, names_are_whole=False)
    assert len(Ranges.of(one, 2)) <= 2
