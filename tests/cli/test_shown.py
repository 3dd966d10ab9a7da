"""What a person sees in 80 columns: lines that fit, no empty columns, and the time left."""

import io
import re
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from xsift import classify, run
from xsift.cli import terminal
from xsift.cli.evaluate import _method_table
from xsift.model.notebook import shown_in_notebook
from xsift.model.progress import told_in_parts


@pytest.fixture(autouse=True)
def eighty(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def lines_of(said):
    assert said.status == 0
    return said.out.splitlines()


def test_anomalies_fit_and_say_how_far_out_each_feature_lies(xsift, calibrated):
    title, heading, *lines, last = lines_of(xsift("anomalies", calibrated, "--most", 12))
    assert title == "Least typical first"
    assert heading.split() == ["name", "obsid", "typicality", "class"]
    assert last == "Above or below: share of the training detections."
    ranked = [line for line in lines if re.match(r" ?\d+  2CXO ", line)]
    assert [int(line.split()[0]) for line in ranked] == list(range(1, 13))
    names = set(pq.read_table(calibrated / "detections.parquet")["name"].to_pylist())
    assert all(" ".join(line.split()[1:3]) in names for line in ranked)
    assert max(map(len, lines)) <= 80
    why = " ".join(line.strip() for line in lines if line not in ranked)
    said = re.findall(r"(\w+) (-?[\d.e+-]+) \((below|above) (all|\d+\.\d %)\)", why)
    assert len(said) >= 12
    assert {side for _, _, side, _ in said} == {"below", "above"}
    assert min(float(share.rstrip(" %")) for *_, share in said if share != "all") >= 50


def test_a_source_has_no_empty_columns_and_its_tables_fit(xsift, calibrated):
    detections = pq.read_table(calibrated / "detections.parquet")
    is_whole = pc.and_(pc.equal(detections["n_missing"], 0), pc.equal(detections["role"], "scored"))
    misses = detections.filter(pc.invert(is_whole))["name"].to_pylist()
    whole = [n for n in detections.filter(is_whole)["name"].to_pylist() if n not in misses]
    for name, has_why in ((whole[0], False), (misses[0], True)):
        lines = lines_of(xsift("show", name, "--catalogue", calibrated))
        tables = lines[lines.index("Detections") + 1 :]
        assert ("why" in tables[0].split()) is has_why
        assert max(map(len, tables)) <= 80


def test_many_groups_stand_beside_each_other_only_where_they_may_be_true(xsift, calibrated):
    source = pq.read_table(calibrated / "sources.parquet").slice(0, 1).to_pylist()[0]
    lines = lines_of(xsift("show", source["name"], "--catalogue", calibrated))
    at = next(i for i, line in enumerate(lines) if line.startswith("Features, "))
    shown = lines[at + 1].split()[2:]
    assert len(shown) <= 5
    assert [g for g in shown if g != "range"]


def test_sources_of_none_of_the_classes_are_counted_in_the_table(xsift, calibrated, tmp_path):
    table = pq.read_table(calibrated / "table.parquet").drop_columns(["label"])
    hardness = pa.array(np.full(len(table), 0.9999))
    far = table.set_column(table.column_names.index("hard_hm"), "hard_hm", hardness)
    pq.write_table(far, tmp_path / "far.parquet")
    model = calibrated / "model.asdf"
    said = xsift("classify", tmp_path / "far.parquet", "--model", model, "--out", tmp_path / "o")
    found = pq.read_table(tmp_path / "o/sources.parquet").filter(pc.field("class") == "none")
    row = [line.split() for line in lines_of(said) if "none of these" in line]
    if not len(found):
        pytest.fail("no source is of none of the classes: the test sees nothing")
    unique = pc.sum(pc.equal(found["status"], "unique")).as_py()
    assert row == [["none", "none", "of", "these", str(unique), str(len(found) - unique)]]


def test_no_number_of_a_validation_is_cut():
    interval = {"value": 0.5321, "low": 0.1234, "high": 0.9876}
    figures = dict.fromkeys(("balanced_accuracy", "accuracy", "log_loss", "ece"), interval)
    found = {"groups": figures | {"n_detections": 123_456}}
    results = {name: {"detections": found, "sources": found} for name in ("calibrated", "paper")}
    screen = Console(file=io.StringIO(), width=80)
    screen.print(_method_table("Unseen sources", results))
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.count("0.123-0.988") for line in lines] == [0, 0, 1, 1]
    assert lines[-1].split() == ["paper", "123,456", "0.532", "0.123-0.988", *["0.532"] * 4]


class Watched:
    """Is told of steps and of parts, as the command line's bar is."""

    def __init__(self):
        self.steps, self.parts = [], []

    def __call__(self, step):
        self.steps.append(step)

    def part(self, step, done, total):
        self.parts.append((step, done, total))


def repeated(table, n):
    return pa.concat_tables([table] * (n // len(table) + 1)).slice(0, n)


def test_a_large_table_says_how_much_is_done(small_table, calibrated):
    watched = Watched()
    table = repeated(small_table.drop_columns(["label"]), 20_000)
    classify(table, model=calibrated / "model.asdf", progress=watched)
    assert {(step, total) for step, _, total in watched.parts} == {("scoring and voting", 20_000)}
    done = [n for _, n, _ in watched.parts]
    assert done == sorted(done)
    assert done[-1] == 20_000
    assert len(done) > 2
    few = Watched()
    classify(small_table.drop_columns(["label"]), model=calibrated / "model.asdf", progress=few)
    assert few.parts == []
    assert few.steps[-1] == "scoring and voting"


def test_training_says_how_much_is_done(small_table):
    watched = Watched()
    run(small_table, label_column="label", features="all", progress=watched)
    told = [(done, total) for step, done, total in watched.parts if step.startswith("training on")]
    total = told[0][1]
    assert told == [(n, total) for n in range(1, total + 1)]
    assert total % 5 == 0


def test_a_plain_function_is_told_in_words():
    said = []
    told_in_parts(said.append, "scoring")(3000, 20_000)
    assert said == ["scoring", "scoring: 3,000 of 20,000"]


@pytest.fixture
def screen(monkeypatch):
    """A terminal that a person looks on; or none."""

    def make(is_terminal):
        made = Console(file=io.StringIO(), force_terminal=is_terminal, width=80, soft_wrap=True)
        monkeypatch.setattr(terminal, "console", lambda err=False: made)
        return made.file

    return make


def test_who_looks_on_sees_a_bar_with_the_time_left(screen):
    file = screen(True)
    with terminal.progress() as step:
        step("reading [a].vot")
        step.part("scoring", 5, 20)
        step.part("scoring", 20, 20)
    said = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", file.getvalue())
    assert "reading [a].vot" in said
    assert "scoring" in said
    assert "20 of 20" in said
    assert " left 0:00:00" in said
    assert max(len(line.rstrip()) for line in re.split(r"[\r\n]", said)) <= 80


def test_a_log_has_a_line_for_each_step_and_each_tenth(screen):
    file = screen(False)
    with terminal.progress() as step:
        step("reading")
        for done in range(0, 101, 5):
            step.part("scoring", done, 100)
    lines = file.getvalue().splitlines()
    assert lines[:3] == ["reading", "scoring: 0 of 100", "scoring: 10 of 100"]
    assert len(lines) == 12


@pytest.fixture
def notebook(monkeypatch):
    """A notebook's shell, and what is displayed under its cell."""
    shown = []
    handle = SimpleNamespace(update=shown.append)

    def display(html, display_id):
        assert display_id is True
        shown.append(html)
        return handle

    parts = SimpleNamespace(display=display, HTML=str)
    fake = SimpleNamespace(display=parts, get_ipython=lambda: SimpleNamespace(kernel=1))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    return shown


def test_a_notebook_shows_a_bar(notebook, small_table, calibrated):
    table = repeated(small_table.drop_columns(["label"]), 20_000)
    classify(table, model=calibrated / "model.asdf")
    assert notebook[0].startswith("<progress></progress> ")
    assert notebook[-1] == (
        '<progress value="20000" max="20000"></progress> scoring and voting: 20,000 of 20,000'
    )


def test_a_notebook_shows_text_as_text(notebook):
    shown_in_notebook()("reading <b>.vot")
    assert notebook == ["<progress></progress> reading &lt;b&gt;.vot"]


def test_elsewhere_nothing_is_shown(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "IPython", None)
    shown_in_notebook()("reading")
    shell = SimpleNamespace(get_ipython=SimpleNamespace)  # IPython in a terminal has no kernel
    monkeypatch.setitem(sys.modules, "IPython", shell)
    shown_in_notebook()("reading")
    assert capsys.readouterr() == ("", "")
