"""A table in parts is trained on and classified as the table in memory, to the bit."""

import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from same_bits import bits

from xsift import Settings, open_catalogue, run
from xsift.errors import LabelError, MissingColumnsError, SettingError, TableError
from xsift.pipeline.run_stream import run_stream
from xsift.read import parts_of

pytestmark = pytest.mark.usefixtures("fits_once")

N = 800
ROWS = {"rows": 150, "bucket_rows": 180}


def assert_same(folder, whole):
    found = open_catalogue(folder)
    for one, other in ((found.detections, whole.detections), (found.sources, whole.sources)):
        assert one.column_names == other.column_names
        assert one.schema.types == other.schema.types
        assert [f.metadata or {} for f in one.schema] == [f.metadata or {} for f in other.schema]
        assert bits(one).equals(bits(other))
    assert found.model.model_id == whole.model.model_id
    for name in ("key_columns", "keys", "features"):
        one, other = (getattr(c.model.training_rows, name) for c in (found, whole))
        assert np.array_equal(one, other), name
    assert found.model.training.class_counts == whole.model.training.class_counts
    assert found.model.training.counts == whole.model.training.counts
    said, expected = plain(found.record), plain(whole.record)
    assert said.pop("training_sample")["others"] >= 0
    assert said == expected


def plain(record):
    """What run.json says that does not tell in which files the table lay."""
    of_files = ("about", "input", "input_sha256", "run_id", "created", "parts", "model")
    said = {key: value for key, value in record.items() if key not in of_files}
    for name in ("/one.parquet", "/many"):
        said["warnings"] = [note.replace(name, "/") for note in said["warnings"]]
    said["warnings"].sort()
    return said


@pytest.fixture(scope="module")
def table(table_of, with_limits):
    """Detections of which much differs from part to part: labels only in the first and the last.

    Without observations and limits at first, with gaps in a fifth of the rows, names that are
    missing, and rows in disorder.
    """
    rng = np.random.default_rng(5)
    rows = with_limits(table_of(N, seed=7), np.where(np.arange(N) < 500, np.nan, 40.0))
    rows = rows.set_column(1, "obsid", pa.array(np.arange(N) % 2, mask=np.arange(N) < 200))
    at = rows.column_names.index("bb_kt")
    gaps = np.where(rng.random(N) < 0.2, np.nan, rows["bb_kt"].to_numpy())
    rows = rows.set_column(at, "bb_kt", pa.array(gaps, from_pandas=True))
    label = rows["label"].to_numpy(zero_copy_only=False).copy()
    label[200:600] = None
    label[[3, 60, 700]] = "Star", "SN*", "X"
    at = rows.column_names.index("label")
    rows = rows.set_column(at, "label", pa.array(label, pa.string()))
    rows = rows.append_column("mine", pa.array(rng.integers(0, 9, N)))
    order = rng.permutation(200)
    rows = rows.take(pa.array(np.concatenate([np.arange(600), 600 + order])))
    name = rows["name"].to_numpy(zero_copy_only=False).copy()
    name[::97] = None
    return rows.set_column(0, "name", pa.array(name, pa.string()))


@pytest.fixture(scope="module")
def tables(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("run")
    pq.write_table(table, folder / "one.parquet", row_group_size=77)
    (folder / "many").mkdir()
    ends = np.linspace(0, N, 6).astype(int)
    for k, (start, end) in enumerate(itertools.pairwise(ends)):
        pq.write_table(table.slice(start, end - start), folder / f"many/p{k}.parquet")
    known = table.filter(table["label"].is_valid()).select(["name", "ra", "dec", "label"])
    pq.write_table(known, folder / "known.parquet")
    bare = table.drop_columns(["label"])
    (folder / "bare").mkdir()
    pq.write_table(bare, folder / "bare/one.parquet")
    return folder


BY_COLUMN = {"label_column": "label", "keep": ["mine"]}


@pytest.fixture(scope="module")
def whole(tables):
    return run(tables / "one.parquet", settings=Settings(**BY_COLUMN))


def stream(tables, what, out, labels=None, settings=None, **more):
    settings = settings or Settings(**BY_COLUMN)
    return run_stream(tables / what, labels, settings, None, out, **(ROWS | more))


@pytest.mark.parametrize("what", ["one.parquet", "many"])
def test_rows_are_those_of_the_table_in_memory(tables, whole, tmp_path, what):
    found = stream(tables, what, tmp_path)
    assert_same(tmp_path, whole)
    n = found.record["training_sample"]
    assert n["others"] == n["of_others"] == N - n["labelled"]
    assert sorted(os.listdir(tmp_path)) == [
        "detections",
        "model.asdf",
        "run.json",
        "sources",
        "xsift-files.json",
    ]


@pytest.mark.parametrize("match", ["sky", "name"])
def test_known_objects_in_a_file(tables, tmp_path, match):
    settings = Settings(match=match)
    expected = run(tables / "one.parquet", tables / "known.parquet", settings=settings)
    stream(tables, "many", tmp_path, tables / "known.parquet", settings)
    assert_same(tmp_path, expected)
    assert expected.record["counts"]["known_objects_matched"] > 0


@pytest.mark.slow
def test_types_of_all_detections(table, tmp_path):
    """A column of types beside the labels: kinds that are none of the plain classes train."""
    kinds = np.array(["CV*", "Psr", "SN*", None], dtype=object)[np.arange(N) % 4]
    typed = table.append_column("otype", pa.array(kinds, pa.string()))
    pq.write_table(typed, tmp_path / "one.parquet")
    expected = run(tmp_path / "one.parquet", label_column="label")
    assert expected.record["counts"]["labelled_by_type"] > 0
    settings = Settings(label_column="label")
    stream(tmp_path, "one.parquet", tmp_path / "out", settings=settings)
    assert_same(tmp_path / "out", expected)


def test_the_published_method(tables, tmp_path):
    settings = Settings(label_column="label", method="paper", clusters=4, min_members=3)
    expected = run(tables / "one.parquet", settings=settings)
    stream(tables, "many", tmp_path, settings=settings)
    assert_same(tmp_path, expected)


def test_a_sample_does_not_depend_on_the_cut(tables, whole, tmp_path):
    found = stream(tables, "many", tmp_path / "one", others=200)
    n = found.record["training_sample"]
    assert n["labelled"] == sum(x is not None for x in whole.detections["label"].to_pylist())
    assert 0 < n["others"] < n["of_others"] == N - n["labelled"]
    stream(tables, "one.parquet", tmp_path / "other", others=200, rows=230, bucket_rows=999)
    one, other = (open_catalogue(tmp_path / name) for name in ("one", "other"))
    assert bits(one.detections).equals(bits(other.detections))
    assert bits(one.sources).equals(bits(other.sources))
    assert one.model.model_id != whole.model.model_id
    assert one.detections.num_rows == N
    assert one.model.training.class_counts == whole.model.training.class_counts


class StopError(Exception):
    """What stops a work."""


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ("looking at the table", 1),
        ("drawing the training sample", 300),
        ("training", 0),
        ("classifying", 300),
        ("voting", 1),
    ],
)
def test_a_stopped_run_goes_on(tables, whole, tmp_path, step, at, monkeypatch):
    def stop(now, done, total):
        if now == step and done >= at:
            raise StopError(f"{done} of {total}")

    with pytest.raises(StopError):
        stream(tables, "one.parquet", tmp_path, tell=stop)
    assert os.listdir(tmp_path) == [".xsift-run"]
    if step in ("classifying", "voting"):

        def train(*arguments):
            raise AssertionError("trained again")

        monkeypatch.setattr("xsift.pipeline.run_stream.train", train)
    told = []
    stream(tables, "one.parquet", tmp_path, tell=lambda *a: told.append(a))
    assert_same(tmp_path, whole)
    assert ("drawing the training sample" in {now for now, *_ in told}) == (
        step not in ("classifying", "voting")
    )


def test_another_sample_or_other_labels_start_anew(tables, tmp_path):
    def stop(now, done, total):
        if now == "looking at the table":
            raise StopError

    def stopped(**more):
        with pytest.raises(StopError):
            stream(tables, "one.parquet", tmp_path, tell=stop, **more)
        return [p.name for p in (tmp_path / ".xsift-run").glob("work-*")]

    works = [stopped(), stopped(others=300), stopped(labels=tables / "known.parquet")]
    assert len({name for (name,) in works}) == 3
    (tmp_path / "known.parquet").write_bytes((tables / "known.parquet").read_bytes())
    assert stopped(labels=tmp_path / "known.parquet") == works[2]


@pytest.mark.slow
def test_workers_give_the_same(tables, whole, tmp_path):
    stream(tables, "many", tmp_path, workers=2)
    assert_same(tmp_path, whole)


def test_a_table_of_one_part_is_written_as_any_other(tables, whole, tmp_path):
    run_stream(tables / "many", None, Settings(**BY_COLUMN), None, tmp_path)
    assert {"detections.parquet", "sources.parquet", "sources.vot"} <= set(os.listdir(tmp_path))
    assert bits(open_catalogue(tmp_path).sources).equals(bits(whole.sources))


def test_what_is_wrong_is_said_in_a_line(table, tables, tmp_path):
    def refused(kind, said, what="one.parquet", labels=None, **settings):
        with pytest.raises(kind, match=said) as error:
            stream(tables, what, tmp_path / "out", labels, Settings(**settings))
        assert "\n" not in str(error.value)

    refused(SettingError, "no known objects: give labels FILE or label_column COL")
    refused(MissingColumnsError, "missing column yours", label_column="yours")
    refused(MissingColumnsError, "missing column kind", label_column="label", type_column="kind")
    refused(MissingColumnsError, "missing column mine2", label_column="label", keep=["mine2"])
    refused(SettingError, "clusters 9 does nothing", label_column="label", clusters=9)
    refused(LabelError, "no type is one of the classes", label_column="name")
    far = pa.table({"ra": [200.0], "dec": [80.0], "label": ["QSO"]})
    pq.write_table(far, tmp_path / "far.parquet")
    said = "far.parquet: none of 1 known objects matches a detection: the nearest pair is"
    refused(LabelError, said, "many", tmp_path / "far.parquet")
    with pytest.raises(SettingError, match="leave formats out"):
        stream(tables, "many", tmp_path / "out", formats=("votable",))
    (tmp_path / "many").mkdir()
    for name in os.listdir(tables / "many"):
        content = (tables / "many" / name).read_bytes()
        damaged = content[:4] + b"\xff" * 196 + content[200:]
        (tmp_path / "many" / name).write_bytes(damaged if name == "p3.parquet" else content)
    refused(TableError, "p3.parquet: not a whole", tmp_path / "many", label_column="label")


def test_the_command(tables, whole, tmp_path, xsift, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr("xsift.pipeline.run_stream.parts_of", lambda path, _: parts_of(path, 150))
    given = ["--label-column", "label", "--keep", "mine"]
    said = xsift("run", tables / "many", "--out", out, *given)
    assert said.status == 0, said.err
    assert "training sample: all 207 detections with a label, and 593 of 593 others" in said.out
    assert_same(out, whole)
    said = xsift("run", tables / "many", "--out", out, *given, "--format", "fits")
    assert said.status == 2
    assert "leave --format out" in said.err
    said = xsift("run", tables / "many", "--out", out)
    assert said.status == 2
    assert "no known objects" in said.err
    said = xsift("run", tables / "one.parquet", "--out", out, *given, "--workers", 2)
    assert said.status == 0
    assert "this process alone works on it" in said.err
