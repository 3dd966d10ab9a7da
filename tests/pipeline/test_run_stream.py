"""A table in parts is trained on and classified as the table in memory, to the bit."""

import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, open_catalogue, run
from xsift.pipeline.run_stream import run_stream

N = 800
ROWS = {"rows": 150, "bucket_rows": 180}


def bits(table):
    """The columns of a table with floats as their bits."""
    found = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_floating(field.type):
            there = column.is_valid()
            column = pa.array(column.fill_null(0).to_numpy(zero_copy_only=False).view(np.int64))
            found[f"{field.name} is there"] = there
        found[field.name] = column
    return pa.table(found)


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
