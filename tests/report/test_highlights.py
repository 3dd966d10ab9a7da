"""The sources to look at first, and their cards: chosen by plain loops, too."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import vote_table
from xsift.catalogue.view import view_catalogue
from xsift.errors import TableError
from xsift.report.cards import cards_of, named_sources
from xsift.report.highlights import highlights_of


@pytest.fixture
def copy(calibrated, tmp_path):
    shutil.copytree(calibrated, tmp_path / "c")
    return tmp_path / "c"


def change(folder, table, **columns):
    path = folder / f"{table}.parquet"
    found = pq.read_table(path)
    for name, values in columns.items():
        at = found.column_names.index(name)
        found = found.set_column(at, name, pa.array(values, found.schema.field(name).type))
    pq.write_table(found, path)


def test_rare_classes_come_by_rarity_each_class_once_before_any_twice(copy):
    sources = pq.read_table(copy / "sources.parquet").to_pylist()
    n = len(sources)
    p_cv, p_g = np.full(n, 0.001), np.full(n, 0.0)
    p_cv[[3, 5, 8]], p_g[[2, 4]] = (0.9, 0.95, 0.7), (0.6, 0.4)
    code = [s["class"] for s in sources]
    for i in (3, 5, 8):
        code[i] = "CV*"
    code[2] = code[4] = "G"
    change(copy, "sources", **{"p_cv": p_cv, "p_galaxy": p_g, "class": code})
    rare = highlights_of(view_catalogue(copy)).rare
    mine = [(h.name, h.said["class"]) for h in rare if h.said["class"] in ("CV*", "G")]
    names = [s["name"] for s in sources]
    # Expected are 1.0 galaxies and 2.8 variables; the second galaxy is too improbable.
    assert mine == [(names[2], "G"), (names[5], "CV*"), (names[3], "CV*")]
    assert next(h for h in rare if h.name == names[5]).said["expected"] == pytest.approx(p_cv.sum())


def test_a_frequent_class_is_not_rare(copy):
    found = highlights_of(view_catalogue(copy))
    frequent = {"QSO", "HXB", "Y*O", "AGN"}
    assert not frequent & {h.said["class"] for h in found.rare}


def test_the_least_typical_sources(copy):
    sources = pq.read_table(copy / "sources.parquet").to_pylist()
    wanted = sorted(sources, key=lambda s: s["typicality"])[:8]
    found = highlights_of(view_catalogue(copy)).atypical
    assert [h.name for h in found] == [s["name"] for s in wanted]
    assert [h.said["typicality"] for h in found] == [s["typicality"] for s in wanted]


def test_verdicts_against_labels(copy):
    table = pq.read_table(copy / "detections.parquet")
    rows = table.to_pylist()
    at = [i for i, r in enumerate(rows) if r["label"] == "QSO" and r["group"] == "AGN"][:6]
    group = [r["group"] for r in rows]
    for i in at:
        group[i] = "YSO"
    change(copy, "detections", group=group)
    found = highlights_of(view_catalogue(copy)).mislabelled
    p = {}
    for i, r in enumerate(rows):
        of = {"QSO": "AGN", "AGN": "AGN", "HXB": "XB", "Y*O": "YSO"}.get(r["label"])
        if of and group[i] and group[i] != of:
            mine = {"AGN": ("p_qso", "p_agn"), "XB": ("p_hmxb", "p_lmxb", "p_xb")}
            mine |= {"YSO": ("p_yso", "p_ttau", "p_orion_v")}
            q = sum(r[c] for c in mine[of])
            p[r["name"]] = min(q, p.get(r["name"], 2.0))
    wanted = sorted(p, key=p.get)[:8]
    assert {h.name for h in found} == set(wanted)
    assert [h.said["p_label"] for h in found] == pytest.approx([p[h.name] for h in found])
    assert [h.said["p_label"] for h in found] == sorted(h.said["p_label"] for h in found)


def test_a_verdict_of_none_has_its_probability(copy):
    rows = pq.read_table(copy / "detections.parquet").to_pylist()
    at = next(i for i, r in enumerate(rows) if r["label"] == "QSO" and r["group"] == "AGN")
    p = {c: [r[c] for r in rows] for c in ("p_qso", "p_agn", "p_none")}
    for c, value in {"p_qso": -1.0, "p_agn": 0.0, "p_none": 0.875}.items():
        p[c][at] = value  # below all others: the first of the list
    group = ["none" if i == at else r["group"] for i, r in enumerate(rows)]
    change(copy, "detections", group=group, **p)
    found = {h.name: h for h in highlights_of(view_catalogue(copy)).mislabelled}
    assert found[rows[at]["name"]].said["p_class"] == 0.875


def test_why_a_list_is_empty(copy, tmp_path):
    rows = pq.read_table(copy / "detections.parquet").num_rows
    change(copy, "detections", label=[None] * rows)
    path = copy / "sources.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["typicality"]), path)
    said = highlights_of(view_catalogue(copy)).empty
    assert said["mislabelled"] == "no detection has a label among the classes"
    assert said["atypical"] == "the catalogue has no typicality"
    vote_table(copy / "detections.parquet").write(tmp_path / "voted")
    view = view_catalogue(tmp_path / "voted")
    found = highlights_of(view)
    assert found.empty["mislabelled"] == "the catalogue has no detections, and so no labels"
    (card,) = cards_of(view, [pq.read_table(tmp_path / "voted/sources.parquet")["name"][0].as_py()])
    assert card["detections"] == []
    assert card["classes"][0]["p"] > 0
    label = ["Y*O" if g == "YSO" else None for g in
             pq.read_table(copy / "detections.parquet")["group"].to_pylist()]  # fmt: skip
    change(copy, "detections", label=label)
    said = highlights_of(view_catalogue(copy)).empty
    assert said["mislabelled"] == "every labelled detection got a class of its label's group"


def test_a_card_holds_the_rows_of_its_source(copy):
    sources = pq.read_table(copy / "sources.parquet").to_pylist()
    detections = pq.read_table(copy / "detections.parquet").to_pylist()
    source = next(s for s in sources if s["n_detections"] == 2)
    view = view_catalogue(copy)
    (card,) = cards_of(view, [source["name"]])
    assert card["verdict"].startswith(f"{source['class']} (")
    assert card["verdict"].endswith(f", {source['status']}, from 2 detections.")
    ranked = sorted((v for k, v in source.items() if k in
                     {*view.classes.columns, "p_none"}), reverse=True)[:5]  # fmt: skip
    assert [c["p"] for c in card["classes"]] == ranked
    mine = [d for d in detections if d["name"] == source["name"]]
    assert [d["typicality"] for d in card["detections"]] == [d["typicality"] for d in mine]
    values = {f["feature"]: f["value"] for f in card["features"]}
    assert values == {name: source[name] for name in view.features}
    kt = next(f for f in card["features"] if f["feature"] == "bb_kt")
    assert kt["unit"] == "keV"
    assert kt["median"] == np.nanmedian(view.features["bb_kt"])


def test_a_card_of_many_detections_lists_a_few_and_counts_the_rest(copy):
    names = pq.read_table(copy / "detections.parquet")["name"].to_pylist()
    change(copy, "detections", name=[names[0]] * 108 + names[108:])
    (card,) = cards_of(view_catalogue(copy), [names[0]])
    assert card["n_detections"] == 108
    assert len(card["detections"]) == 6
    assert card["more"].startswith("102 more: ")
    assert sum(int(w) for w in card["more"].replace(",", "").split()[2::2]) == 102


def test_a_source_without_a_vote_has_a_card(copy):
    names = set(pq.read_table(copy / "sources.parquet")["name"].to_pylist())
    every = pq.read_table(copy / "detections.parquet")["name"].to_pylist()
    name = next(n for n in every if n not in names)
    (card,) = cards_of(view_catalogue(copy), [name])
    assert card["verdict"].startswith("No detection of this source voted.")
    assert card["classes"]


def test_names_as_people_type_them(copy):
    view = view_catalogue(copy)
    name = pq.read_table(copy / "detections.parquet")["name"].to_pylist()[0]
    assert named_sources(view, [name.lower().replace(" ", "")]) == [name]
    assert named_sources(view, []) == []
    with pytest.raises(TableError, match="no source nothing among"):
        named_sources(view, ["nothing"])
