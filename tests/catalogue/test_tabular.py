"""Results as tables of other libraries: units, UCDs, masks, and no copy where Arrow allows it."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from xsift import Settings, anomalies, classify, compare, errors, run, vote_table
from xsift.catalogue.anomalies import Anomalies
from xsift.pipeline.evaluate import Evaluation
from xsift.write import libraries


@pytest.fixture(scope="module")
def catalogue(files):
    return run(files / "labelled.parquet", None, Settings(method="paper"), label_column="label")


def test_astropy_keeps_what_the_columns_mean(catalogue):
    found = catalogue.to_astropy()
    assert found.colnames == catalogue.sources.column_names
    assert str(found["ra"].unit) == "deg"
    assert found["ra"].meta["ucd"] == "pos.eq.ra;meta.main"
    assert found["n_detections"].description == "Number of detections that voted"
    detections = catalogue.to_astropy("detections")
    for name in ("label", "flag", "p_none", "cluster"):
        mask = np.ma.getmaskarray(np.ma.asarray(detections[name]))
        assert mask.tolist() == catalogue.detections[name].is_null().to_pylist(), name
        kept = np.ma.asarray(detections[name])[~mask].tolist()
        assert kept == catalogue.detections[name].drop_null().to_pylist()


def test_pandas(catalogue):
    frame = catalogue.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == catalogue.sources.num_rows
    np.testing.assert_array_equal(frame["p_qso"], catalogue.sources["p_qso"])
    assert len(catalogue.to_pandas("detections")) == 600


def test_whole_numbers_stay_whole_beside_a_null():
    frame = libraries.pandas_frame(
        pa.table({"i": [2**60 + 1, None], "j": [1, 2], "x": [1.0, None]})
    )
    assert str(frame["i"].dtype) == "Int64"
    assert frame["i"][0] == 2**60 + 1
    assert str(frame["j"].dtype) == "int64"


def test_the_capsule_hands_on_the_sources_without_a_copy(catalogue):
    taken = pa.table(catalogue)
    assert taken.equals(catalogue.sources)
    where = [c.chunk(0).buffers()[1].address for c in (taken["p_qso"], catalogue.sources["p_qso"])]
    assert where[0] == where[1]
    assert pl.DataFrame(catalogue).shape == catalogue.sources.shape


def test_which_table(catalogue):
    with pytest.raises(
        errors.SettingError, match=r"^which 'rows': allowed are sources, detections$"
    ):
        catalogue.to_pandas("rows")
    voted = vote_table(catalogue.detections)
    with pytest.raises(errors.SettingError, match=r"^which 'detections': a catalogue of votes has"):
        voted.to_astropy("detections")


def test_without_pandas(catalogue, monkeypatch):
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    with pytest.raises(errors.MissingPackageError, match="no DataFrame: pandas is not installed; "):
        catalogue.to_pandas()


def test_anomalies_are_a_table(calibrated):
    found = anomalies(calibrated, most=5)
    table = pa.table(found)
    assert table["rank"].to_pylist() == [1, 2, 3, 4, 5]
    assert table["name"].to_pylist() == [a.detection["name"] for a in found]
    first = [a.oddities[0].feature if a.oddities else None for a in found]
    assert table["feature_1"].to_pylist() == first
    assert list(found.to_pandas()) == found.to_astropy().colnames == table.column_names
    assert found == anomalies(calibrated, most=9)[:5]
    assert Anomalies().to_arrow().num_rows == 0
    assert {"rank", "feature_3", "name"} <= set(Anomalies().to_arrow().column_names)


def test_how_many_anomalies(calibrated):
    with pytest.raises(errors.SettingError, match=r"^most 0: allowed is 1 and more$"):
        anomalies(calibrated, 0)


def test_a_comparison_is_a_table_and_shows_itself(catalogue, files):
    found = compare(catalogue, files / "known.parquet")
    assert pa.table(found).equals(found.disagreements)
    assert len(found.to_pandas()) == found.disagreements.num_rows
    first, second, third, *_ = repr(found).splitlines()
    assert first == "the catalogue against known.parquet"
    assert second.strip().startswith("Warning: in-sample: all ")
    assert third.strip().endswith(f"{found.disagreements.num_rows:,} disagree")
    assert "kappa" in found._repr_html_()


def test_figures_of_a_validation_are_rows():
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    level = {"n_detections": 10, "accuracy": figure}
    found = Evaluation(
        {
            "results": {
                "folds": {
                    "paper": {"detections": {"groups": level, "classes": level}},
                    "svc": {"failed": "no"},
                }
            }
        }
    )
    assert found.to_arrow().to_pylist() == [
        {"experiment": "folds", "method": "paper", "of": f"detections.{of}", "measure": "accuracy"}
        | figure
        for of in ("groups", "classes")
    ]


def test_a_catalogue_in_memory_is_compared_as_its_folder_is(catalogue, files, tmp_path):
    catalogue.write(tmp_path / "out")
    known = files / "known.parquet"
    by_folder, in_memory = compare(tmp_path / "out", known), compare(catalogue, known)
    assert by_folder.disagreements.equals(in_memory.disagreements)
    # All that is known trained: without others, their figures are NaN.
    assert by_folder.record["in_sample"]["all"] == in_memory.record["in_sample"]["all"]
    assert by_folder.record["in_sample"]["compared"] > 100
    assert by_folder.record["counts"] == in_memory.record["counts"]
    itself = compare(catalogue, catalogue, class_column="class")
    assert itself.disagreements.num_rows == 0
    assert itself.inputs == ()


def test_a_model_that_classifies_its_own_catalogue(catalogue, files):
    again = classify(files / "table.parquet", catalogue.model)
    assert again.record["model"]["model_id"] == catalogue.model.model_id
    assert again.record["model_choice"] == f"model {catalogue.model.model_id}, as given"
