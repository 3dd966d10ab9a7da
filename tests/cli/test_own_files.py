"""The user's own files stay: no command replaces or removes what xsift did not write."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from xsift import Settings, classify, run
from xsift.catalogue.view import view_catalogue
from xsift.compare.comparison import compare
from xsift.errors import OutputError
from xsift.read import read_table
from xsift.report.report import FILES, compose
from xsift.write import write_table

TABLES = [stem + end for stem in ("detections", "sources") for end in (".parquet", ".vot", ".csv")]
CATALOGUE = (*TABLES, "detections.fits", "model.asdf", "run.json")
OPTIONS = {
    "run": ("TABLE", "--labels", "KNOWN"),
    "classify": ("TABLE",),
    "vote": ("CATALOGUE/detections.parquet",),
    "scan": ("TABLE", "--k-max", 1, "--restarts", 1),
    "evaluate": ("LABELLED", "--label-column", "label", "--methods", "svc", "--folds", 2),
    "report": ("CATALOGUE",),
    "compare": ("CATALOGUE", "CATALOGUE"),
    "publish": ("CATALOGUE",),
    "publish --static": ("CATALOGUE", "--static"),
    "demo": ("--sources", 1000),
}
NAMES = {
    "run": CATALOGUE,
    "classify": CATALOGUE,
    "vote": ("sources.parquet", "sources.vot", "sources.fits", "sources.csv", "run.json"),
    "scan": ("scan.parquet", "scan.csv", "scan.json", "scan.png"),
    "evaluate": ("evaluation.json", "report.html"),
    "report": ("report.html", "report.json", "status.csv", "hypotheses.pdf", "k_scan.png"),
    "compare": ("comparison.json", "comparison.html", "disagreements.fits"),
    "publish": ("q.rd", "sources.vot", "detections.vot"),
    "publish --static": ("README.md", "dictionary.json", "sources.parquet", "hats/mine/x"),
    "demo": ("run.json", "sky.png", "simulated_survey.vot", "simulated_truth.csv"),
}


@pytest.fixture(scope="module")
def catalogue(files):
    settings = Settings(method="paper", clusters=2, label_column="label")
    run(files / "labelled.parquet", None, settings).write(files / "catalogue")
    return files / "catalogue"


@pytest.fixture
def command(xsift, files, catalogue):
    """Run a command of `OPTIONS` into a folder."""
    places = {"KNOWN": files / "known.parquet", "LABELLED": files / "labelled.parquet"}
    places |= {"TABLE": files / "table.parquet", "CATALOGUE": catalogue}

    def call(name, out, *more):
        words = [str(word) for word in OPTIONS[name]]
        for short, path in places.items():
            words = [w.replace(short, str(path), 1) if w.startswith(short) else w for w in words]
        return xsift(name.split()[0], *words, "--out", out, *more)

    return call


def refusal(said):
    """The one line of a refusal."""
    assert (said.status, said.out) == (1, ""), said
    line = said.err.splitlines()[-1]
    assert line.startswith("xsift: ")
    return line


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name in OPTIONS for file in NAMES[name]]
)
def test_a_file_of_the_name_of_a_result(command, tmp_path, name, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("mine")
    line = refusal(command(name, tmp_path))
    assert f"{tmp_path / file} is not xsift's, and the result would replace it: move it, or" in line
    assert (tmp_path / file).read_text() == "mine"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / file]


@pytest.mark.parametrize("name", ["run", "classify", "vote", "scan", "evaluate", "demo"])
def test_it_is_seen_before_the_work_starts(command, tmp_path, name):
    (tmp_path / NAMES[name][0]).write_text("mine")
    assert len(command(name, tmp_path).err.splitlines()) == 1  # not even "reading ..."


@pytest.mark.parametrize("form", ["parquet", "votable", "fits", "csv"])
def test_a_table_called_as_the_result(xsift, small_table, tmp_path, monkeypatch, form):
    """The fault that was seen: `xsift classify detections.fits --out .` removed its input."""
    monkeypatch.chdir(tmp_path)
    name = {"parquet": "parquet", "votable": "vot", "fits": "fits", "csv": "csv"}[form]
    name = f"detections.{name}"
    write_table(small_table, name, form, {})
    os.link(name, "another name")
    before = (tmp_path / name).read_bytes()
    for given in (name, f"./{name}", tmp_path / name, "another name"):
        for words in (("classify", given), ("run", given, "--label-column", "label")):
            line = refusal(xsift(*words, "--out", "."))
            assert f"{name} is an input of this command, and the result would replace it" in line
            assert (tmp_path / name).read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["another name", name]


def test_labels_called_as_a_result(xsift, files, tmp_path):
    known = read_table(files / "known.parquet")[0]
    write_table(known, tmp_path / "sources.csv", "csv", {})
    before = (tmp_path / "sources.csv").read_bytes()
    words = ("run", files / "table.parquet", "--labels", tmp_path / "sources.csv")
    assert "sources.csv is an input" in refusal(xsift(*words, "--out", tmp_path))
    assert (tmp_path / "sources.csv").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["sources.csv"]


@pytest.fixture
def ours(catalogue, tmp_path):
    shutil.copytree(catalogue, tmp_path / "ours")
    return tmp_path / "ours"


def content(folder):
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_input_that_xsift_wrote_is_an_input(xsift, files, ours, tmp_path):
    before = content(ours)
    detections, model = ours / "detections.parquet", ours / "model.asdf"
    said = "is an input of this command, and the result would replace it: give another folder"
    for words in (
        ("classify", detections),
        ("run", detections, "--label-column", "label"),
        ("run", files / "table.parquet", "--labels", ours / "sources.vot"),
        ("classify", files / "table.parquet", "--model", model),
    ):
        assert said in refusal(xsift(*words, "--out", ours))
    with pytest.raises(OutputError, match=said):
        classify(detections).write(ours)
    with pytest.raises(OutputError, match=said):
        classify(files / "table.parquet", model).write(ours)
    assert content(ours) == before
    out = tmp_path / "c"
    compare(ours, ours / "sources.vot").write(out)
    assert said in refusal(xsift("compare", ours, out / "disagreements.parquet", "--out", out))


def test_the_functions_of_python_keep_to_it(files, tmp_path):
    result = classify(files / "table.parquet")
    (tmp_path / "run.json").write_text("mine")
    with pytest.raises(OutputError, match=r"run\.json is not xsift's, and the result would"):
        result.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json").read_text() == "mine"


def test_a_result_that_the_user_changed(command, ours):
    table = pq.read_table(ours / "sources.parquet")
    pq.write_table(table.slice(0, 3), ours / "sources.parquet")
    before = content(ours)
    line = refusal(command("run", ours))
    assert "sources.parquet has changed since xsift wrote it, and the result would replace" in line
    assert content(ours) == before


def test_sources_of_a_catalogue_are_not_those_of_a_vote(command, ours):
    before = content(ours)
    assert "holds a catalogue, whose sources this would replace" in refusal(command("vote", ours))
    line = refusal(command("publish --static", ours.parent / "ours"))
    assert "belongs to another result (catalogue), and this one would replace it" in line
    assert content(ours) == before


@pytest.mark.parametrize("end", ["png", "pdf", "svg"])
def test_a_figure_called_as_a_picture(xsift, catalogue, tmp_path, end):
    name = read_table(catalogue / "sources.parquet")[0]["name"][0].as_py()
    figure = tmp_path / f"me.{end}"
    words = ("show", name, "--catalogue", catalogue, "--figure", figure)
    figure.write_text("mine")
    assert f"me.{end} is not xsift's" in refusal(xsift(*words))
    assert figure.read_text() == "mine"
    figure.unlink()
    for _ in range(2):
        assert xsift(*words).status == 0
    shutil.copy(catalogue / "run.json", tmp_path)
    figure.unlink()
    figure.symlink_to(tmp_path / "run.json")
    assert f"me.{end} is a link: remove it" in refusal(xsift(*words))


def test_every_file_of_a_report_is_listed(calibrated):
    view = view_catalogue(calibrated)
    found, _, tables = compose(view)
    # The others are of surveys with other features than the paper's.
    others = ("features_groups", "planes_groups", "plane_classes", "clusters_planes")
    named = {d.stem + end for d in found for end in (".png", ".pdf", ".csv")}
    named |= {stem + end for stem in others for end in (".png", ".pdf", ".csv")}
    named |= {f"{stem}.csv" for stem in tables}
    assert named | {"report.html", "report.json", "hypotheses.json"} == set(FILES)
