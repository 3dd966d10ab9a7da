"""The report of a survey of one's own: its features, its classes, and nothing of Chandra's."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from xsift.catalogue.view import view_catalogue
from xsift.errors import TableError
from xsift.report import distributions
from xsift.report.drawing import Drawing
from xsift.report.feature_figures import feature_drawings
from xsift.report.hypotheses import NOT_JUDGED, STATEMENTS, statements_for
from xsift.report.report import FIGURES, make_figure

PAPER = ("hard_hs", "hard_hm", "powlaw_gamma", "var_prob_b")


@pytest.fixture(scope="module")
def drawn(own_survey):
    view = view_catalogue(own_survey)
    return view, {d.stem: d for d in feature_drawings(view)}


def test_the_figures_are_of_the_profile_s_features_and_planes(drawn):
    _, found = drawn
    stems = ["clusters_features", "clusters_classes", "feature_map", "features_groups"]
    assert list(found) == [*stems, "planes_groups", "plane_classes", "clusters_planes"]
    assert set(found) <= set(FIGURES)
    assert all(isinstance(d, Drawing) and d.table.num_rows for d in found.values())
    features = found["features_groups"].table["feature"].unique().to_pylist()
    assert features == ["hr1", "hr2", "flux", "lf", "w1"]
    for stem in ("planes_groups", "clusters_planes"):
        assert found[stem].table["plane"].unique().to_pylist() == ["hr1 hr2", "flux w1"]
    classes = found["plane_classes"].table["population"].unique().to_pylist()
    assert classes == ["AGN", "*", "ULX", "N*", "QPE", "CV*"]


def test_axes_have_labels_units_and_scales(drawn):
    _, found = drawn
    figure = make_figure(found["features_groups"])
    said = [ax.get_xlabel() for ax in figure.axes]
    flux = r"log$_{10}$ flux, 0.2 to 12 keV (erg s⁻¹ cm⁻²)"
    logarithm = "log of the flux (erg s⁻¹ cm⁻²)"
    assert said == ["hardness 1", "hr2", flux, logarithm, "W1 (mag)"]
    assert all(ax.lines for ax in figure.axes)
    assert [t.get_text() for t in figure.legends[0].get_texts()][:3] == ["AGN", "STAR", "ULX"]
    figure = make_figure(found["planes_groups"])
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes] == [
        ("hardness 1", "hr2"),
        (flux, "W1 (mag)"),
    ]
    low, high = figure.axes[1].get_xlim()
    assert -16 < low < high < -10  # fluxes lie below where an axis of ratios begins
    ticks = [t.get_text() for t in figure.axes[1].get_yticklabels()]
    assert 2 <= len(ticks) <= 5
    assert all(float(t) == round(float(t), 1) for t in ticks)


def test_curves_are_those_of_the_sources(own_survey, drawn):
    view, found = drawn
    sources = pq.read_table(own_survey / "sources.parquet").to_pylist()
    mine = [s["flux"] for s in sources if s["group"] == "NS" and s["status"] == "unique"]
    rows = found["features_groups"].table.to_pylist()
    rows = [r for r in rows if (r["feature"], r["population"]) == ("flux", "NS")]
    logs = np.log10(view.features["flux"])
    low, high = np.quantile(logs, [0.005, 0.995])
    span = (low - 0.05 * (high - low), high + 0.05 * (high - low))
    assert [r["density"] for r in rows] == pytest.approx(
        distributions.curve(np.log10(mine), span, False)
    )


def test_the_page_speaks_of_no_other_survey(own_survey, tmp_path, xsift):
    said = xsift("report", own_survey, "--out", tmp_path)
    assert said.status == 0
    assert f"Hypotheses not judged: {NOT_JUDGED}" in " ".join(said.out.split())
    assert said.out.count("not judged") == 1
    html = (tmp_path / "report.html").read_text("utf-8")
    assert f"Not judged: {NOT_JUDGED}." in html.replace("&#39;", "'")
    for word in ("Chandra", "Hardness by", "Hardness plane", "Variability", "gamma", "Seyfert"):
        assert word not in html.replace(NOT_JUDGED.replace("'", "&#39;"), ""), word
    record = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert record["hypotheses"] == []
    left_out = {"k_scan", "hypotheses", "reliability", "purity_completeness"}
    assert {d["stem"] for d in record["not_drawn"]} == left_out
    medians = record["class_medians"][0]
    assert {"hr1", "lf", "below_5_deg"} <= set(medians)
    assert "variable" not in medians
    assert "var_prob_b &gt; 0.9" not in html


def test_statements_are_left_out_where_features_or_classes_lack():
    codes = ["QSO", "AGN", "Y*O", "HXB", "LXB"]
    assert statements_for((*PAPER, "hard_ms"), []) == STATEMENTS
    keys = {s.key for s in statements_for(["hr1"], codes)}
    assert keys == {"young_stars_in_plane", "xb_near_plane"}
    assert statements_for(["hr1"], ["AGN", "STAR"]) == ()


def test_a_feature_may_have_the_name_of_a_column_of_medians():
    values = {"sources": np.array([1.0, 2.0, 3.0])}
    table = distributions.class_medians(values, None, [("group", "a", np.ones(3, dtype=bool))])
    assert table.to_pylist() == [
        {"level": "group", "name": "a", "sources": 3, "median_sources": 2.0}
    ]


def test_votes_of_a_survey_of_one_s_own_keep_its_profile(own_survey, tmp_path, xsift):
    table, profile = own_survey / "detections.parquet", own_survey / "mine.toml"
    said = xsift("vote", table, "--survey", profile, "--out", tmp_path)
    assert said.status == 0, said.err
    view = view_catalogue(tmp_path)
    assert view.survey.title == "My XMM sources"
    assert list(view.features) == ["hr1", "hr2", "flux", "lf", "w1"]
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    record["profile"]["planes"] = [["hr1", "no_such"]]
    (tmp_path / "run.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(TableError, match=r"run\.json: profile: .*planes name unknown .*no_such"):
        view_catalogue(tmp_path)
