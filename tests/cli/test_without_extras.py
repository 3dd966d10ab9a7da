"""The commands where `pip install xsift` has brought no extras."""

import json
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from packaging.requirements import Requirement

from xsift import Settings, run
from xsift.errors import lack_of

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
BROUGHT = [
    (Requirement(line).name, extra)
    for extra in ("cluster", "fetch", "publish", "report", "serve")
    for line in EXTRAS[extra]
]
NO_FIGURES = 'no figures: matplotlib is not installed; install it with pip install "xsift[report]"'
CONE = ("--cone", "10 20 0.1")


@pytest.fixture
def bare(without):
    """Hide all that the extras bring."""
    without(*(package for package, _ in BROUGHT))


@pytest.fixture(scope="module")
def catalogue(files):
    settings = Settings(method="paper", clusters=2)
    run(files / "table.parquet", files / "known.parquet", settings).write(files / "catalogue")
    return files / "catalogue"


def shown(said):
    return " ".join(said.out.split())


def test_every_extra_for_use_is_looked_at():
    (everything,) = EXTRAS["all"]
    # tests/test_without_numba.py looks at `train`, in a process of its own.
    assert {"train", *(extra for _, extra in BROUGHT)} == Requirement(everything).extras


@pytest.mark.parametrize(("package", "extra"), [*BROUGHT, ("numba", "train"), ("jax", "gpu")])
def test_the_extra_is_named_by_the_packages_own_name(without, package, extra):
    assert lack_of(package, "nothing") is None  # it is imported by that name, too
    without(package)
    assert lack_of(package, "nothing") == (
        f'nothing: {package} is not installed; install it with pip install "xsift[{extra}]"'
    )


def test_the_extra_of_a_package_that_is_imported_by_another_name(without):
    assert lack_of("sklearn", "nothing") is None
    without("sklearn")
    assert lack_of("sklearn", "nothing") == (
        'nothing: scikit-learn is not installed; install it with pip install "xsift[train]"'
    )


@pytest.mark.parametrize("package", ["ruff", "gmmx", "no_such_package", ""])
def test_what_no_user_needs_is_in_no_extra(without, package):
    without(package)
    assert lack_of(package, "nothing") is None


def test_a_table_in_parts(xsift, bare, tmp_path, small_table, monkeypatch):
    from xsift.pipeline import stream

    parts_of = stream.parts_of
    monkeypatch.setattr(stream, "parts_of", lambda path, _: parts_of(path, 300))
    (tmp_path / "many").mkdir()
    pq.write_table(small_table.drop_columns(["label"]), tmp_path / "many/one.parquet")
    command = ("classify", tmp_path / "many", "--out", tmp_path / "out")
    assert xsift(*command).status == 0
    said = xsift(*command, "--workers", "2")
    assert said.status == 1
    assert 'distributed is not installed; install it with pip install "xsift[cluster]"' in said.err


def test_the_main_job(xsift, bare, files, tmp_path):
    table, known = files / "table.parquet", files / "known.parquet"
    out, voted = tmp_path / "out", tmp_path / "voted"
    assert xsift("run", table, "--labels", known, "--out", out).status == 0
    assert xsift("classify", table, "--out", tmp_path / "classified").status == 0
    assert xsift("vote", out / "detections.parquet", "--out", voted).status == 0
    assert (voted / "sources.parquet").exists()


def test_a_catalogue_is_looked_at(xsift, bare, catalogue):
    assert xsift("anomalies", catalogue).status == 0
    said = xsift("show", "2CXO J000000.0+000000", "--catalogue", catalogue)
    assert said.status == 0
    assert "Detections" in said.out


@pytest.mark.parametrize(
    ("command", "lack"),
    [
        ("show '2CXO J000000.0+000000' --catalogue CATALOGUE --figure f.png", "no figure: mat"),
        ("report CATALOGUE", "no figures: matplotlib"),
        ("serve CATALOGUE", "cannot serve: fastapi"),
        ("serve --demo", "cannot serve: fastapi"),
        ("publish CATALOGUE --out out", "cannot publish: mocpy"),
        ("publish CATALOGUE --out out --static", "cannot publish: hats"),
        (
            "classify CATALOGUE/detections.parquet --format hats --out out",
            "cannot write HATS: hats",
        ),
        (
            "classify CATALOGUE/[d]etections.parquet --format hats --out out",
            "cannot write HATS: hats",
        ),
        ("fetch csc --cone '10 20 0.1' --out a.vot", "cannot fetch: requests"),
        ("fetch simbad CATALOGUE/sources.parquet --out a.vot", "cannot fetch: requests"),
        ("fetch simbad CATALOGUE/sources.parquet --out a.vot --via xmatch", "cannot fetch: req"),
        ("run csc20 --cone '10 20 0.1' --out out", "cannot fetch: requests"),
        ("classify csc20 --cone '10 20 0.1' --out out", "cannot fetch: requests"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    xsift, bare, catalogue, tmp_path, monkeypatch, command, lack
):
    monkeypatch.chdir(tmp_path)
    before = sorted(catalogue.rglob("*"))
    words = [w.replace("CATALOGUE", str(catalogue)) for w in shlex.split(command)]
    said = xsift(*words)
    assert said.status == 1
    (line,) = [s for s in said.err.splitlines() if s.startswith("xsift: ")]
    assert line.startswith(f"xsift: {lack}")
    assert 'is not installed; install it with pip install "xsift[' in line
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(catalogue.rglob("*")) == before


def test_a_query_is_shown(xsift, bare):
    said = xsift("fetch", "csc", *CONE, "--show-query")
    assert said.status == 0
    assert "SELECT" in said.out


def test_a_scan_leaves_out_its_figure(xsift, bare, files, tmp_path):
    said = xsift("scan", files / "table.parquet", "--out", tmp_path, "--k-max", 2, "--restarts", 2)
    assert said.status == 0
    assert NO_FIGURES in shown(said)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == ["scan.csv", "scan.json", "scan.parquet", "xsift-files.json"]
    assert json.loads((tmp_path / "scan.json").read_text("utf-8"))["warnings"] == [NO_FIGURES]


def test_a_validation_leaves_out_its_figures(xsift, bare, files, tmp_path):
    said = xsift(
        *("evaluate", files / "labelled.parquet", "--label-column", "label", "--out", tmp_path),
        *("--features", "all", "--methods", "svc", "--experiments", "shares"),
        *("--folds", 2, "--draws", 2),
    )
    assert said.status == 0
    record = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert record["warnings"] == [NO_FIGURES]
    assert NO_FIGURES in shown(said)
    assert "<svg" not in page
    assert page.count("<p>Not drawn: ") == 3
    assert page.count("no figures: matplotlib") == 1


def test_a_comparison_leaves_out_its_figures(xsift, bare, catalogue, tmp_path):
    said = xsift(
        *("compare", catalogue, catalogue / "sources.parquet", "--class-column", "class"),
        *("--out", tmp_path),
    )
    assert said.status == 0
    assert NO_FIGURES in shown(said)
    record = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    assert NO_FIGURES in record["warnings"]
    page = (tmp_path / "comparison.html").read_text("utf-8")
    assert "<svg" not in page
    assert page.count("<p>Not drawn: ") == 2
    assert (tmp_path / "disagreements.parquet").exists()


def test_a_package_that_nobody_asked_for_before_is_one_line(
    xsift, without, catalogue, tmp_path, monkeypatch
):
    monkeypatch.setattr(import_module("xsift.report.card"), "need", lambda package, lost: None)
    without("matplotlib")
    said = xsift(
        *("show", "2CXO J000000.0+000000", "--catalogue", catalogue),
        *("--figure", tmp_path / "f.png"),
    )
    assert said.status == 1
    assert said.err == (
        "xsift: cannot go on: matplotlib is not installed; install it with pip install "
        '"xsift[report]"\n'
    )


@pytest.mark.parametrize("name", ["no_such_package", "matplotlib.no_such_part", None])
def test_any_other_import_that_fails_is_a_fault(xsift, catalogue, monkeypatch, name):
    def failing(*_):
        raise ModuleNotFoundError("gone", name=name)

    monkeypatch.setattr("xsift.catalogue.card.source_card", failing)
    with pytest.raises(ModuleNotFoundError, match="gone"):
        xsift("show", "a", "--catalogue", catalogue)
