"""Every command on what `xsift vote` wrote: sources alone, no detections and no model."""

import json
import xml.etree.ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.catalogue.folder import open_folder
from xsift.errors import TableError

OWN = """
[[class]]
code = "BLL"
group = "AGN"
[[class]]
code = "Flare star"
group = "Star"
title = "flare star"
"""


@pytest.fixture(scope="module")
def voted(calibrated, tmp_path_factory):
    """What the detections of the calibrated method voted: features, typicality, p_none."""
    from xsift import vote_table

    folder = tmp_path_factory.mktemp("voted")
    vote_table(calibrated / "detections.parquet").write(folder)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Votes of published columns: no positions, no features, no typicality."""
    from xsift import vote_table

    folder = tmp_path_factory.mktemp("bare")
    table = pa.table({"name": ["a", "a", "b"], "QSO": [0.2, 0.4, 0.7], "YSO": [0.8, 0.6, 0.3]})
    pq.write_table(table, folder / "ballots.parquet")
    vote_table(folder / "ballots.parquet").write(folder)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Votes with classes that are not the paper's."""
    from xsift import vote_table
    from xsift.classes import read_classes

    folder = tmp_path_factory.mktemp("own")
    (folder / "own.toml").write_text(OWN)
    table = pa.table(
        {"name": ["a", "b"], "ra": [1.0, 2], "dec": [0.0, 1], "BLL": [0.2, 0.9]}
        | {"Flare star": [0.8, 0.1]}
    )
    pq.write_table(table, folder / "ballots.parquet")
    vote_table(folder / "ballots.parquet", classes=read_classes(folder / "own.toml")).write(folder)
    return folder


def ok(said):
    assert said.status == 0, said.err
    return said.out


def refused(said):
    """Return the one line of a refusal, which is no traceback."""
    assert said.status == 1
    (line,) = [s for s in said.err.splitlines() if s.startswith("xsift: ")]
    return line


def test_the_record_says_what_no_model_can(own):
    record = json.loads((own / "run.json").read_text())
    assert record["survey"] == "csc20"
    assert [c["code"] for c in record["classes"]] == ["BLL", "Flare star"]
    said = {"source_column": "name", "verdict": "probable", "vote_trained": False}
    assert record["settings"] == said
    assert open_folder(own).classes.groups == ("AGN", "Star")


def test_the_survey_of_the_votes_is_a_setting(xsift, calibrated, tmp_path):
    detections = calibrated / "detections.parquet"
    ok(xsift("vote", detections, "--survey", "csc21", "--out", tmp_path / "v"))
    said = ok(xsift("publish", tmp_path / "v", "--out", tmp_path / "p"))
    assert "Classes of X-ray sources in Chandra Source Catalog 2.1" in said


def test_show_prints_the_source_alone(xsift, voted):
    name = pq.read_table(voted / "sources.parquet")["name"][0].as_py()
    said = ok(xsift("show", name, "--catalogue", voted))
    assert said.splitlines()[1] == name
    assert "soft vote" in said
    assert "it has sources alone, so no detections and no features are shown" in said
    assert "Detections" not in said
    card = json.loads(ok(xsift("show", name, "--catalogue", voted, "--json")))
    assert card["source"]["name"] == name
    assert (card["detections"], card["standing"]) == (None, None)


def test_show_knows_the_catalogues_own_classes(xsift, own):
    assert "Flare star (flare star), unique" in ok(xsift("show", "a", "--catalogue", own))
    said = refused(xsift("show", "c", "--catalogue", own))
    assert said == f"xsift: {own}: no source c among 2"


def test_show_draws_no_figure(xsift, voted, tmp_path):
    name = pq.read_table(voted / "sources.parquet")["name"][0].as_py()
    figure = tmp_path / "a.png"
    said = refused(xsift("show", name, "--catalogue", voted, "--figure", figure))
    assert "--figure shows the features of detections, and the catalogue has none" in said
    assert not figure.exists()


def test_anomalies_are_sources(xsift, voted, bare):
    said = ok(xsift("anomalies", voted, "--most", 3))
    assert "nothing says which features make a source atypical" in said
    found = json.loads(ok(xsift("anomalies", voted, "--most", 3, "--json")))
    sources = pq.read_table(voted / "sources.parquet").sort_by("typicality")
    assert [a["detection"]["name"] for a in found] == sources["name"][:3].to_pylist()
    assert [a["oddities"] for a in found] == [[], [], []]
    said = refused(xsift("anomalies", bare))
    assert "missing column typicality. xsift vote takes it from a table of detections" in said


@pytest.mark.parametrize("folder", ["voted", "bare", "own"])
def test_publish_writes_the_sources_alone(xsift, request, tmp_path, folder):
    said = xsift("publish", request.getfixturevalue(folder), "--out", tmp_path)
    assert "it has no detections, and sources alone" in ok(said)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "q.rd",
        "sources.vot",
        "xsift-files.json",
    ]
    root = ET.parse(tmp_path / "q.rd").getroot()
    assert [t.get("id") for t in root.findall("table")] == ["sources"]
    assert len(root.findall("service")) == (folder != "bare")
    description = root.find("meta[@name='description']").text
    assert "the detections of a source vote" in description
    assert "clustered" not in description


def test_publish_leaves_no_table_of_an_earlier_catalogue(xsift, calibrated, voted, tmp_path):
    for options in ([], ["--static"]):
        out = tmp_path / str(len(options))
        ok(xsift("publish", calibrated, "--out", out, *options))
        assert list(out.glob("detections.*"))
        ok(xsift("publish", voted, "--out", out, *options))
        assert not [p for p in out.rglob("*") if "detections" in str(p) and p.is_file()]


def test_publish_static_is_a_catalogue_of_sources(xsift, voted, tmp_path):
    ok(xsift("publish", voted, "--out", tmp_path, "--static"))
    dictionary = json.loads((tmp_path / "dictionary.json").read_text())
    assert list(dictionary["tables"]) == ["sources"]
    assert list(tmp_path.glob("hats/sources/sources/dataset/**/*.parquet"))


def test_report_and_compare_know_the_catalogues_own_classes(xsift, own, voted, tmp_path):
    ok(xsift("report", own, "--out", tmp_path / "r"))
    counts = (tmp_path / "r" / "class_counts.csv").read_text()
    assert "Flare star" in counts
    said = ok(xsift("report", voted, "--out", tmp_path / "s"))
    assert "the folder has no table of detections" in said
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'title = "x"\nreference = "x"\nclass_columns = ["class"]\n[classes]\nBLL = "AGN"\n'
        '"Flare star" = "Star"\n'
    )
    said = ok(xsift("compare", own, own, "--mapping", mapping, "--out", tmp_path / "c"))
    assert "accuracy 1.00" in said


def test_the_summary_lists_the_catalogues_own_classes(xsift, own, tmp_path):
    classes = own / "own.toml"
    said = ok(xsift("vote", own / "ballots.parquet", "--classes", classes, "--out", tmp_path))
    assert "flare star" in said
    assert "QSO" not in said


class TestServe:
    @pytest.fixture(params=["voted", "bare", "own"])
    def client(self, request):
        from starlette.testclient import TestClient

        from xsift.serve.app import create_app
        from xsift.serve.catalogue import read_served

        served = read_served(request.getfixturevalue(request.param))
        return TestClient(create_app(served, ["127.0.0.1"]), "http://127.0.0.1:8000")

    def test_says_what_the_catalogue_lacks(self, client):
        about = client.get("/api/catalogue").json()
        assert not about["has"]["detections"]
        assert not about["has"]["model"]
        assert about["about"]["method"] is None
        voted = client.get("/api/sources").json()["rows"]
        assert about["n_detections"] >= sum(row["n_detections"] for row in voted)

    def test_has_cards_without_detections(self, client):
        found = client.get("/api/source", params={"index": 0}).json()
        assert found["card"]["source"]["status"] == "unique"
        assert found["card"]["detections"] is None
        assert found["neighbours"] == []
        assert "voted" in found["verdict"]
        assert client.get("/api/source", params={"name": "nobody"}).status_code == 404

    def test_has_the_sources_to_download(self, client):
        for form in ("vot", "fits", "csv", "parquet"):
            assert client.get(f"/api/table.{form}").status_code == 200
        answer = client.get("/api/table.csv", params={"level": "detections"})
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("the catalogue has no detections: xsift vote")

    def test_classifies_nothing(self, client):
        answer = client.post("/api/classify", content=b"name\na\n", headers={"X-Xsift": "1"})
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("the catalogue has no model: xsift vote wrote")

    def test_ranks_sources_where_they_have_a_typicality(self, client):
        about = client.get("/api/catalogue").json()
        answer = client.get("/api/anomalies")
        assert answer.status_code == (200 if about["has"]["typicality"] else 404)
        if about["has"]["typicality"]:
            first = answer.json()[0]
            card = client.get("/api/source", params={"index": first["index"]}).json()["card"]
            assert card["name"] == first["detection"]["name"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survey": "../x"}, "survey '../x': known surveys are 2sxps, 4xmm, csc20, csc21"),
        ({"survey": ["csc20"]}, "known surveys are 2sxps, 4xmm, csc20, csc21"),
        ({"classes": [{"code": "a"}]}, "classes.0.column: Field required: write the catalogue"),
        ({"classes": []}, "classes: Tuple should have at least 1 item"),
    ],
)
def test_a_damaged_record_gives_one_line(xsift, bare, tmp_path, change, message):
    record = json.loads((bare / "run.json").read_text())
    (tmp_path / "sources.parquet").write_bytes((bare / "sources.parquet").read_bytes())
    (tmp_path / "run.json").write_text(json.dumps(record | change))
    for command in (["show", "a", "--catalogue"], ["report"], ["anomalies"]):
        assert message in refused(xsift(*command, tmp_path))


def test_a_record_of_before_has_the_papers_classes(bare, tmp_path):
    (tmp_path / "sources.parquet").write_bytes((bare / "sources.parquet").read_bytes())
    (tmp_path / "run.json").write_text('{"command": "vote"}')
    assert open_folder(tmp_path).classes.codes == ("QSO", "Y*O")
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "sources.parquet")
    with pytest.raises(TableError, match=r"no column of the paper's classes in sources\.parquet"):
        open_folder(tmp_path)


@pytest.mark.parametrize("lost", ["detections.parquet", "model.asdf"])
@pytest.mark.parametrize("command", [["show", "x", "--catalogue"], ["anomalies"], ["serve"]])
def test_a_run_that_lost_a_file_is_no_voted_catalogue(xsift, calibrated, tmp_path, lost, command):
    for name in {"sources.parquet", "detections.parquet", "model.asdf", "run.json"} - {lost}:
        (tmp_path / name).write_bytes((calibrated / name).read_bytes())
    port = ["--port", "0"] if command == ["serve"] else []
    line = refused(xsift(*command, tmp_path, *port))
    assert f"no {lost} here" in line
    assert "The folder is not whole: write the catalogue anew" in line
