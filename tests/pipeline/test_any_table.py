"""Any table, any features: profiles of one's own, and columns by other names."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from xsift import Settings, classify, run
from xsift.catalogue.folder import open_folder
from xsift.errors import ModelError, XsiftWarning
from xsift.model.file import load_model_tree
from xsift.pipeline.evaluate import evaluate
from xsift.settings import EvaluationSettings

FIVE_LINES = """\
extends = "csc20"
[[features]]
name = "log_flux"
formula = "log10"
inputs = ["flux_aper_b"]
"""


@pytest.fixture(scope="module")
def with_flux(small_table):
    """The small table with a flux that tells two of the classes apart, and a column to fold by."""
    n = small_table.num_rows
    rng = np.random.default_rng(0)
    loud = np.array([x in ("QSO", "AGN") for x in small_table["label"].to_pylist()])
    flux = 10 ** (-13 + loud + 0.2 * rng.normal(size=n))
    flux[:20] = 0.0
    cell = [f"cell {i // 30}" for i in range(n)]
    return small_table.append_column("flux_aper_b", pa.array(flux)).append_column(
        "Sky Cell", pa.array(cell)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, with_flux):
    """What `run` made with a five-line profile, which is gone since."""
    folder = tmp_path_factory.mktemp("own")
    pq.write_table(with_flux, folder / "table.parquet")
    (folder / "mine.toml").write_text(FIVE_LINES)
    settings = Settings(
        survey=folder / "mine.toml", label_column="label", keep=["Sky Cell", "label"], seed=1
    )
    run(folder / "table.parquet", settings=settings).write(folder / "out")
    (folder / "mine.toml").unlink()
    return folder


def test_a_model_holds_the_profile_that_it_was_trained_for(folder):
    tree = load_model_tree(folder / "out" / "model.asdf")
    assert tree.survey == "mine"
    assert tree.features[-1] == "log_flux"
    assert tree.survey_profile.feature("log_flux").inputs == ("flux_aper_b",)
    assert tree.survey_profile.query is None
    assert open_folder(folder / "out").survey == tree.survey_profile


def test_a_feature_by_a_formula_is_derived_and_written(folder, with_flux):
    detections = pq.read_table(folder / "out" / "detections.parquet")
    flux = with_flux["flux_aper_b"].to_numpy()
    log_flux = detections["log_flux"].to_numpy()
    assert np.isnan(log_flux[:20]).all()
    np.testing.assert_allclose(log_flux[20:], np.log10(flux[20:]), rtol=1e-14)
    said = detections.schema.field("log_flux").metadata
    assert said[b"description"] == b"log10 flux_aper_b"


def test_kept_columns_follow_the_results_and_hide_none(folder, with_flux):
    out = folder / "out"
    detections, sources = (pq.read_table(out / f"{n}.parquet") for n in ("detections", "sources"))
    assert detections["sky_cell"].equals(with_flux["Sky Cell"])
    assert detections["input_label"].equals(with_flux["label"])
    assert sources.column_names[-2:] == ["sky_cell", "label"]
    first = dict(zip(*(with_flux[k].to_pylist() for k in ("name", "Sky Cell")), strict=True))
    assert sources["sky_cell"].to_pylist() == [first[n] for n in sources["name"].to_pylist()]


def test_classify_with_a_model_of_ones_own_gives_the_same(folder):
    again = classify(folder / "table.parquet", folder / "out" / "model.asdf")
    was = pq.read_table(folder / "out" / "detections.parquet")
    assert again.detections["p_qso"].equals(was["p_qso"])
    assert again.record["model"]["survey"] == "mine"
    with pytest.raises(ModelError, match="trained for survey mine, not csc20"):
        classify(folder / "table.parquet", folder / "out" / "model.asdf", Settings(survey="csc20"))


def test_any_columns_are_features(with_flux, tmp_path):
    table = with_flux.rename_columns(
        ["My log Flux" if n == "flux_aper_b" else n for n in with_flux.column_names]
    )
    pq.write_table(table, tmp_path / "t.parquet")
    settings = Settings(features=["hard_hs", "powlaw_gamma", "My log Flux"], label_column="label")
    found = run(tmp_path / "t.parquet", settings=settings)
    assert found.model.features == ["hard_hs", "powlaw_gamma", "my_log_flux"]
    assert found.record["columns"] == {"my_log_flux": "My log Flux"}
    found.write(tmp_path / "out")
    again = classify(tmp_path / "t.parquet", tmp_path / "out" / "model.asdf")
    assert again.detections["p_qso"].equals(found.detections["p_qso"])


def test_a_feature_without_any_value_is_named(with_flux, tmp_path):
    table = with_flux.append_column("empty", pa.nulls(with_flux.num_rows, pa.float64()))
    pq.write_table(table, tmp_path / "t.parquet")
    settings = Settings(features="hard_hs,powlaw_gamma,empty", label_column="label")
    found = run(tmp_path / "t.parquet", settings=settings)
    assert found.model.features == ["hard_hs", "powlaw_gamma"]
    assert any("empty (0 of" in note for note in found.record["warnings"])


def test_three_rows_with_two_features_are_classified_with_what_they_have(tmp_path):
    path = tmp_path / "three.csv"
    path.write_text("name,hard_hs,powlaw_gamma\na,0.1,1.5\nb,-0.5,2.5\nc,0.9,\n")
    found = classify(path)
    assert found.detections["role"].to_pylist() == ["scored"] * 3
    assert found.detections["n_missing"].to_pylist() == [9, 9, 10]
    (said,) = [w for w in found.record["warnings"] if "counted as missing in every row" in w]
    assert "no column hard_hm, hard_ms, bb_kt, var_prob_b" in said


def test_a_match_of_topcat_and_a_table_of_vizier_are_classified(with_flux, tmp_path):
    features = ["hard_hm", "hard_hs", "hard_ms", "powlaw_gamma"]
    plain = with_flux.select(["name", "ra", "dec", *features]).slice(0, 20)
    topcat = plain.rename_columns(["name_1", "ra_1", "dec_1", *features]).append_column(
        "Gmag", pa.array(np.arange(20.0))
    )
    vizier = plain.rename_columns(["2CXO", "RAICRS", "DEICRS", "HRhm", "HRhs", "HRms", "GamPL"])
    results = []
    for name, table in (("plain", plain), ("topcat", topcat), ("vizier", vizier)):
        pyarrow.csv.write_csv(table, tmp_path / f"{name}.csv")
        results.append(classify(tmp_path / f"{name}.csv"))
    p = [r.detections["p_qso"] for r in results]
    assert p[0].equals(p[1])
    assert p[0].equals(p[2])
    assert any("name from name_1" in w for w in results[1].record["warnings"])
    assert results[2].record["columns"]["hard_hm"] == "HRhm"
    assert results[2].sources["ra"].equals(results[0].sources["ra"])


def test_evaluate_folds_by_any_column(with_flux, tmp_path):
    pq.write_table(with_flux, tmp_path / "t.parquet")
    settings = Settings(label_column="label", features="hard_hs,powlaw_gamma,hard_hm")
    chosen = EvaluationSettings(("forest",), ("folds",), 2, fold_by="sky cell")
    record = evaluate(tmp_path / "t.parquet", tmp_path / "out", None, settings, chosen)
    assert record["protocol"]["fold_by"] == "sky cell"
    assert record["counts"]["units"] == 20
    assert record["counts"]["sources"] == 300
    assert "same sky cell were assigned as one" in (tmp_path / "out" / "report.html").read_text()


def test_evaluate_validates_under_the_prior_that_is_asked_for(with_flux, tmp_path):
    pq.write_table(with_flux, tmp_path / "t.parquet")
    found = {}
    for prior in ("train", "uniform"):
        settings = Settings(label_column="label", features="hard_hs,powlaw_gamma", prior=prior)
        chosen = EvaluationSettings(("paper", "calibrated"), ("folds",), 2)
        record = evaluate(tmp_path / "t.parquet", tmp_path / prior, None, settings, chosen)
        found[prior] = record["results"]["folds"]
    losses = [found[p]["calibrated"]["detections"]["groups"]["log_loss"]["value"] for p in found]
    assert losses[0] != losses[1]
    assert "prior uniform: the paper's method has no shares" in found["uniform"]["paper"]["failed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "hard_hs"], "--column hard_hs: give NAME=COLUMN, such as hard_hs=HS"),
        (["--column", "=x"], "--column =x: give NAME=COLUMN"),
        (
            ["--column", "hard_hs=a", "--column", "hard_hs=b"],
            "--column hard_hs=b: hard_hs is a already",
        ),
        (["--column", "hard_hs=no"], "parquet: --column hard_hs=no: missing column no"),
        (["--column", "hs=name"], "--column hs=name: survey csc20 has no column hs"),
        (["--keep", "no"], "missing column no"),
        (["--survey", "no.toml"], "--survey no.toml: cannot be read"),
        (["--features", "hard_hs,hard_hs"], "--features: hard_hs is named twice"),
        (["--features", "hard_hs,no"], "missing column"),
    ],
)
def test_options_that_cannot_serve_are_refused_in_one_line(
    xsift, files, tmp_path, options, message
):
    said = xsift(
        *("run", files / "labelled.parquet", "--label-column", "label", "--out", tmp_path / "out"),
        *options,
    )
    if options[-1] == "hard_hs,no":  # trained without it, and said
        assert said.status == 0
        assert "no column no" in said.out
        return
    assert said.status in (1, 2)
    assert message in " ".join(said.err.split())
    assert not (tmp_path / "out" / "run.json").exists()


def test_the_command_line_takes_mapping_profile_and_kept_columns(xsift, with_flux, tmp_path):
    table = with_flux.rename_columns(
        ["HS" if n == "hard_hs" else n for n in with_flux.column_names]
    )
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "mine.toml").write_text(FIVE_LINES)
    said = xsift(
        *("run", tmp_path / "t.parquet", "--label-column", "label", "--out", tmp_path / "out"),
        *("--survey", tmp_path / "mine.toml", "--column", "hard_hs=HS", "--keep", "all"),
    )
    assert said.status == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["columns"] == {"hard_hs": "HS"}
    assert record["settings"]["columns"] == {"hard_hs": "HS"}
    assert record["settings"]["keep"] == ["all"]
    assert "sky_cell" in pq.read_table(tmp_path / "out" / "detections.parquet").column_names


def test_a_table_of_no_packaged_survey_is_not_taken_for_one(tmp_path):
    pq.write_table(pa.table({"name": ["a"], "x": [1.0]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="The table has no feature of the survey"):
        classify(tmp_path / "t.parquet")


def test_a_unit_that_contradicts_the_profile_is_refused(tmp_path, with_flux):
    table = with_flux.rename_columns(
        ["flux_aper_b [keV]" if n == "flux_aper_b" else n for n in with_flux.column_names]
    )
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "mine.toml").write_text(FIVE_LINES)
    settings = Settings(survey=tmp_path / "mine.toml", label_column="label")
    with pytest.raises(ValueError, match="flux_aper_b is in 'keV', which does not convert to erg"):
        run(tmp_path / "t.parquet", settings=settings)


def test_warnings_of_near_names_reach_the_record(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,hard_hs,powlaw_gama\na,0.1,1.5\n")
    found = classify(path)
    assert any("columns powlaw_gamma=powlaw_gama" in w for w in found.record["warnings"])
    assert issubclass(XsiftWarning, UserWarning)
