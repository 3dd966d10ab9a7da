"""The house: what pyproject, the pins, the Makefile and the papers say about each other."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import xsift

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
PINNED = {
    canonicalize_name(name): version for name, _, version in (p.partition("==") for p in PINS)
}
MAKEFILE = (ROOT / "Makefile").read_text()


def requirements():
    """Every requirement that pyproject names, its own extras (`xsift[report]`) left out."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    named = [Requirement(line) for group in groups for line in group]
    named += [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]
    return [r for r in named if canonicalize_name(r.name) != PROJECT["name"]]


def closure():
    """The names of all distributions that the requirements bring in, here and now."""
    todo, seen = requirements(), set()
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            needs = metadata.requires(wanted.name) or []
        except metadata.PackageNotFoundError:  # the build backend, in its own environment
            continue
        for need in map(Requirement, needs):
            if need.marker is None or any(
                need.marker.evaluate({**default_environment(), "extra": extra})
                for extra in {"", *wanted.extras}
            ):
                todo.append(need)
    return {name for name, _ in seen}


def run_make(*args, cwd=ROOT):
    environment = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS"}}
    return subprocess.run(
        ["make", "--no-print-directory", *args],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_version_is_kept_in_one_place():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "src/xsift/__init__.py"
    kept = [
        path
        for path in (ROOT / "src").rglob("*.py")
        if re.search(r"^__version__\s*(:\s*\w+\s*)?=", path.read_text(), re.MULTILINE)
    ]
    assert kept == [ROOT / "src/xsift/__init__.py"]


def test_changelog_and_citation_agree_with_the_version():
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    cited = re.search(r"^version: *(.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    if ".dev" in xsift.__version__:
        assert newest == "Unreleased"
        assert cited is None, "a version that is not released cannot be cited"
    else:
        assert newest == xsift.__version__
        assert cited is not None
        assert cited[1].strip("\"'") == xsift.__version__


def test_licence_is_the_same_everywhere():
    assert (ROOT / "LICENSE").read_text().startswith("BSD 3-Clause License")
    assert PROJECT["license"] == "BSD-3-Clause"
    assert "\nlicense: BSD-3-Clause\n" in (ROOT / "CITATION.cff").read_text()


def test_citation_names_the_paper():
    assert "arXiv:2401.12203" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("pin", PINS)
def test_constraints_hold_exact_pins_and_nothing_else(pin):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin)


def test_constraints_pin_each_distribution_once():
    assert len(PINNED) == len(PINS)


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_every_requirement_is_pinned_within_its_bounds(requirement):
    assert str(requirement.specifier), f"{requirement.name} has no lower bound"
    pinned = PINNED[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned, prereleases=True)


OLDEST = dict(
    line.split("==")
    for line in (ROOT / "constraints-oldest.txt").read_text().splitlines()
    if not line.startswith("#")
)


def test_the_oldest_versions_are_the_lower_bounds():
    tested = [
        Requirement(line)
        for extra in ("fetch", "report", "serve", "train")
        for line in PROJECT["optional-dependencies"][extra]
    ]
    tested += [Requirement(line) for line in PROJECT["dependencies"]]
    assert {r.name for r in tested} == set(OLDEST)
    for requirement in tested:
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        assert Version(OLDEST[requirement.name]) == Version(bound.version)


def test_what_the_requirements_bring_in_is_pinned():
    assert closure() <= set(PINNED)


def test_extra_all_holds_every_extra_for_use():
    extras = PROJECT["optional-dependencies"]
    held = {extra for line in extras["all"] for extra in Requirement(line).extras}
    # `gpu` is for use, too, and brings gigabytes that only a machine with a GPU needs.
    assert held == set(extras) - {"all", "gpu", "test", "dev", "docs", "bench"}


def test_help_lists_every_target():
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert {"demo", "test", "check", "bench", "docs", "serve", "release-check"} <= set(targets)
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    assert sorted(phony) == sorted(targets)
    result = run_make()
    assert result.returncode == 0, result.stderr
    listed = re.findall(r"^make ([\w-]+) +\S", result.stdout, re.MULTILINE)
    assert listed == targets


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_readme_gives_the_commands(command):
    assert command in (ROOT / "README.md").read_text()


def test_markers_that_make_names_are_declared():
    markers = PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]
    declared = {marker.split(":")[0] for marker in markers}
    left_out = re.search(r"^LEFT_OUT := (.+)$", MAKEFILE, re.MULTILINE)[1].split(" or ")
    assert declared - set(left_out) == {"real"}
    assert set(left_out) <= declared


def test_serve_serves_the_demo():
    result = run_make("--dry-run", "serve")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].endswith("bin/xsift serve --demo")


@pytest.fixture
def bare(tmp_path):
    """A directory with the Makefile and nothing set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_setup_refuses_an_old_python_with_one_line(bare):
    old = bare / "python3.10"
    old.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.version_info = (3, 10, 12); $2"\n'
    )
    old.chmod(0o755)
    result = run_make("demo", "PYTHON=./python3.10", cwd=bare)
    first, *rest = result.stderr.splitlines()
    assert first == (
        "xsift needs Python 3.11 or newer, and ./python3.10 is 3.10: "
        "name another with make PYTHON=..."
    )
    assert all(line.startswith("make") for line in rest)  # make's own "Error 1"
    assert result.returncode == 2
    assert not (bare / ".venv").exists()


def test_setup_without_a_python_says_so(bare):
    result = run_make("demo", "PYTHON=./none", cwd=bare)
    assert result.stderr.startswith(
        "xsift needs Python 3.11 or newer, and there is no ./none: "
        "install it, or name one with make PYTHON=...\n"
    )
    assert result.returncode == 2
    assert not (bare / ".venv").exists()
