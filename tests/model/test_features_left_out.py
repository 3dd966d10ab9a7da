"""Features that a table has no values of, or too few: training leaves them out, by name."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import run
from xsift.errors import ModelError
from xsift.model.file import load_model_tree
from xsift.model.packaged import refuse_other_model
from xsift.settings import Settings

FEW = ("powlaw_gamma", "bb_kt")


def keeping(table, name, rows):
    """Return the table with a value of a column in some rows alone."""
    values = table[name].to_numpy().copy()
    values[~np.isin(np.arange(len(values)), rows)] = np.nan
    return table.set_column(
        table.column_names.index(name), name, pa.array(values, from_pandas=True)
    )


@pytest.fixture(scope="module")
def small(small_table):
    return small_table.slice(0, 240)


@pytest.fixture(scope="module")
def without(small, tmp_path_factory):
    """What the calibrated method makes of a table whose spectra are empty."""
    folder = tmp_path_factory.mktemp("without")
    table = small
    for name in FEW:
        table = keeping(table, name, [])
    pq.write_table(table, folder / "t.parquet")
    run(folder / "t.parquet", settings=Settings(label_column="label")).write(folder, ())
    return folder


def test_the_model_and_the_record_name_what_is_left_out(without):
    record = json.loads((without / "run.json").read_text())
    (said,) = [w for w in record["warnings"] if "left out of the model" in w]
    assert said == (
        "features left out of the model, as fewer than 4 sources have a value: "
        "powlaw_gamma (0 of 120), bb_kt (0 of 120)"
    )
    tree = load_model_tree(without / "model.asdf")
    assert record["model"]["features"] == tree.features
    assert len(tree.features) == 10
    assert not set(FEW) & set(tree.features)
    detections = pq.read_table(without / "detections.parquet")
    assert not set(FEW) & set(detections.column_names)
    assert set(detections["role"].to_pylist()) == {"trained", "scored"}


def test_classify_takes_tables_with_and_without_the_columns(xsift, small, without, tmp_path):
    tables = {
        "empty": pq.read_table(without / "t.parquet"),
        "absent": small.drop_columns(list(FEW)),
        "full": small,
    }
    found = {}
    for name, table in tables.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
        model, out = without / "model.asdf", tmp_path / name
        said = xsift("classify", tmp_path / f"{name}.parquet", "--model", model, "--out", out)
        assert said.status == 0, said.err
        unused = "columns not used, as the model was trained without them: powlaw_gamma, bb_kt"
        assert (unused in said.out) == (name == "full")
        found[name] = pq.read_table(out / "detections.parquet")
    assert found["empty"].equals(found["absent"])
    assert found["empty"].equals(found["full"])


def test_its_catalogue_serves_all_commands(xsift, without, tmp_path):
    from starlette.testclient import TestClient

    from xsift.serve.app import create_app
    from xsift.serve.catalogue import read_served

    name = pq.read_table(without / "sources.parquet")["name"][0].as_py()
    for command in (
        ["show", name, "--catalogue", without, "--figure", tmp_path / "f.png"],
        ["anomalies", without],
        ["publish", without, "--out", tmp_path / "p"],
    ):
        said = xsift(*command)
        assert said.status == 0, said.err
    client = TestClient(create_app(read_served(without), ["127.0.0.1"]), "http://127.0.0.1:8000")
    found = client.get("/api/source", params={"index": 0}).json()
    assert len(found["among"]) == 10
    assert found["neighbours"]


@pytest.mark.parametrize(
    ("rows", "n_features"),
    [
        pytest.param(range(6), 11, id="three sources"),
        pytest.param(range(8), 12, id="four sources"),
        pytest.param("unlabelled", 12, id="no labelled one"),
    ],
)
def test_few_values_train_or_are_left_out(small, tmp_path, rows, n_features):
    if rows == "unlabelled":
        rows = np.flatnonzero([label is None for label in small["label"].to_pylist()])
    pq.write_table(keeping(small, "bb_kt", rows), tmp_path / "t.parquet")
    result = run(tmp_path / "t.parquet", settings=Settings(label_column="label"))
    assert len(result.model.features) == n_features
    p = np.column_stack([result.detections[c] for c in result.model.classes.columns])
    assert np.isfinite(p).all()


def test_nothing_to_learn_from(xsift, small, tmp_path):
    table = small
    for name in [n for n in table.column_names if n.startswith(("hard", "var", "pow", "bb"))]:
        table = keeping(table, name, range(2))
    pq.write_table(table, tmp_path / "t.parquet")
    said = xsift("run", tmp_path / "t.parquet", "--label-column", "label", "--out", tmp_path / "o")
    assert said.status == 1
    assert "with a feature and a label among QSO, AGN" in said.err
    assert "two classes are needed at least" in said.err


def test_a_model_of_other_features_is_refused(without):
    tree = load_model_tree(without / "model.asdf")
    refuse_other_model(tree, Settings(), "m")
    for features in (tree.features[::-1], [*tree.features[1:], "radius"]):
        other = tree.model_copy(update={"features": features})
        with pytest.raises(ModelError, match="m: its features are not the set all"):
            refuse_other_model(other, replace(Settings()), "m")
    paper = tree.model_copy(update={"method": "paper"})
    with pytest.raises(ModelError, match="its features are not the set all: retrain it"):
        refuse_other_model(paper, Settings(), "m")
