"""Where training had no other types, the share of none is stated, and the summary says so."""

import json

import pyarrow.parquet as pq
import pytest

import xsift

SAID = (
    "'none of these' (p_none) is not learned, as training had too few detections of other types: "
    "it has the stated share of 0.01"
)


@pytest.fixture(scope="module")
def without_others(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("without_others")
    pq.write_table(small_table, folder / "table.parquet")
    made = xsift.run(small_table, method="calibrated", label_column="label", features="all")
    made.write(folder)
    assert SAID in made.summary().lines
    return folder


def test_a_record_says_that_the_share_of_none_is_stated(without_others, calibrated):
    record, learned = (
        json.loads((folder / "run.json").read_text("utf-8"))
        for folder in (without_others, calibrated)
    )
    assert record["none"] == SAID
    assert "none" not in learned


def test_the_command_says_it_with_the_share_that_is_wanted(xsift, without_others, tmp_path):
    shares = tmp_path / "shares.toml"
    shares.write_text("QSO = 0.8\nnone = 0.2\n")
    done = xsift(
        "classify", without_others / "table.parquet", "--features", "all",
        "--model", without_others / "model.asdf", "--out", tmp_path / "out", "--prior", shares,
    )  # fmt: skip
    assert done.status == 0, done
    assert SAID.replace("0.01", "0.2") in " ".join(done.out.split())


def test_too_few_other_types_are_counted_in_a_warning(small_table):
    labels = small_table["label"].to_pylist()
    at = [i for i, label in enumerate(labels) if label is None][:6]
    for i in at:
        labels[i] = "SNR"
    column = small_table.column_names.index("label")
    table = small_table.set_column(column, "label", [labels])
    made = xsift.run(table, method="calibrated", label_column="label", features="all")
    (said,) = [note for note in made.record["warnings"] if "they count as unknown" in note]
    assert said.startswith("detections of other types than the plain classes: 6 of ")
    assert said.endswith("and 'none of these' has the stated share of 0.01")
    assert SAID in made.summary().lines
