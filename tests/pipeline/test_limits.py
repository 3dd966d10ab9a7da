"""Limits of a table: the calibrated method takes them, and says so; the paper's does not."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift import Settings, classify, run, surveys
from xsift.errors import XsiftWarning
from xsift.model import load_model, model_of
from xsift.model.faint import level_of
from xsift.model.prior import all_shares
from xsift.model.sample import read_sample
from xsift.model.sets import group_sets
from xsift.pipeline.evaluate import evaluate
from xsift.read import as_input
from xsift.settings import EvaluationSettings

SURVEY = surveys.load("csc20")
RATIOS = ("hard_hm", "hard_hs", "hard_ms")


@pytest.fixture(scope="module")
def limited(small_table, with_limits):
    return with_limits(small_table, 40)


def test_the_published_method_is_what_it_was(small_table, limited):
    """Its twelve features are those of the table: limits, middles and counts do not enter."""
    settings = Settings(method="paper", label_column="label", clusters=2, seed=1)
    without, with_them = (run(table, settings=settings) for table in (small_table, limited))
    assert with_them.model.model_id == without.model.model_id
    assert with_them.detections.equals(without.detections)
    assert with_them.sources.equals(without.sources)
    assert "faintness" not in with_them.record


def test_a_validation_gives_the_published_method_what_it_takes(small_table, limited, tmp_path):
    settings = Settings(label_column="label", features="all", clusters=2)
    chosen = EvaluationSettings(("paper", "forest"), ("folds",), 2)
    found = []
    for name, whole in (("without", small_table), ("with", limited)):
        table = whole.slice(0, 300)
        pq.write_table(table, tmp_path / f"{name}.parquet")
        record = evaluate(tmp_path / f"{name}.parquet", tmp_path / name, None, settings, chosen)
        found.append(record["results"]["folds"])
    losses = [
        [f[m]["detections"]["groups"]["log_loss"]["value"] for m in ("paper", "forest")]
        for f in found
    ]
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]  # what else is compared takes the middles


def test_rows_of_one_detection_are_one_where_one_alone_has_limits(limited):
    twice = pa.concat_tables([limited.slice(0, 1), limited.slice(0, 1)])
    twice = twice.set_column(0, "name", pa.array(["one", "another"]))
    at = twice.column_names.index("hard_hm_lolim")
    twice = twice.set_column(at, "hard_hm_lolim", pa.array([None, -0.9]))
    sample = read_sample(as_input(twice), SURVEY, SURVEY.feature_set("all"), Settings())
    training = sample.training(np.arange(2))
    assert len(np.unique(training.X[:, 0])) == 2
    assert len(np.unique(training.source)) == 1


def test_counts_reach_the_record_and_the_summary(small_table, limited, calibrated):
    result = classify(limited, model=calibrated / "model.asdf")
    assert result.record["faintness"]["rows"] == {"hardness": 600, "exact": 0}
    assert 40 < result.record["faintness"]["median_counts"] < 80
    said = "Faintness from limits of hardness ratios 600; median "
    assert said in result.summary().text()
    # What is written is what the table says; what is scored is the middle of the limits.
    for name in RATIOS:
        assert_array_equal(result.detections[name].to_numpy(), limited[name].to_numpy())
    plain = classify(small_table, model=calibrated / "model.asdf")
    assert plain.record["faintness"] == {"rows": {"exact": 600}, "median_counts": None}
    said = "Faintness: no limits, errors or counts: 600 detections are taken as exact"
    assert said in plain.summary().text()
    # The counts reach the scorer: middles of limits alone would make no detection less sure.
    model = load_model(calibrated / "model.asdf")
    sample = read_sample(as_input(limited), SURVEY, SURVEY.feature_set("all"), Settings())
    features = sample.features.select(model.features)
    for counts, is_said in ((features.counts, True), (None, False)):
        said = model.predict(features.values, counts)
        for name, values in (("p_qso", said.p[:, 0]), ("typicality", said.typicality)):
            told = result.detections[name].to_numpy()
            assert (np.abs(told - values) < 1e-12).all() == is_said
    columns = [c for c in plain.detections.column_names if c.startswith("p_")]
    sure = [
        np.column_stack([r.detections[c].to_numpy() for c in columns]).max(axis=1).mean()
        for r in (result, plain)
    ]
    assert sure[0] < sure[1] - 0.05


def test_a_run_learns_from_counts(small_table, with_limits, tmp_path):
    """From the table to the votes: faint rows train, are scored as such, and have their sets."""
    n = np.repeat([8.0, 60.0, np.nan], 200)
    table = with_limits(small_table, n)
    settings = Settings(label_column="label", features="all", seed=1)
    result = run(table, settings=settings)
    assert result.record["faintness"]["rows"] == {"hardness": 400, "exact": 200}
    model = model_of(result.model)
    sample = read_sample(as_input(table), SURVEY, SURVEY.feature_set("all"), settings)
    features = sample.features.select(model.features)
    said = model.classify(features)
    assert_array_equal(result.detections["p_qso"].to_numpy(), said.p[:, 0])
    told = result.detections["effective_counts"]
    assert told.is_valid().to_pylist() == [True] * 400 + [False] * 200
    assert_array_equal(told.to_numpy()[:400], features.counts[:400])
    level = level_of(features.counts)
    assert set(level[:200]) <= {0, 1, 2}
    assert np.median(level[200:400]) == 3
    assert set(level[400:]) == {5}
    # Class mixtures, typicality and scorers of the faint are their own.
    exact = model.predict(features.values)
    assert (np.abs(said.p[:400] - exact.p[:400]).max(axis=1) > 0).all()
    assert_array_equal(said.p[400:], exact.p[400:])
    again = classify(table, model=result.model, vote_trained=True)
    assert_array_equal(again.detections["p_qso"].to_numpy(), said.p[:, 0])
    members = group_sets(model, np.column_stack([said.p, said.p_none]), all_shares(model.prior),
                         features.counts)  # fmt: skip
    assert again.detections["n_group_set"].to_pylist() == members.sum(axis=1).tolist()


def test_the_command_says_it(xsift, limited, calibrated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = limited.set_column(
        limited.column_names.index("hard_hs_lolim"), "hard_hs_lolim", limited["hard_hs_hilim"]
    )
    pq.write_table(wrong, "t.parquet")
    said = xsift("classify", "t.parquet", "--model", calibrated / "model.asdf", "--out", "o")
    assert said.status == 0, said.err
    assert "Faintness from limits of hardness ratios 600; median" in said.out
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    (warning,) = [w for w in record["warnings"] if "limits" in w]
    assert warning.startswith(
        "t.parquet: limits that cannot be right are not used: hard_hs 600 (a limit"
    )


def test_the_sample_keeps_counts_and_no_columns_of_limits(limited):
    sample = read_sample(as_input(limited), SURVEY, SURVEY.feature_set("all"), Settings())
    assert set(sample.keys.column_names) == {"name", "obsid", "ra", "dec"}
    assert sample.features.counts.shape == (600,)
    assert sample.features.counts.dtype == np.float64
    fewer = sample.held_to(["bb_kt", "hard_hm"], surveys.load("csc21"))
    assert_array_equal(fewer.features.counts, sample.features.counts)


def test_a_column_of_limits_that_cannot_be_read_stops_nothing(small_table):
    table = small_table.append_column("hard_hm_lolim", pa.array(["a lot"] * 600))
    with pytest.warns(XsiftWarning, match=r"column hard_hm_lolim.*left out"):
        sample = read_sample(as_input(table), SURVEY, SURVEY.feature_set("all"), Settings())
    assert np.isinf(sample.features.counts).all()


@pytest.fixture(scope="module")
def faint_ones(small_table, with_limits):
    """What became of tables whose detections all have the same counts."""
    settings = Settings(label_column="label", features="all", seed=1)
    table = small_table.slice(0, 400)
    return {n: run(with_limits(table, n), settings=settings) for n in (6, 30, 300)}


@pytest.mark.parametrize("n", [6, 30, 300])
def test_a_table_of_faint_detections_alone_trains(n, faint_ones):
    found = faint_ones[n].detections
    p = np.column_stack([found[c].to_numpy() for c in found.column_names if c.startswith("p_")])
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    typicality = found["typicality"].to_numpy()
    assert 0.005 < (typicality < 0.05).mean() < 0.15
    # Of levels that no detection is of, too: a brighter table can be asked.
    model = faint_ones[n].model
    for counts in (3.0, 15.0, 100.0, np.inf):
        X = np.column_stack([found[name].to_numpy() for name in model.features])
        said = model_of(model).predict(X[:20], np.full(20, counts))
        assert np.isfinite(said.p).all()
        assert np.isfinite(said.typicality).all()


def test_a_class_that_is_faint_alone_is_known_at_every_level(small_table, with_limits):
    label = np.array(small_table["label"].to_pylist(), dtype=object)
    kinds = sorted({one for one in label if one})
    table = with_limits(small_table, np.where(label == kinds[0], 6.0, 1e5))
    model = model_of(run(table, label_column="label", features="all", seed=1).model)
    at = model.classes.codes.index(kinds[0])
    for level in model.bags:
        assert all(at in bag.owner for bag in level)


def test_closing_is_chosen_by_limits_and_said(small_table, with_limits, faint_ones):
    settings = {"label_column": "label", "features": "all", "seed": 1}
    table = small_table.slice(0, 300)
    some = np.where(np.arange(300) < 20, 30.0, np.nan)
    assert faint_ones[30].record["closing"] == "remove"
    assert "hardness ratios closed" in repr(faint_ones[30])
    assert run(with_limits(table, some), **settings).record["closing"] == "keep"  # 7 % have limits
    kept = run(with_limits(table, 30), closing="keep", **settings)
    assert kept.record["closing"] == "keep"
    assert "hardness ratios closed" not in repr(kept)
