"""What the figures of catalogues show: scales, limits, the order of clusters, the map."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from xsift import Settings, run
from xsift.catalogue.view import view_catalogue
from xsift.report import distributions
from xsift.report.cluster_figures import (
    clusters_against_classes,
    clusters_against_features,
    clusters_in_hardness,
)
from xsift.report.count_figures import tally_drawings
from xsift.report.drawing import NotDrawn, outlines
from xsift.report.map_figures import feature_map
from xsift.report.plane_figures import gamma_kt, panels
from xsift.report.report import make_figure

HARDNESS = ("hard_hs", "hard_hm", "hard_ms")


@pytest.fixture(scope="module")
def view(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("figures")
    pq.write_table(small_table, folder / "table.parquet")
    settings = Settings(method="paper", label_column="label", clusters=3, vote_trained=True)
    run(folder / "table.parquet", settings=settings).write(folder, ("parquet",))
    return view_catalogue(folder)


def tally(view, stem):
    return next(d for d in tally_drawings(view) if d.stem == stem)


def inside(ax):
    """Tell whether the axes hold every contour and point of theirs."""
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    found = []
    for c in ax.collections:
        is_contour = hasattr(c, "levels")
        found += [p.vertices for p in c.get_paths()] if is_contour else [c.get_offsets()]
    return bool(found) and all(((at >= low - 1e-9) & (at <= high + 1e-9)).all() for at in found)


def test_photon_index_and_temperature_hold_their_contours(view):
    rng = np.random.default_rng(0)
    n = len(view.code)
    hot = rng.random(n) < 0.1  # a group far from the others, and an outlier
    gamma = np.where(hot, -3, 2) + 0.1 * rng.standard_normal(n)
    kt = np.where(hot, 100, 0.5) * np.exp(0.2 * rng.standard_normal(n))
    kt[np.flatnonzero(~hot)[0]] = 1e-3
    far = replace(view, features=view.features | {"powlaw_gamma": gamma, "bb_kt": kt})
    group = np.where(hot, 0, 1)
    figure = make_figure(gamma_kt(far, group))
    ax = figure.axes[0]
    assert inside(ax)
    assert ax.get_ylim()[1] > 100
    assert ax.get_ylim()[0] > 1e-2  # one outlier sets no limit
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels[-2:] == ["90 %", "50 %"]
    widths = [h.get_linewidth() for h in ax.get_legend().legend_handles[-2:]]
    assert widths[0] < widths[1]
    # Contours close inside the frame: none is cut off.
    for c in ax.collections:
        for path in c.get_paths():
            for line in path.to_polygons(closed_only=False):
                np.testing.assert_allclose(line[0], line[-1])


def test_photon_index_of_few_sources_is_points(view):
    few = np.where(np.arange(len(view.code)) < 7, 0, -1)
    ax = make_figure(gamma_kt(view, few)).axes[0]
    (points,) = ax.collections
    assert len(points.get_offsets()) == 7
    assert inside(ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [view.groups[0]]


def test_planes_have_no_pixels(view):
    for code, by_group in ((view.group, True), (view.code, False)):
        drawing = panels(view, "p", "P", HARDNESS[:2], code, by_group)
        figure = make_figure(drawing)
        assert not any(ax.images for ax in figure.axes)
        assert not any(c.get_rasterized() for ax in figure.axes for c in ax.collections)
        n = len(pc.unique(drawing.table["population"]))
        assert len(figure.axes) == n  # a panel for each, of curves or of points
        dense = set(outlines(drawing.table))
        for ax in figure.axes:
            name = ax.get_title().split(" (")[0].replace("\\", "")
            assert (len(ax.collections) == 2) == (name in dense)


def test_probabilities_have_one_scale(view):
    drawing = tally(view, "probabilities")
    figure = make_figure(drawing)
    right = next(ax for ax in figure.axes if ax.get_xlabel() == "share of the class")
    left = [ax for ax in figure.axes if ax is not right]
    assert len(left) > 1
    assert len({ax.get_ylim() for ax in left}) == 1
    top = left[0].get_ylim()[1]
    figure.draw_without_rendering()
    for ax in left:
        assert all(np.nanmax(p.get_data().values) < top for p in ax.patches)
        legend = ax.get_legend().get_window_extent()
        assert not any(legend.overlaps(other.get_window_extent()) for other in left)


def test_latitudes_draw_no_group_of_few(view):
    drawing = tally(view, "latitude")
    names = [t.get_text() for t in make_figure(drawing).axes[0].get_legend().get_texts()]
    group = view.of_unique(view.group)
    n = dict(zip(view.groups, np.bincount(group[group >= 0], minlength=9), strict=False))
    assert set(names) == {g for g, k in n.items() if k >= 30}


def test_the_sky_tells_where_nothing_was_found_from_where_nothing_is(view):
    half = np.where(view.l_deg < 180, view.l_deg, np.nan)
    drawing = tally(replace(view, l_deg=half, b_deg=np.where(np.isnan(half), np.nan, view.b_deg)),
                    "sky_groups")  # fmt: skip
    assert "Grey: the catalogue has no source of any class" in drawing.caption
    figure = make_figure(drawing)
    for ax in figure.axes:
        if ax.name == "mollweide":
            (grey,) = [c for c in ax.collections if c.get_zorder() == 0.9]
            seen = np.ma.getmaskarray(grey.get_array())
            # Longitude runs to the left: 180 to 360 is on the right-hand side.
            assert not seen[:, 100:170].any()
            assert seen[:, 10:80].any()


def crowded(view, n=40):
    """The same detections in forty clusters, the last the heaviest."""
    found = view.detections
    cluster = np.random.default_rng(0).choice(n, len(found.cluster), p=np.arange(1, n + 1) / 820)
    return replace(view, detections=replace(found, cluster=cluster)), cluster


def test_forty_clusters_are_a_matrix_in_the_order_of_their_weights(view):
    many, cluster = crowded(view)
    n = np.bincount(cluster, minlength=40)
    for draw in (clusters_against_features, clusters_against_classes):
        drawing = draw(many)
        figure = make_figure(drawing)
        bars, matrix = figure.axes[:2]
        heights = [b.get_height() for b in bars.patches]
        assert heights == sorted(heights, reverse=True)
        assert sum(heights) == pytest.approx(100)
        order = [int(t.get_text()) for t in matrix.get_xticklabels()]
        assert [n[k] for k in order] == sorted(n[n > 0], reverse=True)
        assert matrix.images[0].get_array().shape[1] == len(order)
        figure.draw_without_rendering()
        assert bars.get_window_extent().x0 == pytest.approx(matrix.get_window_extent().x0)


def test_the_matrix_of_features_holds_medians_among_all(view):
    many, cluster = crowded(view)
    row = clusters_against_features(many).table.to_pylist()[0]
    values = many.detections.features[row["feature"]]
    mine = values[(cluster == row["cluster"]) & np.isfinite(values)]
    assert row["median"] == np.median(mine)
    assert row["n"] == len(mine)
    assert row["below"] == pytest.approx(
        np.mean(values[np.isfinite(values)] < row["median"]), abs=0.01
    )


def test_the_matrix_of_classes_counts_detections(view):
    many, cluster = crowded(view)
    table = clusters_against_classes(many).table.to_pylist()
    for row in table:
        of = many.detections.code[cluster == row["cluster"]]
        assert row["n"] == np.sum(of == view.names.index(row["class"]))
    first = [r["of_cluster"] for r in table if r["cluster"] == table[0]["cluster"]]
    assert sum(first) == pytest.approx(1)


def test_of_forty_clusters_six_have_outlines(view):
    many, cluster = crowded(view)
    drawing = clusters_in_hardness(many, HARDNESS)
    heaviest = np.argsort(-np.bincount(cluster), kind="stable")[:6]
    names = pc.unique(drawing.table["population"]).to_pylist()
    assert [int(n.split()[1]) for n in names] == heaviest.tolist()
    assert "The 6 heaviest of 40 clusters." in drawing.caption
    figure = make_figure(drawing)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)


def test_the_map_is_of_those_that_have_every_feature(view):
    features = {k: v.copy() for k, v in view.features.items()}
    n = len(view.code)
    features["bb_kt"][: int(0.6 * n)] = np.nan  # too few have it
    features["hard_hs"][-10:] = np.nan
    drawing = feature_map(replace(view, features=features))
    complete = np.isfinite(np.column_stack([v for k, v in features.items() if k != "bb_kt"]))
    m = int(complete.all(axis=1).sum())
    assert drawing.table.num_rows == m <= n - 10
    assert f"{m:,} of {n:,} sources have all these features" in drawing.caption
    assert "most sources lack them or all are equal: kT." in drawing.caption
    figure = make_figure(drawing)
    groups = [t.get_text() for t in figure.legends[0].get_texts()]
    assert sum(int(g.split("(")[1][:-1].replace(",", "")) for g in groups) == m


def test_a_map_of_nothing_says_so(view):
    one = {"hard_hs": view.features["hard_hs"]}
    assert isinstance(feature_map(replace(view, features=one)), NotDrawn)
    assert isinstance(feature_map(replace(view, features={})), NotDrawn)


def test_the_map_finds_the_direction_that_was_put_in():
    rng = np.random.default_rng(0)
    a = rng.standard_normal(2000)
    values = {"a": a, "b": a + 0.1 * rng.standard_normal(2000), "c": rng.standard_normal(2000)}
    values["a"][0] = 1e9  # an outlier moves nothing: it is cut
    found = distributions.feature_map(values | {"same": np.ones(2000)})
    assert found.left_out == ("same",)
    assert found.features == ("a", "b", "c")
    np.testing.assert_allclose(np.abs(found.weights[0, :2]), np.sqrt(0.5), atol=0.05)
    assert found.weights[0, 0] > 0
    assert found.explained[0] == pytest.approx(2 / 3, abs=0.03)
    again = distributions.feature_map(values)
    np.testing.assert_array_equal(found.xy, again.xy)
