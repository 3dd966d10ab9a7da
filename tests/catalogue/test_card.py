"""A source's card: how it voted, where it stands among the groups, and its figure."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, plots, run
from xsift.catalogue.card import source_card
from xsift.errors import SettingError
from xsift.report.card import card_figure, write_card_figure
from xsift.report.drawing import feature_text

FEATURES = (
    "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h var_ratio_h "
    "var_prob_s var_ratio_s var_newq_b"
).split()


@pytest.fixture(scope="module")
def catalogue(files):
    run(
        files / "labelled.parquet",
        settings=Settings(method="paper", label_column="label", clusters=2),
    ).write(files / "trained", ())
    return files / "trained"


@pytest.fixture(scope="module")
def name(catalogue):
    """A source with two detections that voted."""
    sources = pq.read_table(catalogue / "sources.parquet").to_pylist()
    return next(s["name"] for s in sources if s["n_detections"] == 2)


@pytest.mark.parametrize("role", ["scored", "trained"])
def test_percentiles_are_those_of_a_loop(catalogue, role):
    known = pq.read_table(catalogue / "detections.parquet").to_pylist()
    name = next(r["name"] for r in known if r["role"] == role)
    card = source_card(name, catalogue)
    rows = pq.read_table(catalogue / "detections.parquet").to_pylist()
    standing = card.standing.as_dict()
    assert standing["basis"] == "known"
    groups = {"QSO": "AGN", "AGN": "AGN", "HXB": "XB", "Y*O": "YSO"}
    for feature in FEATURES:
        own = [r[feature] for r in rows if r["name"] == name]
        assert standing["features"][feature]["values"] == own
        for group in ("AGN", "XB", "YSO"):
            theirs = [
                r[feature]
                for r in rows
                if r["role"] == "trained" and groups[r["label"]] == group and r["name"] != name
            ]
            below = 100 * sum(x < np.median(own) for x in theirs) / len(theirs)
            found = standing["features"][feature]["percentile"][group]
            assert found == pytest.approx(below, abs=1e-9)


def test_the_text_says_votes_and_places(xsift, catalogue, name):
    said = xsift("show", name, "--catalogue", catalogue).out
    rows = pq.read_table(catalogue / "detections.parquet").to_pylist()
    won = [r["class"] for r in rows if r["name"] == name]
    assert re.search(rf"Classes of its detections: .*{re.escape(won[0])} \d", said)
    card = json.loads(xsift("show", name, "--catalogue", catalogue, "--json").out)
    places = card["standing"]["features"]["powlaw_gamma"]
    median = f"{np.median(places['values']):.3g}"
    line = next(x for x in said.splitlines() if x.strip().startswith("powlaw_gamma"))
    assert median in line
    assert line.split()[-1] == f"{places['percentile']['YSO']:.0f}"
    assert "the known objects" in said


def test_a_catalogue_without_known_objects_says_so(xsift, catalogue, files, name, tmp_path):
    model = catalogue / "model.asdf"
    out = tmp_path / "classified"
    assert xsift("classify", files / "table.parquet", "--model", model, "--out", out).status == 0
    said = xsift("show", name, "--catalogue", out).out
    assert "of what the catalogue classified lie below" in said
    assert source_card(name, out).standing.basis == "classified"


def test_lines_stand_at_the_values(catalogue, name):
    card = source_card(name, catalogue)
    figure = card_figure(card)
    axes = {ax.get_xlabel(): ax for ax in figure.axes[3:]}
    labels = [feature_text(card.survey, f) for f in FEATURES]
    assert labels[FEATURES.index("bb_kt")].endswith("$kT$ (keV)")
    assert list(axes) == labels
    for j, (feature, label) in enumerate(zip(FEATURES, labels, strict=True)):
        drawn = [line.get_xdata()[0] for line in axes[label].lines]
        np.testing.assert_allclose(drawn, np.maximum(card.standing.X[:, j], drawn_from(feature)))
    stars = np.asarray(figure.axes[1].collections[-1].get_offsets())
    np.testing.assert_allclose(stars, card.standing.X[:, [1, 0]])
    assert name in figure.get_suptitle()
    counts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert counts[-1] == "this source (2 detections)"
    assert sum(int(t.split("(")[1][:-1]) for t in counts[:-1]) == len(card.standing.group)


def drawn_from(feature):
    return 1e-5 if feature.startswith(("bb", "var_ratio", "var_newq")) else -np.inf


@pytest.mark.parametrize(
    ("ending", "head"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_file_of_the_figure(xsift, catalogue, name, tmp_path, ending, head):
    path = tmp_path / f"card.{ending}"
    said = xsift("show", name, "--catalogue", catalogue, "--figure", path)
    assert said.status == 0
    assert path.read_bytes().startswith(head)


def test_another_ending_is_refused(xsift, catalogue, name, tmp_path):
    said = xsift("show", name, "--catalogue", catalogue, "--figure", tmp_path / "card.txt")
    assert said.status == 2
    assert "the name must end in .png, .pdf, .svg" in said.err
    with pytest.raises(SettingError):
        write_card_figure(source_card(name, catalogue), "card")


def test_a_source_without_votes_and_with_missing_features(xsift, catalogue, tmp_path):
    """Hostile, too: a name with markup and a formula in it."""
    hostile = "[bold]$x_1$<b>"
    table = pq.read_table(catalogue / "detections.parquet")
    names = table["name"].to_pylist()
    names[0] = hostile
    values = table["hard_hm"].to_pylist()
    values[0] = None
    for column, new in (("name", names), ("hard_hm", values)):
        table = table.set_column(table.column_names.index(column), column, pa.array(new))
    for file in ("sources.parquet", "model.asdf"):
        (tmp_path / file).write_bytes((catalogue / file).read_bytes())
    pq.write_table(table, tmp_path / "detections.parquet")
    figure = tmp_path / "card.svg"
    said = xsift("show", hostile, "--catalogue", tmp_path, "--figure", figure)
    assert said.status == 0, said
    assert hostile in said.out
    assert "No detection of this source voted" in said.out
    line = next(x for x in said.out.splitlines() if x.strip().startswith("hard_hm"))
    assert "missing" in line
    assert "<b>" not in figure.read_text().replace("&lt;b&gt;", "")
    texts = [
        t.get_text() for ax in card_figure(source_card(hostile, tmp_path)).axes for t in ax.texts
    ]
    assert "missing" in texts


def test_a_source_of_none_of_the_classes(xsift, catalogue, name, tmp_path):
    sources = pq.read_table(catalogue / "sources.parquet")
    row = sources["name"].to_pylist().index(name)
    for column, value in (("class", "none"), ("class_soft", "none"), ("p_none", 0.625)):
        values = sources[column].to_pylist()
        values[row] = value
        at = sources.column_names.index(column)
        sources = sources.set_column(at, column, pa.array(values))
    for file in ("detections.parquet", "model.asdf"):
        (tmp_path / file).write_bytes((catalogue / file).read_bytes())
    pq.write_table(sources, tmp_path / "sources.parquet")
    said = xsift("show", name, "--catalogue", tmp_path).out
    assert "none (none of the classes), " in said
    assert re.search(r"^  none  0\.625 ", said, re.MULTILINE)
    title = card_figure(source_card(name, tmp_path)).get_suptitle()
    assert "none (none of the classes)" in title


def test_the_card_of_another_survey_draws_its_planes_with_units(own_survey, xsift):
    name = pq.read_table(own_survey / "sources.parquet")["name"][0].as_py()
    card = source_card(name.removeprefix("4XMM "), own_survey)  # by its designation alone
    assert card.name == name
    figure = card_figure(card)
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels[:3] == ["probability", "hardness 1", "flux, 0.2 to 12 keV (erg s⁻¹ cm⁻²)"]
    assert [ax.get_ylabel() for ax in figure.axes[1:3]] == ["hr2", "W1 (mag)"]
    assert figure.axes[2].get_xscale() == "log"
    # Fluxes of 1e-14 lie below where axes of ratios begin: their lines stand where they are.
    at = labels.index("flux, 0.2 to 12 keV (erg s⁻¹ cm⁻²)", 3)
    drawn = [line.get_xdata()[0] for line in figure.axes[at].lines]
    np.testing.assert_allclose(drawn, card.standing.X[:, card.standing.features.index("flux")])
    # A group has the colour that it has in the report, whatever else is drawn.
    handles = {h.get_label().split()[0]: h.get_color() for h in figure.legends[0].legend_handles}
    looks = plots.look_of(card.classes.groups)
    assert handles["STAR"] == looks["STAR"][0]
    assert " w1 [mag] " in xsift("show", name, "--catalogue", own_survey).out
