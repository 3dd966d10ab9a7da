"""Reliability, purity and completeness from the model's validation, beside the catalogue's."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

from xsift import plots
from xsift.catalogue.view import view_catalogue
from xsift.compare.agreement import share as wilson
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.validation import validation_of
from xsift.report.drawing import Drawing
from xsift.report.report import make_figure
from xsift.report.validation_figures import (
    expected_purity,
    purity_table,
    reliability_table,
    validation_drawings,
)


@pytest.fixture
def view(calibrated):
    return view_catalogue(calibrated)


def test_expected_purity_is_the_mean_probability_above():
    rng = np.random.default_rng(0)
    p = np.append(rng.random(500) ** 3, [np.nan, 0.5, 1.0])
    thresholds = np.array([0.0, 0.25, 0.5, 0.999, 1.0])
    n, purity = expected_purity(p, thresholds)
    for t, k, mean in zip(thresholds, n, purity, strict=True):
        above = [q for q in p if q >= t]
        assert k == len(above)
        assert mean == pytest.approx(sum(above) / len(above))
    n, purity = expected_purity(np.array([0.2]), thresholds)
    assert n.tolist() == [1, 0, 0, 0, 0]
    assert np.isnan(purity[1:]).all()


def test_the_tables_are_those_of_a_loop(view):
    rng = np.random.default_rng(4)
    p = rng.dirichlet(np.ones(3), 400)
    group, source = rng.integers(0, 3, 400), np.arange(400)
    found = validation_of(p, group, source, np.ones(400), ("AGN", "YSO", "elsewhere"))
    table = purity_table(found, view).to_pylist()
    for row in table:
        g = found.groups.index(row["population"])
        above = p[:, g] >= row["threshold"]
        right = above & (group == g)
        assert row["sources"] == pytest.approx(above.sum())
        assert row["completeness"] == pytest.approx(right.sum() / (group == g).sum())
        if above.any():
            assert row["purity"] == pytest.approx(right.sum() / above.sum())
        else:
            assert np.isnan(row["purity"])
    sources = pq.read_table(view.folder / "sources.parquet").to_pylist()
    mine = [s["p_qso"] + s["p_agn"] for s in sources]
    row = next(r for r in table if r["population"] == "AGN" and r["threshold"] == 0.5)
    assert row["catalogue_sources"] == sum(q >= 0.5 for q in mine)
    assert row["expected_purity"] == pytest.approx(np.mean([q for q in mine if q >= 0.5]))
    # A group that the catalogue does not have.
    assert all(r["catalogue_sources"] == 0 for r in table if r["population"] == "elsewhere")
    for row in reliability_table(found).to_pylist():
        g = found.groups.index(row["population"])
        inside = (p[:, g] >= row["low_edge"]) & (p[:, g] < row["high_edge"])
        assert row["sources"] == pytest.approx(inside.sum())
        assert row["probability"] == pytest.approx(p[inside, g].mean())
        assert row["share"] == pytest.approx((group[inside] == g).mean())
        interval = wilson(int((group[inside] == g).sum()), int(inside.sum()))
        assert_allclose([row["low"], row["high"]], [interval["low"], interval["high"]], atol=1e-9)


def test_both_figures_are_drawn_and_say_what_they_were_measured_on(view):
    found = view.found.tree.validation[-1]
    reliability, purity = validation_drawings(view)
    for drawing in (reliability, purity):
        assert isinstance(drawing, Drawing)
        assert f"{found.detections:,} labelled detections of {found.sources:,} sources" in (
            drawing.caption
        )
        assert "in 4 folds by source. Detections weigh as in training." in drawing.caption
        assert "The blend of each fold was fitted on the other folds." in drawing.caption
        titles = [ax.get_title() for ax in make_figure(drawing).axes]
        assert titles == found.groups
    figure = make_figure(purity)
    part = [r for r in purity.table.to_pylist() if r["population"] == found.groups[0]]
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert_allclose(drawn["completeness"], [r["completeness"] for r in part])
    enough = [r["purity"] if r["sources"] >= 10 else np.nan for r in part]
    assert_allclose(drawn["purity"], enough)
    figure = make_figure(reliability)
    points = figure.axes[0].containers[-1].lines[0].get_xydata()
    part = [r for r in reliability.table.to_pylist() if r["population"] == found.groups[0]]
    wanted = [(r["probability"], r["share"]) for r in part if r["sources"] >= 10]
    assert_allclose(points, wanted)


def test_folds_by_field_are_said(view):
    survey = view.survey.model_copy(update={"field": 1.0})
    for drawing in validation_drawings(replace(view, survey=survey)):
        assert "in 4 folds by source, and by field on the sky." in drawing.caption


def test_most_detections_faint_take_the_curves_of_faint_ones(calibrated, tmp_path):
    import pyarrow as pa

    shutil.copytree(calibrated, tmp_path / "c")
    path = tmp_path / "c" / "detections.parquet"
    table = pq.read_table(path)
    table = table.append_column("effective_counts", pa.array(np.full(table.num_rows, 20.0)))
    pq.write_table(table, path)
    for drawing in validation_drawings(view_catalogue(tmp_path / "c")):
        assert "with fewer than 130 effective counts" in drawing.caption


def test_a_model_without_them_says_why(calibrated, tmp_path):
    shutil.copytree(calibrated, tmp_path / "c")
    tree = load_model_tree(tmp_path / "c" / "model.asdf")
    save_model_tree(tree.model_copy(update={"validation": []}), tmp_path / "c" / "model.asdf")
    for found in validation_drawings(view_catalogue(tmp_path / "c")):
        assert found.why.startswith("the model file is of an earlier xsift")


def test_without_a_model_and_by_the_paper_method(calibrated, own_survey, tmp_path):
    from xsift import vote_table

    vote_table(calibrated / "detections.parquet").write(tmp_path / "voted")
    for found in validation_drawings(view_catalogue(tmp_path / "voted")):
        assert found.why == "the folder has no model"
    for found in validation_drawings(view_catalogue(own_survey)):
        assert found.why.startswith("the paper's method does not validate itself")


def test_purity_and_completeness_are_told_apart_without_colour():
    from matplotlib.figure import Figure

    ax = plots.purity_completeness(
        Figure().subplots(), [0, 0.5], [0.5, 0.9], [1, 0.5], [0.4, np.nan]
    )
    assert len({line.get_linestyle() for line in ax.lines}) == 3
    assert [line.get_label() for line in ax.lines] == [
        "purity",
        "completeness",
        "expected purity here",
    ]
