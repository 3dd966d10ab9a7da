"""The page's questions about a survey of one's own."""

import re
from importlib import resources

import pytest

from xsift.classes import named_classes
from xsift.plots import look_of
from xsift.serve.cards import find


@pytest.fixture(scope="module")
def own(own_survey):
    from xsift.serve.catalogue import read_served

    return read_served(own_survey)


@pytest.fixture
def ask(own):
    from starlette.testclient import TestClient

    from xsift.serve.app import create_app

    client = TestClient(create_app(own, ["127.0.0.1"]), "http://127.0.0.1:8000")

    def get(address, **parameters):
        answer = client.get(address, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


def test_the_example_is_a_measured_detection(ask, own):
    row = ask("/api/catalogue")["example_row"]
    assert list(row) == list(own.features)
    table = own.detections.select(list(own.features)).to_pylist()
    assert any(
        all(d[n] is not None and abs(d[n] - v) <= 0.006 * abs(d[n]) for n, v in row.items())
        for d in table
    )


def test_the_page_learns_planes_labels_and_scales(ask):
    said = ask("/api/catalogue")
    assert said["planes"] == [["hr1", "hr2"], ["flux", "w1"]]
    columns = {c["name"]: c for c in said["columns"]}
    flux = columns["flux"]
    assert (flux["label"], flux["unit"]) == ("flux, 0.2 to 12 keV", "erg.s**-1.cm**-2")
    assert flux["log"]
    assert flux["feature"]
    assert columns["hr2"]["label"] == "hr2"
    assert said["about"]["survey"] == "My XMM sources"
    assert said["about"]["reference"] == "Doe et al. 2026"
    assert said["groups"] == ["AGN", "STAR", "ULX", "NS", "QPE", "CV"]
    assert len({said["colours"][g] for g in said["groups"]}) == 6


def test_the_page_can_draw_every_marker():
    """One that it does not know becomes a circle, and would be another group's."""
    script = resources.files("xsift.serve").joinpath("static/marks.js").read_text("utf-8")
    shapes = set(re.findall(r'^  "?([^" ]{1,2})"?: (?:polygon|\()', script, re.MULTILINE))
    groups = [*named_classes("wide").groups, "none", *(f"g{i}" for i in range(20))]
    own_alone = [f"g{i}" for i in range(20)]
    looks = [*look_of(groups).values(), *look_of(own_alone).values()]
    assert {marker for _, marker in looks} <= shapes


def test_an_observation_is_not_chandra_s(ask, get):
    found = ask("/api/source", index=0)
    assert [link["title"] for link in found["links"]] == ["SIMBAD, within 5 arcsec", "ESASky"]
    assert set(found["among"]) == {"hr1", "hr2", "flux", "lf", "w1"}
    theirs = get("/api/source", index=0)
    assert any("Chandra archive" in link["title"] for link in theirs["links"])


def test_a_designation_finds_its_source_behind_any_prefix(own):
    assert find(own, "j000007.0+000000") == find(own, "4XMM J000007.0+000000")


def test_chandra_s_planes_are_those_of_its_profile(get):
    planes = get("/api/catalogue")["planes"]
    assert planes[0] == ["hard_hs", "hard_hm"]
    assert planes[-1] == ["powlaw_gamma", "bb_kt"]
