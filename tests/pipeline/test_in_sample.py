"""What trained the model is marked, kept out of the votes, and said first: wherever it is read."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import xsift
from xsift import classify, run
from xsift.errors import TableError
from xsift.model.training_rows import TrainingRowsTree
from xsift.serve.cards import card, find, verdict
from xsift.serve.catalogue import read_served
from xsift.serve.describe import about

FIRST = r"in-sample: 200 of 400 detections trained the model, and do not vote (--vote-trained lets"


@pytest.fixture(scope="module")
def training(table_of):
    return table_of(400, 1, 1.0)


@pytest.fixture(scope="module")
def model(training):
    return xsift.run(training, label_column="label", method="paper", clusters=2).model


@pytest.fixture(scope="module")
def mixed(training, table_of):
    """A hundred sources that trained, and a hundred others, of other names."""
    new = table_of(200, 2)
    names = pa.array([n.replace("J0", "J9") for n in new["name"].to_pylist()])
    ra = pc.add(new["ra"], 100)
    new = new.set_column(0, "name", names).set_column(2, "ra", ra)
    return pa.concat_tables([training.slice(0, 200), new]).drop_columns(["label"])


@pytest.fixture(scope="module")
def half(mixed, model):
    return xsift.classify(mixed, model)


@pytest.fixture(scope="module")
def nothing(training, model):
    """A catalogue without a source: every detection trained."""
    return xsift.classify(training.drop_columns(["label"]), model)


@pytest.fixture(scope="module")
def folders(half, nothing, tmp_path_factory):
    folder = tmp_path_factory.mktemp("in-sample")
    half.write(folder / "half", ())
    nothing.write(folder / "nothing", ())
    return folder


@pytest.fixture(scope="module")
def known(training, mixed, tmp_path_factory):
    """The types of all sources of `mixed`, those that did not train among them."""
    path = tmp_path_factory.mktemp("known") / "known.parquet"
    kinds = [*training["label"].to_pylist()[:200], *["QSO", "QSO", "Y*O", "Y*O"] * 50]
    table = mixed.select(["name", "ra", "dec"]).append_column("class", pa.array(kinds))
    pq.write_table(table.take(list(range(0, 400, 2))), path)
    return path


def roles(catalogue):
    return catalogue.detections["role"].to_pylist()


def test_what_trained_is_marked_and_does_not_vote(half, training):
    assert roles(half) == ["trained"] * 200 + ["scored"] * 200
    assert half.detections["flag"].to_pylist()[:200] == ["in-sample (by name)"] * 200
    assert half.detections["p_qso"].null_count == 0
    assert half.record["counts"]["trained"] == 200 == half.record["counts"]["voting"]
    assert half.record["in_sample"] == {
        "by_name": 200,
        "by_values": 0,
        "sources_without_a_vote": 100,
    }
    assert not set(half.sources["name"].to_pylist()) & set(training["name"].to_pylist())
    first, second = half.record["warnings"][:2]
    assert first.startswith(FIRST)
    assert "(200 found by name, 0 by values)" in first
    assert second.startswith("sources without a vote: 100, as their detections trained the model")


def test_other_names_are_recognised_by_values(mixed, model):
    names = pa.array([f"mine {i // 2}" for i in range(400)])
    found = xsift.classify(mixed.set_column(0, "name", names), model)
    assert roles(found) == ["trained"] * 200 + ["scored"] * 200
    assert found.detections["flag"][0].as_py() == "in-sample (by values)"
    assert found.record["in_sample"]["by_values"] == 200


def test_they_vote_when_asked(mixed, model):
    found = xsift.classify(mixed, model, vote_trained=True)
    assert roles(found)[0] == "trained"
    assert found.record["counts"]["voting"] == 400
    assert found.sources.num_rows == 200
    assert "trained the model, and vote, as --vote-trained asks" in found.record["warnings"][0]
    assert found.record["in_sample"]["sources_without_a_vote"] == 0


def test_a_new_table_is_not_spoken_of(mixed, model):
    found = xsift.classify(mixed.slice(200), model)
    assert set(roles(found)) == {"scored"}
    assert not any("in-sample" in note for note in found.record["warnings"])


def test_a_model_that_does_not_know_its_rows_classifies_as_before(mixed, model, half):
    old = model.model_copy(update={"training_rows": TrainingRowsTree()})
    found = xsift.classify(mixed, old)
    assert set(roles(found)) == {"scored"}
    assert not any("in-sample" in note for note in found.record["warnings"])
    assert found.detections["p_qso"].equals(half.detections["p_qso"])
    assert found.model.model_id == half.model.model_id


def test_it_still_knows_the_very_table(files):
    trained = xsift.run(
        files / "table.parquet", files / "known.parquet", method="paper", clusters=2
    )
    old = trained.model.model_copy(update={"training_rows": TrainingRowsTree()})
    first = xsift.classify(files / "table.parquet", old).record["warnings"][0]
    assert first.startswith("in-sample: the model was trained on this table: ")
    assert "a model of this age does not know which: they are not marked" in first


def test_vote_heeds_the_roles(folders, half, xsift, tmp_path):
    table = folders / "half" / "detections.parquet"
    said = xsift("vote", table, "--out", tmp_path / "a")
    assert FIRST in " ".join(said.out.split())
    again = pq.read_table(tmp_path / "a" / "sources.parquet")
    assert again["name"].equals(half.sources["name"])
    said = xsift("vote", table, "--vote-trained", "--out", tmp_path / "b")
    assert "200 of 400 detections trained the model, and vote" in " ".join(said.out.split())
    assert pq.read_table(tmp_path / "b" / "sources.parquet").num_rows == 200
    record = json.loads((tmp_path / "b" / "run.json").read_text())
    assert (record["counts"]["trained"], record["counts"]["voting"]) == (200, 400)
    view = xsift("report", tmp_path / "b", "--out", tmp_path / "report")
    assert view.status == 0
    first = json.loads((tmp_path / "report" / "report.json").read_text())["in_sample"]
    assert first.startswith("In-sample: 200 of 400 detections trained the model, and vote.")


def test_vote_of_nothing_says_why(folders, tmp_path):
    said = "no detection has a source name and probabilities but the 400 that trained the model: v"
    with pytest.raises(TableError, match=said):
        xsift.vote_table(folders / "nothing" / "detections.parquet")


def test_compare_keeps_them_apart(half, known):
    record = xsift.compare(half, known).record
    assert record["counts"]["compared"] == record["all"]["n"] == 100 == record["counts"]["sources"]
    inside = record["in_sample"]
    assert (inside["sources"], inside["without_a_vote"], inside["compared"]) == (100, 100, 100)
    assert inside["all"]["accuracy"]["value"] > 0.95 > record["all"]["accuracy"]["value"]
    assert sum(n for row in record["by_class"].values() for n in row.values()) == 100
    said = "in-sample: 100 of the 200 sources that match trained the model: they are compared apart"
    assert record["warnings"][0] == said


def test_votes_of_what_trained_are_those_of_the_catalogue(mixed, model, half, known):
    """The sources without a row get the verdict that --vote-trained gives them."""
    full = xsift.compare(xsift.classify(mixed, model, vote_trained=True), known).record
    record = xsift.compare(half, known).record
    assert full["in_sample"]["without_a_vote"] == 0
    assert full["in_sample"]["all"] == record["in_sample"]["all"]
    assert full["all"] == record["all"]


def test_disagreements_say_which(half, known):
    found = xsift.compare(half, known)
    inside = found.disagreements["in_sample"].to_pylist()
    assert inside == sorted(inside)
    assert inside.count("no") == round(100 * (1 - found.record["all"]["accuracy"]["value"]))
    assert "in-sample, all" in found._repr_html_()
    assert repr(found).splitlines()[1].strip().startswith("Warning: in-sample: 100 of the 200")


@pytest.mark.parametrize("name", ["half", "nothing"])
def test_the_command_compare_says_it_first(folders, known, xsift, tmp_path, name):
    said = xsift("compare", folders / name, known, "--out", tmp_path)
    assert said.status == 0
    first = " ".join(said.out.split()).removeprefix("Warning: ")
    n = {"half": "100 of the 200", "nothing": "all 100"}[name]
    assert first.startswith(f"in-sample: {n} sources that match trained the model")
    assert said.out.count("in-sample: ") == 1
    page = (tmp_path / "comparison.html").read_text("utf-8")
    assert page.index("in-sample: ") < page.index("sources of ")
    assert "In-sample: all matched" in page
    assert ("No source." in page) == (name == "nothing")


def test_compare_with_the_sources_that_agree(half, known):
    record = xsift.compare(half, known, unique=True).record
    assert record["in_sample"]["without_a_vote"] == record["in_sample"]["sources"] <= 100


@pytest.mark.parametrize("name", ["half", "nothing"])
def test_report_says_it_first(folders, xsift, tmp_path, name):
    said = xsift("report", folders / name, "--out", tmp_path)
    assert said.out.lstrip().startswith("In-sample: ")
    record = json.loads((tmp_path / "report.json").read_text())
    n = {"half": ("200", "100"), "nothing": ("400", "200")}[name]
    assert record["in_sample"] == (
        f"In-sample: {n[0]} of 400 detections trained the model, and do not vote. Their "
        "probabilities look better than those of new detections. Of the sources here 0 have such "
        f"a detection; {n[1]} more have no vote and no row."
    )
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.index("In-sample: ") < page.index("detections that voted")


def test_report_of_a_catalogue_whose_trained_detections_vote(mixed, model, tmp_path, xsift):

    classify(mixed, model, vote_trained=True).write(tmp_path / "c", ())
    assert xsift("report", tmp_path / "c").status == 0
    note = json.loads((tmp_path / "c" / "report" / "report.json").read_text())["in_sample"]
    assert "200 of 400 detections trained the model, and vote." in note
    assert "Of the sources here 100 have such a detection; 0 more have no vote" in note


@pytest.mark.parametrize("more", [(), ("--static",)])
def test_publish_takes_a_catalogue_without_sources(folders, xsift, tmp_path, more):
    said = xsift("publish", folders / "nothing", "--out", tmp_path, *more)
    assert said.status == 0
    assert "0 sources" in said.out


def test_serve_says_it_first(folders, training):
    served = read_served(folders / "half")
    assert about(served)["about"]["in_sample"].startswith("In-sample: 200 of 400 detections")
    inside = card(served, find(served, training["name"][0].as_py()))
    said = "In-sample: 2 of 2 detections trained the model. No detection of this source voted: "
    assert verdict(inside).startswith(said)
    new = card(served, 0)
    assert not verdict(new).startswith("In-sample")


def test_serve_refuses_a_catalogue_without_sources(folders):
    said = "the table has no rows: nothing to serve .*vote_trained lets those vote that trained"
    with pytest.raises(TableError, match=said):
        read_served(folders / "nothing")


def test_a_card_says_it_first(half, folders, training, xsift):
    name = training["name"][0].as_py()
    lines = half.card(name).summary().lines
    assert lines[0] == "In-sample: 2 of 2 detections trained the model"
    # Known objects have no label here: features stand among what was classified.
    assert half.card(name).standing.basis == "classified"
    assert half.card(name).standing.groups
    said = xsift("show", name, "--catalogue", folders / "half")
    assert "Warning: In-sample: 2 of 2 detections trained the model" in said.out
    new = half.sources["name"][0].as_py()
    assert "In-sample" not in half.card(new).summary().text()


def test_the_command_line_takes_the_option(mixed, model, xsift, tmp_path):
    pq.write_table(mixed, tmp_path / "t.parquet")
    model.save(tmp_path / "m.asdf")
    given = ("classify", tmp_path / "t.parquet", "--model", tmp_path / "m.asdf", "--out")
    assert "200  voting" in xsift(*given, tmp_path / "a").out
    assert "400  voting" in xsift(*given, tmp_path / "b", "--vote-trained").out


@pytest.mark.parametrize("method", ["paper", pytest.param("calibrated", marks=pytest.mark.slow)])
def test_the_query_of_the_paper_by_its_own_model(real, method, tmp_path, xsift):
    """Every source that matches the labels trained: once it was an accuracy of .94, unsaid."""
    table, labels = real("csc20_query.vot"), real("csc20_labels.csv")
    trained = run(table, labels, method=method, features="all")
    found = classify(table, trained.model)
    assert found.record["in_sample"]["by_name"] == trained.record["counts"]["trained"]
    found.write(tmp_path / "c", ())
    said = xsift("compare", tmp_path / "c", labels, "--out", tmp_path / "o")
    record = json.loads((tmp_path / "o" / "comparison.json").read_text())
    n = {"paper": 665, "calibrated": 681}[method]
    assert (record["in_sample"]["matched"], record["counts"]["matched"]) == (n, 0)
    first = " ".join(said.out.split()).removeprefix("Warning: ")
    assert first.startswith(f"in-sample: all {n} sources that match trained the model: their agree")
