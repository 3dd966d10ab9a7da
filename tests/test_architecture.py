"""The tree keeps its promises: imports point one way, files stay small."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "xsift"

LEAVES = {"errors", "columns", "classes", "jit", "settings", "surveys", "text_file"}
STAGES = {
    "cluster",
    "compare",
    "distributions",
    "evaluate",
    "features",
    "hypotheses",
    "label",
    "plots",
    "publish",
    "read",
    "report",
    "score",
    "simulate",
    "vote",
    "write",
    "fetch",
}
# Where the stages meet: each may use what stands before it.
ABOVE = [
    "summary",
    "model",
    "priors",
    "shift",
    "catalogue",
    "record",
    "packaged",
    "sampling",
    "training",
    "pipeline",
    "evaluation_figures",
    "validation",
    "targets",
    "archive",
    "scan",
    "demonstration",
    "catalogue_folder",
    "standing",
    "card",
    "card_figure",
    "card_text",
    "anomalies",
    "comparison",
    "publication",
    "catalogue_view",
    "drawing",
    "catalogue_figures",
    "catalogue_tallies",
    "catalogue_report",
    "serve",
    "terminal",
    "comparison_text",
    "options",
    "comparing",
    "publishing",
    "evaluating",
    "fetching",
    "reporting",
    "serving",
    "cli",
]
ROOT = {"__init__", "__main__"}

MODULES = sorted(SRC.rglob("*.py"))


def part(path: Path) -> str:
    """The folder or top-level file that a module belongs to."""
    return path.relative_to(SRC).with_suffix("").parts[0]


def imported_parts(path: Path) -> set[str]:
    """The parts of xsift that a module imports, inside functions too."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            # `from xsift import x` imports the part x; `from xsift.a import b` the part a.
            names = [f"{module}.{a.name}" for a in node.names] if module == "xsift" else [module]
        else:
            continue
        for name in names:
            pieces = name.split(".")
            if pieces[0] == "xsift" and len(pieces) > 1:
                parts.add(pieces[1])
    return parts - {"__version__", "Settings"}


def allowed(me: str) -> set[str]:
    if me in LEAVES:
        return LEAVES
    if me in STAGES:
        return LEAVES | {me}  # stages never import each other
    if me in ABOVE:
        return LEAVES | STAGES | set(ABOVE[: ABOVE.index(me) + 1])
    return LEAVES | STAGES | set(ABOVE)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_point_one_way(path):
    me = part(path)
    assert me in LEAVES | STAGES | set(ABOVE) | ROOT, f"{me} has no place in the architecture"
    assert imported_parts(path) <= allowed(me)


@pytest.mark.parametrize(
    "line",
    [
        "import xsift.score",
        "from xsift import score",
        "from xsift.score import PaperScorer",
        "def f():\n    from xsift.score.paper import PaperScorer",
        "def f():\n    import xsift.score.paper as s",
    ],
)
def test_an_import_between_stages_is_seen(tmp_path, line):
    file = tmp_path / "x.py"
    file.write_text(line)
    assert not imported_parts(file) <= allowed("cluster")


def test_leaves_make_no_circle():
    edges = {p: set() for p in LEAVES}
    for path in MODULES:
        if (me := part(path)) in LEAVES:
            edges[me] |= imported_parts(path) - {me}
    order = []
    while edges:
        free = [p for p, needs in edges.items() if not needs - set(order)]
        assert free, f"a circle among {sorted(edges)}"
        for p in free:
            order.append(p)
            del edges[p]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_no_long_files(path):
    assert len(path.read_text().splitlines()) <= 400


def test_only_the_root_imports_by_name():
    # import_module("xsift.score") would pass unseen above.
    found = [p for p in MODULES if "import_module" in p.read_text() and part(p) not in ROOT]
    assert not found


def test_no_rooms_without_a_purpose():
    forbidden = {"utils", "helpers", "common", "misc", "base"}
    assert not [p for p in MODULES if forbidden & set(p.relative_to(SRC).with_suffix("").parts)]


def test_help_needs_nothing_heavy(run_python):
    heavy = {"sklearn", "astropy", "numba", "scipy", "asdf", "matplotlib", "pyarrow", "numpy"}
    loaded = run_python(
        "import sys, xsift.cli; print(*{m.split('.')[0] for m in sys.modules})"
    ).split()
    assert not heavy & set(loaded)
