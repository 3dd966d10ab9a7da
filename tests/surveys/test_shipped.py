"""The surveys that ship: tables with their own names, and VizieR's, are understood."""

import re
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import read, surveys
from xsift.classes import named_classes
from xsift.cli.fetch import SURVEYS
from xsift.features import derive

SHARED = Path(__file__).parents[3] / "shared" / "data"
FLUX = "mW.m**-2"  # as VizieR has it: the same as erg/s/cm2
HR = np.array([-0.5, 0.0, 0.5])


def xmm(
    flux,
    flux_min,
    flux_max,
    hr,
    extent,
    det_ml,
    band,
    poserr,
    name="IAUNAME",
    ra="SC_RA",
    dec="SC_DEC",
):
    """Make a table of 4XMM by what its columns are called."""
    columns = {name: ["4XMM J1", "4XMM J2", "4XMM J3"], ra: [1.0, 2.0, 3.0], dec: [0.0, 1.0, 2.0]}
    columns |= {hr.format(i): HR / i for i in (1, 2, 3, 4)}
    columns |= {flux: [1e-14, 1e-13, 0.0], extent: [0.0, 6.5, 80.0], det_ml: [10.0, 100.0, 1e6]}
    columns |= {band.format(k): [1e-15, 0.0, 0.0] for k in (1, 2, 3, 4, 5, 9) if band}
    columns |= {poserr: [0.5, 1.0, 2.0]}
    columns |= {c: v for c, v in ((flux_min, [1e-15] * 3), (flux_max, [1e-13] * 3)) if c}
    return columns


SLIM = xmm(
    "SC_EP_8_FLUX",
    "SC_EP_8_FMIN",
    "SC_EP_8_FMAX",
    "SC_HR{}",
    "SC_EXTENT",
    "SC_DET_ML",
    "SC_EP_{}_FLUX",
    "SC_POSERR",
)
VIZIER = xmm(
    "Flux8",
    "F8min",
    "F8max",
    "HR{}",
    "ext",
    "srcML",
    "Flux{}",
    "ePos",
    name="4XMM",
    ra="RA_ICRS",
    dec="DE_ICRS",
)
DETECTIONS = xmm(
    "EP_8_FLUX",
    "",
    "",
    "EP_HR{}",
    "EP_EXTENT",
    "EP_8_DET_ML",
    "EP_{}_FLUX",
    "POSERR",
    ra="RA",
    dec="DEC",
)
STACKED = xmm("EP_FLUX", "", "", "EP_HR{}", "EXTENT", "EP_DET_ML", "", "POSERR", ra="RA", dec="DEC")


def written(tmp_path, columns, units=None):
    table = pa.table(columns)
    for i, field in enumerate(table.schema):
        if unit := (units or {}).get(field.name):
            table = table.set_column(i, field.with_metadata({"unit": unit}), table.column(i))
    pq.write_table(table, tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def features_of(path, survey, need_all=True):
    chosen = survey.feature_set("all")
    found = read.read_detections(path, survey, chosen, need_all=need_all)
    return found, derive(found.table, survey, chosen)


@pytest.mark.parametrize(
    ("columns", "units"),
    [(SLIM, {}), (VIZIER, {"Flux8": FLUX, "F8min": FLUX, "F8max": FLUX, "ext": "arcsec"})],
    ids=["slim", "VizieR"],
)
@pytest.mark.parametrize("turn", [str, str.lower], ids=["as it is", "lower case"])
def test_4xmm_by_its_sources(tmp_path, columns, units, turn):
    survey = surveys.load("4xmm")
    path = written(
        tmp_path, {turn(c): v for c, v in columns.items()}, {turn(c): u for c, u in units.items()}
    )
    found, features = features_of(path, survey)
    assert found.table["name"].to_pylist() == ["4XMM J1", "4XMM J2", "4XMM J3"]
    assert found.table["ra"].to_pylist() == [1.0, 2.0, 3.0]
    values = dict(zip(features.names, features.values.T, strict=True))
    for i in (1, 2, 3, 4):
        assert values[f"hr{i}"].tolist() == (HR / i).tolist()
    assert values["log_flux_8"].tolist()[:2] == pytest.approx([-14, -13])
    assert np.isnan(values["log_flux_8"][2])  # flux 0 is no measurement
    assert values["flux_range"].tolist() == pytest.approx([2, 2, 2])
    assert values["log_det_ml"].tolist() == pytest.approx([1, 2, 6])
    assert values["extent"].tolist() == [0, 6.5, 80]
    assert values["share_1"].tolist()[:2] == pytest.approx([0.1, 0])
    assert values["poserr"].tolist() == [0.5, 1, 2]


@pytest.mark.parametrize("columns", [DETECTIONS, STACKED], ids=["detections", "stacked"])
def test_4xmm_by_its_detections(tmp_path, columns):
    columns = {**columns, "OBS_ID": ["0112880801", "0112880801", "0000110101"]}
    path = written(tmp_path, columns)
    with pytest.warns(match=r"no column .*flux_range"):
        found, features = features_of(path, surveys.load("4xmm"), need_all=False)
    assert found.table["obsid"].to_pylist() == [112880801, 112880801, 110101]
    values = dict(zip(features.names, features.values.T, strict=True))
    assert values["hr4"].tolist() == (HR / 4).tolist()
    assert values["log_det_ml"].tolist() == pytest.approx([1, 2, 6])


def test_the_mean_over_detections_counts_where_a_table_has_both(tmp_path):
    """The main catalogue has the values of the detection and, in each row, those of the source."""
    both = {**DETECTIONS, **SLIM, "EP_HR1": [0.9, 0.9, 0.9], "SC_VAR_FLAG": [True, False, None]}
    _, features = features_of(written(tmp_path, both), surveys.load("4xmm"))
    assert features.X[:, 0].tolist() == HR.tolist()


ERASS1 = {
    "IAUNAME": ["1eRASS J1", "1eRASS J2"],
    "RA": [1.0, 2.0],
    "DEC": [0.0, 1.0],
    "ML_RATE_P1": [0.1, 0.0],
    "ML_RATE_P2": [0.3, 0.0],
    "ML_RATE_P3": [0.1, 0.2],
    "ML_RATE_P4": [0.0, 0.2],
    "ML_FLUX_1": [1e-13, 1e-12],
    "DET_LIKE_0": [10.0, 1000.0],
    "EXT": [0.0, 12.0],
    "EXT_LIKE": [0.0, 5.0],
}


def at_vizier(name):
    """What VizieR makes of a name of eRASS1."""
    fixed = {"IAUNAME": "IAUName", "RA": "RA_ICRS", "DEC": "DE_ICRS", "EXT_LIKE": "EXTLike"}
    parts = re.fullmatch(r"(ML_RATE|ML_FLUX|DET_LIKE)_(\w+)", name)
    words = {"ML_RATE": "MLRate", "ML_FLUX": "MLFlux", "DET_LIKE": "DetLike"}
    return fixed.get(name) or (words[parts[1]] + parts[2] if parts else name)


@pytest.mark.parametrize("turn", [str, at_vizier], ids=["own names", "VizieR"])
def test_erass1_hardness_follows_from_rates(tmp_path, turn):
    path = written(tmp_path, {turn(c): v for c, v in ERASS1.items()})
    _, features = features_of(path, surveys.load("erass1"))
    values = dict(zip(features.names, features.values.T, strict=True))
    assert values["hr_12"][0] == pytest.approx(0.5)
    assert np.isnan(values["hr_12"][1])  # no counts in either band: no hardness
    assert values["hr_23"].tolist() == pytest.approx([-0.5, 1.0])
    assert values["hr_34"].tolist() == pytest.approx([-1.0, 0.0])
    assert values["log_flux"].tolist() == pytest.approx([-13, -12])
    assert values["ext_like"].tolist() == [0, 5]


SXPS = {
    "IAUName": ["2SXPS J1", "2SXPS J2"],
    "RA": [1.0, 2.0],
    "Decl": [0.0, 1.0],
    "HR1": [0.1, -0.2],
    "HR2": [0.3, None],
    "Rate_band0": [0.01, 0.1],
    "PeakRate_band0": [0.1, 0.1],
    "PvarPchiSnapshot_band0": [0.5, 1e-9],
    "PvarPchiObsID_band0": [0.2, 1.0],
}
SXPS_AT_VIZIER = {
    "IAUName": "IAUName",
    "RA": "RAJ2000",
    "Decl": "DEJ2000",
    "Rate_band0": "CR0",
    "PeakRate_band0": "PCR0",
    "PvarPchiSnapshot_band0": "PcstS0",
    "PvarPchiObsID_band0": "Pcst0",
}


@pytest.mark.parametrize("vizier", [False, True], ids=["own names", "VizieR"])
def test_2sxps(tmp_path, vizier):
    """VizieR's errors, whose names differ in case alone, neither stop it nor are taken."""
    columns = dict(SXPS)
    if vizier:
        columns = {SXPS_AT_VIZIER.get(c, c): v for c, v in SXPS.items()}
        columns |= {"E_HR1": [0.1, 0.1], "e_HR1": [-0.2, -0.2]}
    found, features = features_of(written(tmp_path, columns), surveys.load("2sxps"))
    values = dict(zip(features.names, features.values.T, strict=True))
    assert values["peak_ratio"].tolist() == pytest.approx([1, 0])
    assert values["log_rate"].tolist() == pytest.approx([-2, -1])
    assert values["hr1"].tolist() == [0.1, -0.2]
    assert not {"hr1_pos", "hr1_neg"} & set(found.table.column_names)


@pytest.mark.skipif(not SHARED.exists(), reason="the real tables are not at ../shared/data")
def test_the_training_table_of_4xmm_needs_no_options():
    survey = surveys.load("4xmm")
    found, features = features_of(SHARED / "xmm4_train.parquet", survey)
    assert set(found.called) >= {"hr1", "flux_8", "flux_8_min", "det_ml", "extent", "ra", "dec"}
    assert features.complete.sum() == 12_540
    assert features.n_missing.sum() == 232


@pytest.mark.parametrize("name", ["4xmm", "erass1", "2sxps"])
def test_a_profile_names_its_paper_and_where_its_names_are_from(name):
    text = resources.files(surveys).joinpath(f"{name}.toml").read_text()
    assert "# Names of columns, from" in text
    survey = surveys.load(name)
    assert "et al. 20" in survey.reference
    assert {"all", "hardness"} == set(survey.feature_sets)
    assert survey.planes
    for column in survey.columns:
        if column.unit in ("erg.s**-1.cm**-2", "count.s**-1"):
            assert (column.low, column.high) in ((0, None), (None, 0)), column.name


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("xmm", ("AGN", "*", "ULX", "N*", "LXB", "CV*")),
        ("muwclass", ("AGN", "CV*", "HM-STAR", "HXB", "LM-STAR", "LXB", "N*", "Y*O")),
    ],
)
def test_sets_of_classes(name, codes):
    classes = named_classes(name)
    assert classes.codes == codes
    assert len(set(classes.groups)) == len(codes)
    assert all(c.title for c in classes.classes)


def test_4xmm_teaches_six_classes():
    assert surveys.load("4xmm").classes == named_classes("xmm")


def test_each_shipped_survey_has_its_command():
    assert surveys.names() == SURVEYS
