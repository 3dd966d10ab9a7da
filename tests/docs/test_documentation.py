"""The documentation says what is so: its examples run, its lists are complete, its links lead on.

How a page is read, from the top, in one temporary folder that holds a simulated `mytable.vot` and
`known.csv`:

* a ``console`` block holds commands after ``$`` and what they print on standard output (or the one
  line of an error); ``...`` stands for anything. `xsift` runs in this process, `python tools/...`
  in one of its own;
* a ``python`` block is run; a ``text`` block right after it is what it prints;
* a ``toml`` or ``csv`` block is written to the file that the comment above it names;
* a ``sh`` block is for setting up, or needs a network, and is not run: only what it calls is
  checked.

A comment above a block says more: ``<!-- roughly -->``: numbers may differ a little (the clusters
depend on the last bits); ``<!-- real -->``: needs the real tables, as any block that names them.
Both are said as ``<!-- real, roughly -->``.
"""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from xsift import Settings, surveys
from xsift.catalogue.columns import output_columns
from xsift.classes import PAPER_CLASSES
from xsift.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.pages import DATA, FENCE, Block, agrees, blocks, commands  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OURS = [p for p in PAGES if p.name != "benchmarks.md"]


def run_command(command: str) -> str:
    """Run a command of a console block; give what it printed."""
    words = shlex.split(command)
    if words[0] == "xsift" and not set(words) & {"|", ">", "&&"}:
        result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
        if result.exit_code == 0:
            return result.stdout
        said = result.stderr.splitlines()[-1]
        assert said.startswith("xsift: "), result.stderr
        return said
    if words[0] == "python":
        command = f"{shlex.quote(sys.executable)} -W ignore {command.removeprefix('python ')}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def run_blocks(chosen: list[Block]) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    printed = None
    for block in chosen:
        where = f"{block.page.name}, line {block.line + 1}"
        roughly = "roughly" in block.note
        if block.kind in ("toml", "csv"):
            Path(block.note.removeprefix("file: ")).write_text(block.body, "utf-8")
        elif block.kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(block.body, where, "exec"), names)
            printed = out.getvalue()
        elif block.kind == "text" and printed is not None:
            assert agrees(block.body, printed, roughly), f"{where} prints:\n{printed}"
            printed = None
        elif block.kind == "console":
            for command, shown in commands(block.body):
                said = run_command(command)
                assert not shown or agrees(shown, said, roughly), f"{where}: {command}\n{said}"


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """A simulated table and its known objects: those of `xsift demo --sources 1000`."""
    from xsift.simulate import simulate
    from xsift.write import write_table

    folder = tmp_path_factory.mktemp("simulated")
    simulation = simulate(1000, seed=42)
    write_table(simulation.detections, folder / "mytable.vot", "votable", {})
    write_table(simulation.known, folder / "known.csv", "csv", {})
    return folder


@pytest.fixture
def workplace(tmp_path, tables, monkeypatch):
    """A project folder with the two tables and the tools; the real tables are beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    for table in tables.iterdir():
        (folder / table.name).symlink_to(table)
    (folder / "tools").symlink_to(ROOT / "tools")
    if (ROOT / DATA).exists():
        (tmp_path / "shared").symlink_to((ROOT / DATA).resolve().parent)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return folder


def pages_with(real: bool) -> list[Path]:
    kinds = ("console", "python")
    return [p for p in OURS if any(b.is_real is real and b.kind in kinds for b in blocks(p))]


# nested-pandas, under LSDB, uses what a later pandas will change: Python shows no user that.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("page", pages_with(real=False), ids=lambda p: p.name)
@pytest.mark.usefixtures("fits_once")
def test_examples(page, workplace):
    run_blocks([b for b in blocks(page) if not b.is_real])


@pytest.mark.real
@pytest.mark.parametrize("page", pages_with(real=True), ids=lambda p: p.name)
@pytest.mark.usefixtures("fits_once")
def test_examples_on_real_tables(page, workplace):
    if not (ROOT / DATA).exists():
        pytest.skip("the real tables are not at ../shared/data")
    run_blocks([b for b in blocks(page) if b.is_real or b.note.startswith("file: ")])


@pytest.mark.parametrize("page", OURS, ids=lambda p: p.name)
def test_every_block_is_of_a_kind_that_is_checked(page):
    for before, block in zip([None, *blocks(page)], blocks(page), strict=False):
        where = f"{page.name}, line {block.line + 1}"
        assert block.kind in ("console", "python", "text", "toml", "csv", "sh"), where
        if block.kind == "text":
            assert before is not None, where
            assert before.kind == "python", f"{where}: what prints this?"
        if block.kind in ("toml", "csv"):
            assert block.note.startswith("file: "), f"{where}: no comment names its file"


@pytest.mark.parametrize("page", OURS, ids=lambda p: p.name)
def test_set_up_blocks_call_what_is_there(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pyproject = (ROOT / "pyproject.toml").read_text()
    for block in blocks(page):
        if block.kind != "sh":
            continue
        for line in block.body.splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "make":
                assert set(words[1:]) <= targets, line
            else:
                assert re.match(r"(\S*/)?(python3 -m venv|pip install|pytest|xsift) ", line), line
            for extra in re.findall(r"\[(\w+)\]", line):
                assert re.search(rf"^{extra} = ", pyproject, re.MULTILINE), line


GROUP = typer.main.get_command(app)
COMMANDS = {
    f"{name} {below}".strip(): command
    for name, group in GROUP.commands.items()
    for below, command in getattr(group, "commands", {"": group}).items()
}
OPTIONS = {
    name: {o for p in c.params for o in (*p.opts, *p.secondary_opts) if o.startswith("--")}
    | {"--help"}
    for name, c in COMMANDS.items()
}


@pytest.mark.parametrize("page", OURS, ids=lambda p: p.name)
def test_commands_and_options_exist(page):
    text = page.read_text("utf-8")
    known = set().union(*OPTIONS.values()) | {"--version"}
    for inline in re.findall(r"`(--[a-z-]+)", FENCE.sub("", text)):
        assert inline in known, f"{page.name} names {inline}"
    used = [c for b in blocks(page) if b.kind == "console" for c, _ in commands(b.body)]
    used += [line for b in blocks(page) if b.kind == "sh" for line in b.body.splitlines()]
    used += re.findall(r"`(xsift [^`]+)`", FENCE.sub("", text))
    for line in used:
        words = line.split()
        if words[:1] != ["xsift"] or words[1].startswith("--"):
            continue
        of_group = " ".join(words[1:3])
        command = of_group if of_group in OPTIONS else words[1]
        assert command in OPTIONS, f"{page.name}: {line}"
        said = {w.split("=")[0] for w in words if w.startswith("--")}
        assert said <= OPTIONS[command], f"{page.name}: {line}"


def reference(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found, f"no section {heading}"
    return found[1]


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_and_option_is_documented(command):
    is_survey = command.removeprefix("fetch ") in surveys.names()  # one section for all of them
    said = section(reference("settings.md"), f"xsift {'fetch SURVEY' if is_survey else command}")
    missing = {o for o in OPTIONS[command] - {"--help"} if f"`{o}" not in said}
    assert not missing


def test_every_setting_is_documented_with_its_default():
    """docs/settings.md: a row `field` | `--option` | default | meaning for each, in their order."""
    rows = re.findall(
        r"^\| `(\w+)` \| `(--[\w-]+)` \| (.+?) \|", reference("settings.md"), re.MULTILINE
    )
    assert rows == [
        (
            f.name,
            {"columns": "--column"}.get(f.name, "--" + f.name.replace("_", "-")),
            {None: "none", False: "no", (): "none", MISSING: "none"}.get(
                f.default, f"`{f.default}`"
            ),
        )
        for f in fields(Settings)
    ]


COLUMNS = {**surveys.load("csc20").described(), **output_columns(PAPER_CLASSES)}
WRITTEN = {
    *output_columns(PAPER_CLASSES),
    *("name", "obsid", "obi", "region_id", "ra", "dec"),
    *(f.name for f in surveys.load("csc20").features),
}


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_every_output_column_is_documented(name):
    """docs/output.md: a row `name` | unit | `UCD` | meaning, with the unit and UCD of the file."""
    found = re.findall(
        rf"^\| `{name}` \| (.*?) \| (.*?) \| (.+?) \|", reference("output.md"), re.MULTILINE
    )
    assert found, f"{name} is not in docs/output.md"
    for unit, ucd, meaning in found:
        assert unit.strip("`") == COLUMNS[name].unit
        assert ucd.strip("`") == COLUMNS[name].ucd
        assert meaning.strip()


@pytest.mark.parametrize("name", [c.name for c in surveys.load("csc20").columns])
def test_every_survey_column_is_documented(name):
    column = surveys.load("csc20").column(name)
    row = re.search(rf"^\| `{name}` \| (.*?) \| (.*?) \|", reference("input.md"), re.MULTILINE)
    assert row, f"{name} is not in docs/input.md"
    assert row[1].strip("`") == column.unit
    if column.kind != "text":
        assert row[2] == column.allowed.removesuffix(column.unit).strip()


@pytest.mark.parametrize("words", [[], ["fetch"]], ids=["xsift", "xsift fetch"])
def test_the_list_of_commands_cuts_no_sentence(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, [*words, "--help"]).stdout
    assert "Commands:" in shown
    assert "..." not in shown.split("Commands:")[1]


def test_the_readme_lists_every_command_once():
    rows = re.findall(r"^\| (`xsift .+?) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`xsift (\w+)", row)]
    assert sorted(set(listed)) == sorted(GROUP.commands)
    assert [name for name in set(listed) - {"fetch"} if listed.count(name) > 1] == []


def test_the_range_of_the_demo_is_documented():
    shown = " ".join(CliRunner().invoke(app, ["demo", "--help"]).stdout.split())
    default, low, high = map(int, re.search(r"(\d+); (\d+)<=x<=(\d+)", shown).groups())
    said = section(reference("settings.md"), "xsift demo")
    assert f"`--sources` ({default:,}; {low:,} to {high:,})" in said


def test_no_page_shows_a_cone_that_the_tutorial_advises_against():
    """Orion has no quasars to learn from: from-the-archive.md says so."""
    assert "Orion" in reference("from-the-archive.md")
    for page in PAGES:
        for ra, dec in re.findall(r'--cone "([\d.]+) (-?[\d.]+)', page.read_text("utf-8")):
            near_orion = abs(float(ra) - 83.8) < 5 and abs(float(dec) + 5.4) < 5
            assert not near_orion, f"{page.name}: {ra} {dec}"


def headings(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in headings(file), f"{page.name} links to {target}"


def test_index_lists_every_page():
    index = reference("index.md")
    for page in PAGES[1:]:
        assert page.name == "index.md" or f"({page.name})" in index


def test_every_example_is_in_the_documentation():
    said = "".join(p.read_text("utf-8") for p in OURS)
    for example in (ROOT / "examples").glob("*.*"):
        assert f"examples/{example.name}" in said


@pytest.mark.parametrize("page", OURS, ids=lambda p: p.name)
def test_nothing_of_the_writers_machine(page):
    text = page.read_text("utf-8")
    assert not re.search(r"(?<![\w.])/(work|home|root|tmp|Users)/", text)


def test_agrees_compares():
    assert agrees("a ... c\n", "a b c", False)
    assert not agrees("a ... c", "a b d", False)
    assert not agrees("10 of 20", "11 of 20", False)
    assert agrees("1,010  of 20\n ███ 0.50", "1,000 of 21\n█ 0.45", True)
    assert not agrees("1,010 of 20", "2,000 of 20", True)
    assert not agrees("0.90", "0.45", True)
    assert not agrees("a 1", "b 1", True)
