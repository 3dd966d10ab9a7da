"""The tree keeps its promises: few loose files, small ones, rooms with a purpose.

That imports point one way is held by import-linter (`make check`).
"""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "xsift"

MODULES = sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_no_long_files(path):
    assert len(path.read_text().splitlines()) <= 400


def test_only_the_root_imports_by_name():
    # import-linter does not see import_module("xsift.score").
    found = [p for p in MODULES if "import_module" in p.read_text()]
    assert found == [SRC / "__init__.py"]


def test_few_modules_stand_loose():
    assert len(list(SRC.glob("*.py"))) <= 5


def test_every_folder_says_its_purpose():
    for folder in {p.parent for p in MODULES} - {SRC}:
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert said, f"{folder.name}/__init__.py has no purpose"
        assert len(said.splitlines()[0]) <= 100


def test_tests_mirror_the_tree():
    tests = Path(__file__).parent
    beside = {"browser", "tap", "corpus", "docs"}  # what crosses the whole house
    for folder in (d for d in tests.rglob("*") if d.is_dir() and any(d.glob("test_*.py"))):
        place = folder.relative_to(tests)
        assert place.parts[0] in beside or (SRC / place).is_dir(), f"tests/{place} mirrors no room"


def test_no_rooms_without_a_purpose():
    forbidden = {"utils", "helpers", "common", "misc", "base"}
    assert not [p for p in MODULES if forbidden & set(p.relative_to(SRC).with_suffix("").parts)]


def printing(tree):
    """The lines that write to the terminal: print, echo, and writes to the standard streams."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            of_typer = called in {"typer.echo", "typer.secho", "click.echo", "click.secho"}
            of_stream = called.startswith(("sys.stdout.", "sys.stderr.", "sys.__std"))
            if called == "print" or of_typer or (of_stream and ".write" in called):
                yield node.lineno


def test_only_the_command_line_prints():
    # Two processes without a terminal: the server's log of its own faults, and what classifies
    # an upload, whose one line its parent reads.
    beside = {"serve/guard.py", "serve/worker.py"}
    found = {str(p.relative_to(SRC)): list(printing(ast.parse(p.read_text()))) for p in MODULES}
    found = {name: lines for name, lines in found.items() if lines}
    assert found.pop("cli/terminal.py"), "nothing prints: the test does not see what does"
    assert {name: len(lines) for name, lines in found.items()} == dict.fromkeys(beside, 1)


def test_help_needs_nothing_heavy(run_python):
    heavy = {"sklearn", "astropy", "numba", "scipy", "asdf", "matplotlib", "pyarrow", "numpy"}
    loaded = run_python(
        "import sys, xsift.cli.app; print(*{m.split('.')[0] for m in sys.modules})"
    ).split()
    assert not heavy & set(loaded)
