"""A source's card, against `xsift show`; what it is compared with, against loops."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from xsift.features import close_hardness, derive
from xsift.model import load_model
from xsift.serve.cards import card, rows
from xsift.serve.comparison import Comparison
from xsift.surveys import load


@pytest.fixture(scope="module")
def sources(calibrated):
    return pq.read_table(calibrated / "sources.parquet").to_pylist()


@pytest.mark.parametrize("index", [0, 7, 100])
def test_the_card_is_what_show_prints(get, xsift, calibrated, sources, index):
    name = sources[index]["name"]
    printed = json.loads(xsift("show", name, "--catalogue", calibrated, "--json").out)
    said = get("/api/source", index=index)
    assert said["index"] == index
    printed.pop("standing")  # among the whole catalogue: not asked of a server at each click
    assert said["card"] == printed
    assert get("/api/source", name=name) == said
    assert get("/api/source", name=name.removeprefix("2CXO ").lower()) == said


def test_a_source_of_which_no_detection_voted(get, calibrated, sources):
    voted = {r["name"] for r in sources}
    table = pq.read_table(calibrated / "detections.parquet")
    name = next(n for n in table["name"].to_pylist() if n not in voted)
    said = get("/api/source", name=name)
    assert said["index"] is None
    assert said["card"]["source"] is None
    assert {r["name"] for r in said["card"]["detections"]} == {name}
    assert "No detection of this source voted" in said["verdict"]
    n, roles = len(said["card"]["detections"]), [r["role"] for r in said["card"]["detections"]]
    assert said["verdict"].startswith(f"In-sample: {roles.count('trained')} of {n} detection")


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({}, 422, "give name or index"),
        ({"name": "x", "index": "1"}, 422, "give name or index"),
        ({"index": "100000"}, 404, "index 100000: allowed is 0 to"),
        ({"index": "-1"}, 422, "index '-1': input should be"),
        ({"name": "M 42"}, 404, "no source 'M 42' in this catalogue"),
        ({"name": ""}, 404, "no source '' in this catalogue"),
    ],
)
def test_a_source_that_is_not_there(refused, asked, status, said):
    got, line = refused("/api/source", **asked)
    assert got == status
    assert line.startswith(said)


def test_the_verdict_says_how_the_vote_went(get, sources):
    for index, row in enumerate(sources[:60]):
        said = get("/api/source", index=index)["verdict"]
        _, trained, vote = said.rpartition(" trained the model. ")
        assert vote.startswith(f"{row['n_detections']} detection")
        assert bool(trained) == (row["n_detections"] < 2 and said.startswith("In-sample: 1 of 2"))
        assert f"({row['class']})" in said
        assert ("ambiguous" in said) == (row["status"] == "ambiguous")


def test_the_distributions_are_those_of_the_groups(get, sources):
    among = get("/api/source", index=3)["among"]
    assert len(among) == 12
    for feature, said in among.items():
        assert said["value"] == sources[3][feature]
        for group, quantiles in said["quantiles"].items():
            values = [r[feature] for r in sources if r["group"] == group and r[feature] is not None]
            assert quantiles == pytest.approx(np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]))
            counts = said["histogram"]["counts"][group]
            edges = np.array(said["histogram"]["edges"])
            assert sum(counts) == len(values)  # what lies beyond stands in the first and last bin
            inner = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
            assert np.abs(inner - counts).sum() <= 2  # a value on an edge


def test_neighbours_are_the_nearest_that_trained(get, calibrated, sources):
    table = pq.read_table(calibrated / "detections.parquet")
    survey, model = load("csc20"), load_model(calibrated / "model.asdf")
    X = derive(table, survey, survey.feature_set("all")).values
    Z = model.scores.transform(close_hardness(X, model.closure, model.closing))
    rows = table.to_pylist()
    for index in (2, 50, 120):
        name = sources[index]["name"]
        found = []
        for i in (i for i, r in enumerate(rows) if r["role"] == "trained" and r["name"] != name):
            distances = []
            for j in (j for j, r in enumerate(rows) if r["name"] == name):
                both = [(a - b) ** 2 for a, b in zip(Z[i], Z[j], strict=True) if a == a and b == b]
                if both:
                    distances.append((sum(both) * Z.shape[1] / len(both)) ** 0.5)
            found.append((min(distances), rows[i]["name"], rows[i]["obsid"], rows[i]["label"]))
        said = get("/api/source", index=index)["neighbours"]
        assert len(said) == 8
        for near, (distance, *key) in zip(said, sorted(found), strict=False):
            assert [near["name"], near["obsid"], near["label"]] == key
            assert near["distance"] == pytest.approx(distance)
            assert near["group"] == {"QSO": "AGN", "AGN": "AGN", "HXB": "XB", "Y*O": "YSO"}[key[2]]


def test_a_neighbour_has_the_group_that_its_type_counts_as(served, sources):
    """A known object may be of any type that the classes list: PM* is a star."""
    label = served.detections["label"]
    label = pc.if_else(pc.equal(label, "Y*O"), "PM*", label)
    at = served.detections.column_names.index("label")
    other = replace(served, detections=served.detections.set_column(at, "label", label))
    index = [row["class"] for row in sources].index("Y*O")
    near = Comparison(other).neighbours(card(other, index), rows(other, index))
    groups = {"QSO": "AGN", "AGN": "AGN", "HXB": "XB", "PM*": "Star"}
    assert [n["group"] for n in near] == [groups[n["label"]] for n in near]
    assert "Star" in {n["group"] for n in near}


def test_links_lead_to_the_archives(get, sources):
    links = get("/api/source", index=0)["links"]
    hosts = [link["url"].split("/")[2] for link in links]
    assert hosts[:2] == ["simbad.cds.unistra.fr", "sky.esa.int"]
    assert set(hosts[2:]) == {"cda.harvard.edu"}
    assert all(link["url"].startswith("https://") for link in links)
    assert f"{sources[0]['ra']:.6f}%20" in links[0]["url"]


def test_a_name_or_coordinates_resolve(get, refused, sources):
    row = sources[4]
    for text in (row["name"], row["name"].lower(), row["name"][5:12]):
        said = get("/api/resolve", q=text)
        found = {"ra": row["ra"], "dec": row["dec"], "name": row["name"], "index": 4}
        assert said == found | {"place": None}
    assert get("/api/resolve", q="12.5 -3")["ra"] == 12.5
    status, line = refused("/api/resolve", q="HD 42")
    assert (status, line) == (404, "no source and no coordinates: 'HD 42'")


def test_anomalies_are_what_the_command_prints(get, xsift, calibrated, sources):
    printed = json.loads(xsift("anomalies", calibrated, "--most", 10, "--json").out)
    said = get("/api/anomalies", limit=10)
    names = [r["name"] for r in sources]
    for one, other in zip(said, printed, strict=True):
        index = one.pop("index")
        assert one == other
        assert index is None or names[index] == one["detection"]["name"]
