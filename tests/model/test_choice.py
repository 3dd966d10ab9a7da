"""The packaged model for a table, by what its columns are called."""

import pyarrow as pa
import pytest

import xsift
from xsift.errors import ModelError

XMM = {
    "IAUNAME": ["4XMM J1", "4XMM J2"],
    **{f"SC_HR{i}": [0.1, -0.2] for i in (1, 2, 3, 4)},
    **{f"SC_EP_{i}_FLUX": [1e-14, 2e-14] for i in (1, 2, 3, 4, 5, 8, 9)},
    "SC_DET_ML": [100.0, 20.0],
}


@pytest.mark.parametrize("names", [str, str.lower])
def test_a_table_of_4xmm_gets_its_model(names):
    found = xsift.classify(pa.table({names(c): v for c, v in XMM.items()}))
    why = found.record["model_choice"]
    assert why.startswith("packaged model 4xmm (trained on the 4XMM")
    assert "columns of 13 of its 16 features" in why
    assert found.classes.codes == ("AGN", "*", "ULX", "N*", "LXB", "CV*")
    assert "p_star" in found.sources.column_names
    assert found.record["columns"][names("hr1")] == names("SC_HR1")


def test_a_table_of_chandra_gets_chandras(small_table):
    found = xsift.classify(small_table)
    assert found.record["model_choice"].startswith("packaged model csc20 (trained on the Chandra")


def test_a_survey_without_a_model_is_refused():
    table = pa.table(
        {"IAUNAME": ["a"], "ML_RATE_P1": [0.1], "ML_RATE_P2": [0.1], "ML_FLUX_1": [1e-13]}
    )
    said = r"columns of survey erass1 \(. features\), and no packaged model is for it: packaged are"
    with pytest.raises(ModelError, match=said):
        xsift.classify(table)


def test_names_that_two_surveys_share_are_said():
    table = pa.table({"name": ["a"], "HR1": [0.1], "HR2": [0.2]})
    said = " ".join(xsift.classify(table).record["warnings"])
    assert "those of survey 4xmm, and as well of 2sxps: say which" in said


def test_the_survey_that_is_asked_for_needs_a_model():
    with pytest.raises(ModelError, match="no packaged model is for survey erass1 with features"):
        xsift.classify(pa.table(XMM), survey="erass1")
