"""The pages and docstrings name files and modules that are there, wherever they have moved."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "xsift"
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CITATION.cff", "Makefile")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.rst")),
]
MODULES = sorted(SRC.rglob("*.py"))
ROOMS = "|".join(sorted(p.parent.name for p in SRC.glob("*/__init__.py")))
FILE = re.compile(r"(?<![\w/.-])(?:src|tests|tools|docs|examples|benchmarks)/[\w./-]*\w/?")
SHORT = re.compile(r"(?<![\w/.-])[a-z]\w*/[\w/-]+\.(?:py|toml)\b")
DOTTED = re.compile(r"(?<![\w/.-])xsift(?:\.[A-Za-z_]\w*)+")
# In docstrings only: on a page `catalogue.sources` is an attribute. And no file's ending.
RELATIVE = re.compile(rf"`({ROOMS})\.(?!html|json|asdf)([a-z]\w*)")
MADE = {"benchmarks/results/"}


def is_there(name):
    """Whether a dotted name is a module or package, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = find_spec(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        if found is None:
            continue
        text = Path(found.origin).read_text("utf-8")
        return n == len(parts) or re.search(rf"\b{parts[n]}\b", text) is not None
    return False


def stale(text):
    """Names of files and modules in a text of which there is none."""
    files = [f for f in FILE.findall(text) if f not in MADE and not (ROOT / f).exists()]
    files += [f for f in SHORT.findall(text) if not ((SRC / f).exists() or (ROOT / f).exists())]
    return files + [name for name in DOTTED.findall(text) if not is_there(name)]


def stale_in_code(text):
    """The same, and modules named from the top of the package: `vote.tally`."""
    relative = [".".join(("xsift", *m)) for m in RELATIVE.findall(text)]
    return stale(text) + [name for name in relative if not is_there(name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_name_what_is_there(page):
    assert not stale(page.read_text("utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SRC)))
def test_docstrings_name_what_is_there(path):
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    said = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    comments = re.findall(r"#\s(.*)", path.read_text("utf-8"))
    assert not stale_in_code("\n".join([*said, *comments]))


@pytest.mark.parametrize(
    "name",
    [
        "src/xsift/pipeline.py",
        "`cluster/kernels.py`",
        "mixture/none_such.py",
        "xsift.cluster.GaussianMixture",
        "xsift.mixture.NoSuchThing",
        "`write.model_schema`",
    ],
)
def test_a_name_that_is_gone_is_seen(name):
    assert stale_in_code(name)


def test_names_that_are_there_pass():
    said = "src/xsift/read/ tests/docs, mixture/kernels.py, `xsift.run`, xsift.mixture.kernels"
    assert not stale_in_code(f"{said} `read.read_table` /src/nothing ../tests/none")
