"""The report of catalogues of every kind: its files, its numbers, its page."""

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from importlib import import_module

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import xsift
from xsift import Settings, run
from xsift.catalogue.view import view_catalogue
from xsift.classes import read_classes
from xsift.errors import MissingPackageError, SettingError, TableError
from xsift.report import distributions
from xsift.report.count_figures import k_scan, tally_drawings
from xsift.report.drawing import Drawing
from xsift.report.feature_figures import feature_drawings
from xsift.report.report import _write_figure, compose, judge_catalogue, make_figure, write_report
from xsift.write import Staging

VOID = {"meta", "br", "path", "use", "image", "link"}
HOSTILE = '<script>alert("x")</script>$\\frac$'
CLASSES = """\
[[class]]
code = "QSO"
group = "far"
[[class]]
code = 'HXB'
group = '<script>alert("x")</script>$\\frac$'
column = "p_hostile"
"""


class Page(HTMLParser):
    """Holds every tag to its end; keeps the text and the links."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.text, self.links, self.ids = [], set(), "", [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.links += [v for k, v in attrs if k == "href" and tag == "a"]
        self.ids += [v for k, v in attrs if k == "id" and "svg" not in self.open]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def paper(tmp_path_factory, small_table):
    """A catalogue by the paper's method, of 600 detections, half of them labelled."""
    folder = tmp_path_factory.mktemp("paper")
    pq.write_table(small_table, folder / "table.parquet")
    settings = Settings(method="paper", label_column="label", clusters=3)
    run(folder / "table.parquet", settings=settings).write(folder, ("parquet",))
    return folder


@pytest.fixture(scope="module")
def opened(tmp_path_factory, small_table):
    """A catalogue of the wide set: what was AGN is a star, and ten sources are of none."""
    folder = tmp_path_factory.mktemp("opened")
    label = ["PM*" if code == "AGN" else code for code in small_table["label"].to_pylist()]
    at = small_table.column_names.index("label")
    table = small_table.set_column(at, "label", pa.array(label))
    settings = Settings(label_column="label", features="all", vote_trained=True)
    run(table, settings=settings).write(folder, ("parquet",))
    sources = pq.read_table(folder / "sources.parquet")
    for name in ("class", "group"):
        words = ["none"] * 10 + sources[name].to_pylist()[10:]
        at = sources.column_names.index(name)
        sources = sources.set_column(at, sources.schema.field(name), pa.array(words))
    pq.write_table(sources, folder / "sources.parquet")
    return folder


def write_numbers(drawing, staging):
    """Write the numbers of a figure and leave the drawing, which takes a second for each."""
    for end in ("pdf", "png"):
        staging.path(f"{drawing.stem}.{end}").write_bytes(b"")
    pa.csv.write_csv(drawing.table, staging.path(f"{drawing.stem}.csv"))
    return "<svg></svg>"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(import_module("xsift.report.report"), "_write_figure", write_numbers)


@pytest.fixture(scope="module")
def reported(paper, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("xsift.report.report"), "_write_figure", write_numbers)
        return write_report(paper, tmp_path_factory.mktemp("report"))


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def drawings(folder):
    view = view_catalogue(folder)
    found = [*tally_drawings(view), *feature_drawings(view)]
    return (
        view,
        {d.stem: d for d in found if isinstance(d, Drawing)},
        {d.stem: d.why for d in found if not isinstance(d, Drawing)},
    )


def test_every_figure_is_drawn_and_the_page_loads_nothing(paper, tmp_path):
    reported = write_report(paper, tmp_path)
    stems = {f["stem"] for f in reported.record["figures"]}
    assert stems == {
        *("class_fractions", "sky_groups", "sky_classes", "latitude", "detections_per_source"),
        *("probabilities", "typicality", "clusters_hardness", "clusters_features"),
        *("clusters_classes", "feature_map"),
        *("hardness_groups", "hardness_classes", "hardness_plane", "gamma_kt"),
        *("variability_groups", "variability_classes", "hypotheses"),
    }
    for stem in stems:
        assert (reported.folder / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert (reported.folder / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        assert rows(reported.folder / f"{stem}.csv")
    not_drawn = [f["stem"] for f in reported.record["not_drawn"]]
    assert not_drawn == ["reliability", "purity_completeness", "k_scan"]
    for stem in ("class_counts", "class_medians", "group_counts", "status"):
        assert rows(reported.folder / f"{stem}.csv")
    html = (reported.folder / "report.html").read_text("utf-8")
    page = Page(html)
    assert not page.seen & {"script", "link", "iframe", "img", "object", "form"}
    loaded = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]*)", html)
    foreign = [u for u in loaded if not u.startswith(("#", "data:image/png;base64,"))]
    files = {link for link in page.links if not link.startswith("#")}
    assert set(foreign) == files  # links to its own files, which nothing loads
    assert all((reported.folder / link).exists() for link in files)
    assert "default-src 'none'" in html
    assert html.count("<svg") == len(reported.record["figures"])
    for said in ("Sky density by class", "Hypotheses", "circular", "What would refute them"):
        assert said in page.text


def test_every_link_inside_the_page_has_its_place(reported):
    page = Page((reported.folder / "report.html").read_text("utf-8"))
    inside = [link.removeprefix("#") for link in page.links if link.startswith("#")]
    assert len(page.ids) == len(set(page.ids))
    assert set(inside) <= set(page.ids)
    sections = [i for i in page.ids if i != "top" and not i.startswith("source-")]
    listed = inside[inside.index("catalogue") :][: len(sections)]
    assert listed == sections  # the contents name every section, in their order
    cards = [i for i in page.ids if i.startswith("source-")]
    assert len(cards) == len(reported.record["cards"]) > 5
    assert set(cards) <= set(inside)  # every card is of a source that the page mentions


def test_the_page_begins_with_what_was_found(reported):
    text = Page((reported.folder / "report.html").read_text("utf-8")).text
    order = ["What was found", "Sources to look at first", "Caveats of this catalogue", "Contents"]
    places = [text.index(title) for title in order]
    assert places == sorted(places)
    assert text.index("Class fractions") > places[-1]
    for row in reported.record["group_counts"]:
        assert f"{row['expected']:,.1f}" in text[: places[1]]


def test_title_author_and_more_cards(paper, tmp_path, quick, xsift):
    altered(paper, tmp_path, lambda t: t)
    source = pq.read_table(tmp_path / "sources.parquet")["name"].to_pylist()[200]
    plain = write_report(tmp_path).record
    n = pq.read_table(tmp_path / "sources.parquet").num_rows
    assert (plain["title"], plain["author"]) == (f"Classes of {n} X-ray sources", "")
    assert source not in [c["name"] for c in plain["cards"]]
    said = ("--title", "A <field>", "--author", "B. & C.", "--source", source.replace(" ", ""))
    assert xsift("report", tmp_path, *said).status == 0
    found = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert [c["name"] for c in found["cards"]] == [*(c["name"] for c in plain["cards"]), source]
    text = Page((tmp_path / "report" / "report.html").read_text("utf-8")).text
    assert "A <field>" in text
    assert "B. & C." in text
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    record |= {"title": "Of the record", "author": "R. Ecord"}
    (tmp_path / "run.json").write_text(json.dumps(record), "utf-8")
    found = write_report(tmp_path).record
    assert (found["title"], found["author"]) == ("Of the record", "R. Ecord")


def test_a_card_of_no_source_is_one_line(paper, tmp_path, xsift, quick):
    answer = xsift("report", paper, "--out", tmp_path / "r", "--source", "2CXO J9")
    assert answer.status == 1
    assert "no source 2CXO J9 among 300" in answer.err
    assert not (tmp_path / "r").exists()


def test_the_numbers_are_those_of_the_catalogue(paper, reported):
    sources = pq.read_table(paper / "sources.parquet").to_pylist()
    counts = {r["class"]: r for r in rows(reported.folder / "class_counts.csv")}
    for code, row in counts.items():
        mine = [s for s in sources if s["class"] == code]
        assert int(row["total"]) == len(mine)
        assert int(row["unique"]) == sum(s["status"] == "unique" for s in mine)
    medians = {(r["level"], r["name"]): r for r in rows(reported.folder / "class_medians.csv")}
    qso = [s for s in sources if s["class"] == "QSO" and s["status"] == "unique"]
    assert int(medians["class", "QSO"]["sources"]) == len(qso)
    expected = np.median([s["hard_hs"] for s in qso])
    assert float(medians["class", "QSO"]["hard_hs"]) == pytest.approx(expected)
    n = rows(reported.folder / "detections_per_source.csv")
    assert sum(int(r["sources"]) for r in n) == len(sources)
    shares = {r["class"]: r for r in rows(reported.folder / "probabilities.csv")}
    p = [s["p_qso"] for s in sources if s["class"] == "QSO"]
    assert float(shares["QSO"]["above_0.7"]) == pytest.approx(np.mean(np.array(p) > 0.7))


def test_figures_show_the_numbers_of_their_tables(paper):
    _, found, _ = drawings(paper)
    table = found["hardness_groups"].table
    dense = table.filter(pc.is_finite(table["density"]))
    figure = make_figure(found["hardness_groups"])
    curves = [ln for ax in figure.axes for ln in ax.lines if len(ln.get_xdata()) == 200]
    drawn = np.concatenate([line.get_ydata() for line in curves])
    np.testing.assert_array_equal(drawn, dense["density"].to_numpy())
    figure = make_figure(found["sky_groups"])
    table = found["sky_groups"].table
    dense = table.filter(pc.is_finite(table["per_deg2"]))
    skies = [ax for ax in figure.axes if ax.name == "mollweide"]
    maps = [c for ax in skies for c in ax.collections if c.get_zorder() == 1]
    shape = (len(maps), distributions.N_LON, distributions.N_LAT)
    for mesh, one in zip(maps, dense["per_deg2"].to_numpy().reshape(shape), strict=True):
        drawn = np.asarray(mesh.get_array().data)[:, ::-1].T  # longitude runs to the left
        np.testing.assert_allclose(drawn, one)
    figure = make_figure(found["clusters_features"])
    (image,) = figure.axes[1].images
    np.testing.assert_array_equal(
        image.get_array().ravel(), found["clusters_features"].table["below"].to_numpy()
    )


def test_curves_are_those_of_the_unique_sources(paper, tmp_path):
    def doubt(table):
        status = pa.array(["ambiguous", "unique"] * table.num_rows).slice(0, table.num_rows)
        return table.set_column(table.column_names.index("status"), "status", status)

    paper = altered(paper, tmp_path, doubt)
    view, found, _ = drawings(paper)
    table = found["hardness_groups"].table.to_pylist()
    mine = [r["density"] for r in table if (r["feature"], r["population"]) == ("hard_hs", "AGN")]
    sources = pq.read_table(paper / "sources.parquet").to_pylist()
    values = [s["hard_hs"] for s in sources if s["group"] == "AGN" and s["status"] == "unique"]
    np.testing.assert_array_equal(mine, distributions.curve(np.array(values), (-1, 1), True))
    counted = found["class_fractions"].table
    assert sum(counted["total"].to_pylist()) == len(sources)
    maps = {r["population"]: r["n"] for r in found["sky_groups"].table.to_pylist()}
    assert sum(maps.values()) == len(sources) // 2
    assert view.method == "paper"


def test_hypotheses_by_class_and_by_label(paper, reported):
    found = json.loads((reported.folder / "hypotheses.json").read_text("utf-8"))
    by = {(r["key"], r["version"]): r for r in found["hypotheses"]}
    assert found["margin"] == 0.05
    assert "Undecided" in found["rule"]
    detections = pq.read_table(paper / "detections.parquet").to_pylist()
    known = {d["name"]: d["label"] for d in detections if d["label"]}
    row = by["agn_harder_than_qso", "label"]
    assert row["n_a"] == sum(v == "AGN" for v in known.values())
    assert row["n_b"] == sum(v == "QSO" for v in known.values())
    sources = pq.read_table(paper / "sources.parquet").to_pylist()
    unique = [s for s in sources if s["status"] == "unique"]
    row = by["agn_harder_than_qso", "class"]
    assert row["n_a"] == sum(s["class"] == "AGN" for s in unique)
    medians = np.median([s["hard_hs"] for s in unique if s["class"] == "QSO"])
    assert row["value_b"] == pytest.approx(medians)
    assert by["sy2_harder_than_sy1", "label"]["verdict"] == "not tested"
    table = rows(reported.folder / "hypotheses.csv")
    assert [r["key"] for r in table] == [r["key"] for r in found["hypotheses"]]


def test_hypotheses_say_of_which_sources_they_do_not_speak(opened, tmp_path, quick):
    """They are of the paper's classes; a model may know more, and none of them."""
    beyond = write_report(opened, tmp_path).record["beyond"]
    sources = pq.read_table(opened / "sources.parquet").to_pylist()
    mine = [s["group"] for s in sources if s["status"] == "unique"]
    assert beyond == {g: mine.count(g) for g in ("Star", "none")}
    assert all(beyond.values())
    said = Page((tmp_path / "report.html").read_text("utf-8")).text
    assert f"No statement is about the classes of {sum(beyond.values())} uniquely" in said
    assert f"Star {beyond['Star']}" in said


def test_a_known_type_counts_as_its_class(opened):
    """A label may be any type that the classes list: PM* is a star."""
    view = view_catalogue(opened)
    star = view.classes.codes.index("*")
    labels = pq.read_table(opened / "detections.parquet")["label"].to_pylist()
    assert labels.count("PM*") > 0
    assert (view.detections.label == star).sum() == labels.count("PM*")


def test_figures_of_a_wide_set_show_every_group(opened):
    view, found, _ = drawings(opened)
    groups = ("AGN", "XB", "YSO", "Star", "none")
    for stem in ("latitude", "hardness_groups", "sky_groups", "typicality"):
        assert set(groups) <= set(found[stem].table["population"].to_pylist()), stem
    counts = found["class_fractions"].table.to_pylist()
    n = {g: sum(r["unique"] + r["ambiguous"] for r in counts if r["group"] == g) for g in groups}
    assert all(n.values())
    assert sum(r["unique"] + r["ambiguous"] for r in counts) == (view.code >= 0).sum()
    for drawing in found.values():
        figure = make_figure(drawing)
        figure.draw_without_rendering()
        for artist in [*figure.legends, *(ax.get_legend() for ax in figure.axes)]:
            if artist is not None:
                box, paper = artist.get_window_extent(), figure.bbox
                assert box.x0 >= -1, drawing.stem
                assert box.x1 <= paper.width + 1, drawing.stem


def test_a_group_of_a_few_sources_is_points_and_named(opened, tmp_path):
    """The curve of a lone source is a spike that would set the scale of all others."""

    def lone(table):
        at = table.column_names.index("class")
        words = ["none", *("QSO" if c == "none" else c for c in table["class"].to_pylist()[1:])]
        return table.set_column(at, "class", pa.array(words))

    _, found, _ = drawings(altered(opened, tmp_path, lone))
    for stem in ("hardness_groups", "hardness_classes", "variability_groups", "gamma_kt"):
        table = found[stem].table
        mine = table.filter(pc.equal(table["population"], "none"))
        per_feature = len(pc.unique(table["feature"])) if "feature" in table.column_names else 1
        assert mine.num_rows == per_feature, stem
        assert np.isnan(mine["density"].to_numpy()).all(), stem
    for stem in ("hardness_groups", "variability_groups", "typicality", "sky_groups", "gamma_kt"):
        said = found[stem].caption
        assert re.search(r"Fewer than 30 sources, each drawn by itself: .*none \(1\)", said), stem
    assert "none (1)" in found["latitude"].caption
    figure = make_figure(found["variability_groups"])
    (panel,) = [ax for ax in figure.axes if ax.get_title() == "none (1)"]
    (points,) = panel.collections
    assert len(points.get_offsets()) == 1
    # The lone one, in one bin alone, does not set the scale of the histograms.
    ax = make_figure(found["typicality"]).axes[0]
    table = found["typicality"].table
    many = table.filter(pc.not_equal(table["population"], "none"))
    assert pc.max(table["share"]).as_py() == 1
    assert ax.get_ylim()[1] < 1.6 * pc.max(many["share"]).as_py()


def test_the_same_report_twice(paper, reported, tmp_path, quick):
    write_report(paper, tmp_path)
    for stem in ("hypotheses", "sky_groups", "class_medians"):
        name = f"{stem}.csv"
        assert (tmp_path / name).read_bytes() == (reported.folder / name).read_bytes()


def test_a_figure_says_the_same_on_another_day(paper, tmp_path):
    said = []
    for day in ("one", "another"):
        with Staging(tmp_path / day) as staging:
            drawing = drawings(paper)[1]["hardness_groups"]
            said.append(_write_figure(drawing, staging))
    assert said[0] == said[1]
    for end in ("pdf", "png", "csv"):
        name = f"hardness_groups.{end}"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "another" / name).read_bytes()


def test_the_calibrated_method_has_p_none(calibrated):
    view, found, _ = drawings(calibrated)
    assert view.method == "calibrated"
    assert set(found["typicality"].table["feature"].to_pylist()) == {"typicality", "p_none"}
    assert view.detections.n_clusters > 0


def altered(folder, to, change, table="sources"):
    """Copy a catalogue, one of its tables changed."""
    for name in ("sources.parquet", "detections.parquet", "model.asdf", "run.json"):
        if (folder / name).exists():
            (to / name).write_bytes((folder / name).read_bytes())
    path = to / f"{table}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    return to


def test_without_positions(paper, tmp_path, quick):
    altered(paper, tmp_path, lambda t: t.drop_columns(["ra", "dec"]))
    found = write_report(
        altered(tmp_path, tmp_path, lambda t: t.drop_columns(["ra"]), "detections")
    )
    missing = {f["stem"]: f["why"] for f in found.record["not_drawn"]}
    for stem in ("sky_groups", "sky_classes", "latitude"):
        assert missing[stem] == "the catalogue has no positions"
    html = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "Not drawn: the catalogue has no positions." in Page(html).text
    plane = [r for r in found.record["hypotheses"] if r["key"] == "young_stars_in_plane"]
    assert {r["why"] for r in plane} == {"the catalogue has no positions"}
    assert "below_5_deg" not in found.record["class_medians"][0]


def test_a_report_anew_clears_what_it_no_longer_draws(paper, tmp_path, quick):
    altered(paper, tmp_path, lambda t: t)
    write_report(tmp_path)
    assert (tmp_path / "report" / "latitude.png").exists()
    altered(tmp_path, tmp_path, lambda t: t.drop_columns(["ra", "dec"]))
    write_report(tmp_path)
    assert not list((tmp_path / "report").glob("latitude.*"))


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_sources(paper, tmp_path, n, quick):
    altered(paper, tmp_path, lambda t: t.slice(0, n))
    folder = altered(tmp_path, tmp_path, lambda t: t.slice(0, n), "detections")
    found = write_report(folder)
    assert found.record["status"][0] == ["sources", n]
    assert len(found.record["cards"]) <= 3 * n
    by_class = [r for r in found.record["hypotheses"] if r["version"] == "class"]
    assert {r["verdict"] for r in by_class} <= {"not tested", "undecided"}
    drawn = {f["stem"] for f in found.record["figures"]}
    assert ("class_fractions" in drawn) == ("sky_classes" in drawn) == (n > 0)
    Page((folder / "report" / "report.html").read_text("utf-8"))
    for drawing in drawings(folder)[1].values():
        make_figure(drawing)  # with a handful of sources, too


def test_missing_features(paper, tmp_path):
    def without(table):
        nothing = pa.nulls(table.num_rows, pa.float64())
        at = table.column_names.index("bb_kt")
        return table.set_column(at, "bb_kt", nothing).drop_columns(["var_prob_s", "hard_ms"])

    folder = altered(altered(paper, tmp_path, without), tmp_path, without, "detections")
    _, found, missing = drawings(folder)
    assert missing["gamma_kt"] == "no bb_kt in the catalogue"
    assert missing["variability_classes"] == "no var_prob_s in the catalogue"
    assert len(make_figure(found["hardness_groups"]).axes) == 2
    assert set(found["clusters_hardness"].table["plane"].to_pylist()) == {"hard_hs hard_hm"}


def test_impossible_values_are_not_drawn(paper, tmp_path):
    def spoil(table):
        values = table["hard_hs"].to_numpy().copy()
        values[:5] = [7.0, np.inf, -np.inf, np.nan, -1.5]
        return table.set_column(table.column_names.index("hard_hs"), "hard_hs", pa.array(values))

    view = view_catalogue(altered(paper, tmp_path, spoil))
    assert np.isnan(view.features["hard_hs"][:5]).all()
    assert np.isfinite(view.features["hard_hs"][5:]).all()


def test_other_classes_and_hostile_names(small_table, tmp_path, monkeypatch):
    (tmp_path / "classes.toml").write_text(CLASSES, "utf-8")
    pq.write_table(small_table, tmp_path / "table.parquet")
    settings = Settings(method="paper", label_column="label", clusters=2)
    classes = read_classes(tmp_path / "classes.toml")
    run(tmp_path / "table.parquet", settings=settings, classes=classes).write(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    record["input"], record["warnings"] = HOSTILE, [HOSTILE, 7]
    (tmp_path / "run.json").write_text(json.dumps(record), "utf-8")
    # Of the figures, those that print the names: drawing all would take long.
    names = {"class_fractions", "probabilities", "hardness_classes"}
    for make in (tally_drawings, feature_drawings):

        def few(view, make=make):
            return [d for d in make(view) if d.stem in names]

        monkeypatch.setattr(import_module("xsift.report.report"), make.__name__, few)
    write_report(tmp_path)
    html = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "<script" not in html
    page = Page(html)
    assert HOSTILE in page.text
    assert not page.seen & {"script", "link", "iframe", "img", "object", "form"}
    counts = rows(tmp_path / "report" / "class_counts.csv")
    assert [r["group"] for r in counts] == ["far", HOSTILE]


def test_a_catalogue_of_votes_alone(paper, tmp_path, xsift, quick):
    answer = xsift("vote", paper / "detections.parquet", "--out", tmp_path / "voted")
    assert answer.status == 0
    found = write_report(tmp_path / "voted")
    missing = {f["stem"]: f["why"] for f in found.record["not_drawn"]}
    assert missing["clusters_features"] == "the folder has no table of detections"
    assert found.record["why_not"] == {"label": "the folder has no table of detections"}
    assert "class_fractions" in {f["stem"] for f in found.record["figures"]}


def test_a_source_with_two_labels_has_the_more_frequent_one(paper, tmp_path):
    view, _, _ = drawings(paper)
    judged, _ = judge_catalogue(view, 0)
    before = {r["key"]: r for r in judged.to_pylist() if r["version"] == "label"}

    def relabel(table):
        label = table["label"].to_pylist()
        names = table["name"].to_pylist()
        first = next(i for i, v in enumerate(label) if v == "AGN")
        at = [i for i, n in enumerate(names) if n == names[first]]
        label[at[0]], label[at[1]] = "QSO", "AGN"  # as often: the first of the classes
        column = pa.array(label, pa.string())
        return table.set_column(table.column_names.index("label"), "label", column)

    folder = altered(paper, tmp_path, relabel, "detections")
    judged, _ = judge_catalogue(view_catalogue(folder), 0)
    after = {r["key"]: r for r in judged.to_pylist() if r["version"] == "label"}
    key = "agn_harder_than_qso"
    assert after[key]["n_a"] == before[key]["n_a"] - 1
    assert after[key]["n_b"] == before[key]["n_b"] + 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "sources.parquet").unlink(), "no sources.parquet here"),
        (lambda d: (d / "sources.parquet").write_bytes(b"PAR1 no"), "not a whole Parquet file"),
        (lambda d: (d / "detections.parquet").write_bytes(b"no"), "detections.parquet"),
        (lambda d: (d / "model.asdf").write_bytes(b"no"), "model.asdf"),
        (lambda d: altered(d, d, lambda t: t.drop_columns(["status"])), "missing column status"),
        (lambda d: altered(d, d, lambda t: t.drop_columns(["p_qso"])), "missing column p_qso"),
        (lambda d: altered(d, d, lambda t: t.drop_columns(["role"]), "detections"), "column role"),
        (lambda d: altered(d, d, text_for("hard_hs")), "column hard_hs holds string"),
        (lambda d: altered(d, d, text_for("ra")), "column ra holds string"),
        (lambda d: (d / "scan.json").write_text("{}"), "scan.json: fits: Field required"),
        (lambda d: (d / "scan.json").write_text('{"fits": [{"k": 0}]}'), "fits.0.k"),
        (lambda d: (d / "report").write_text("a file"), "is a file: give a folder"),
    ],
)
def test_a_broken_catalogue_gives_one_line(paper, tmp_path, xsift, spoil, message, quick):
    altered(paper, tmp_path, lambda t: t)
    spoil(tmp_path)
    answer = xsift("report", tmp_path)
    assert answer.status == 1
    (line,) = [s for s in answer.err.splitlines() if s.startswith("xsift: ")]
    assert message in line
    assert not (tmp_path / "report" / "report.html").exists()


def text_for(name):
    def change(table):
        words = pa.array(["x"] * table.num_rows)
        return table.set_column(table.column_names.index(name), name, words)

    return change


def test_without_matplotlib(paper, tmp_path, without):
    without("matplotlib")
    with pytest.raises(MissingPackageError, match=r'no figures: .*"xsift\[report\]"$'):
        write_report(paper, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(TableError, match="give a folder that run, classify, vote or demo wrote"):
        write_report(tmp_path / "nothing")
    with pytest.raises(
        TableError, match=r"no scan\.json here: give a folder that xsift scan wrote"
    ):
        k_scan(tmp_path, required=True)


def test_a_record_that_is_broken_is_not_needed(paper, tmp_path, quick):
    altered(paper, tmp_path, lambda t: t)
    for text in ("{", "[1]", '{"model": 3, "input": 4, "warnings": {}}'):
        (tmp_path / "run.json").write_text(text)
        assert view_catalogue(tmp_path).names
    assert write_report(tmp_path).record["notes"]


def test_the_scan_is_drawn(tmp_path):
    fits = [
        {"k": k, "restart": r, "bic": -1000.0 * k - r, "icl": -900.0 * k, "silhouette": None}
        for k in (1, 2, 3)
        for r in (0, 1)
    ]
    tree = {"fits": fits, "advice": HOSTILE, "silhouette_is_exact": False}
    (tmp_path / "scan.json").write_text(json.dumps(tree))
    drawing = k_scan(tmp_path, required=True)
    assert HOSTILE in drawing.caption
    figure = make_figure(drawing)
    restarts, mean = figure.axes[0].lines
    np.testing.assert_allclose(restarts.get_ydata(), [f["bic"] / 1e3 for f in fits])
    np.testing.assert_allclose(mean.get_xydata(), [[1, -1.0005], [2, -2.0005], [3, -3.0005]])
    assert drawing.table["bic"].to_pylist() == [f["bic"] for f in fits]


def test_the_command(paper, tmp_path, xsift, quick):
    answer = xsift("report", paper, "--out", tmp_path / "r")
    assert answer.status == 0
    assert "AGN are harder than QSO" in answer.out
    assert "by known label" in answer.out
    assert "Not drawn: number of clusters" in answer.out
    assert str(tmp_path / "r" / "report.html") in answer.out.replace("\n", "")
    answer = xsift("report", paper, "--out", tmp_path / "r", "--json")
    record = json.loads(answer.out)
    assert record == json.loads((tmp_path / "r" / "report.json").read_text("utf-8"))
    assert len(record["figures"]) == 18


@pytest.mark.real
def test_the_published_catalogue(real, tmp_path, xsift):
    """The published detection table, voted: the counts and shares that the paper gives."""
    answer = xsift("vote", real("paper_detection_level.csv.gz"), "--out", tmp_path)
    assert answer.status == 0
    view = view_catalogue(tmp_path)
    _, record, _ = compose(view)
    groups = {r["name"]: r for r in record["class_medians"] if r["level"] == "group"}
    assert {g: r["sources"] for g, r in groups.items()} == {
        "AGN": 2322,
        "Seyfert": 1141,
        "XB": 2525,
        "YSO": 2283,
    }
    assert sum(r["unique"] for r in record["class_counts"]) == 8271
    assert sum(r["ambiguous"] for r in record["class_counts"]) == 485
    # The published cells are rounded.
    assert (np.round(view.p[view.is_unique], 3) > 0.7).sum() == 3862
    n = view.n_detections
    assert [(n == 1).sum(), (n == 2).sum(), n.max()] == [6802, 1000, 97]
    near = {g: (r["below_5_deg"], r["below_10_deg"]) for g, r in groups.items()}
    for group, shares in {
        "AGN": (0.034, 0.055),
        "Seyfert": (0.040, 0.057),
        "XB": (0.210, 0.272),
        "YSO": (0.517, 0.553),
    }.items():
        assert near[group] == pytest.approx(shares, abs=0.0005)


def test_a_catalogue_in_memory_has_a_report(small_table, calibrated, tmp_path, quick):
    table = small_table.drop_columns(["label"])
    catalogue = xsift.classify(table, model=calibrated / "model.asdf")
    with pytest.raises(
        SettingError, match=r"in memory alone: name a folder for its report with out"
    ):
        xsift.write_report(catalogue)
    told = []
    made = xsift.write_report(catalogue, tmp_path / "r", progress=told.append)
    assert made.page == tmp_path / "r" / "report.html"
    assert "<h1" in made.page.read_text("utf-8")
    assert f'href="{made.page}"' in made._repr_html_()
    shown = f"CatalogueReport({str(made.folder)!r}, {len(made.record['figures'])} figures)"
    assert repr(made) == shown
    assert told[0] == "reading the catalogue"
    drawn = [step for step in told if step.startswith("drawing figures: ")]
    n = len(made.record["figures"])
    assert drawn[-1] == f"drawing figures: {len(drawn)} of {len(drawn)}"
    assert 0 < len(drawn) <= n


def test_an_opened_catalogue_has_its_report_beside_it(paper, tmp_path, quick):
    folder = tmp_path / "c"
    shutil.copytree(paper, folder)
    assert xsift.write_report(xsift.open_catalogue(folder)).folder == folder / "report"
