"""Build the wheel and the sdist, and use them as a stranger would: `make release-check`.

All happens in a temporary folder. The wheel goes into an empty environment, and runs there without
the clone on any path: the version, the demo, and the `classify` of the documentation's first page.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NoReturn

from tools.pages import Block, agrees, blocks, commands

import xsift

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
SOURCE = ROOT / "src"
PAGE = ROOT / "docs" / "index.md"
TABLE = "mysources.csv"
BEGAN = time.monotonic()
MOST_MB = 550
HEAVY = {"llvmlite", "numba", "sklearn", "matplotlib", "pandas", "dask", "fastapi"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="xsift-release-") as folder:
        place = Path(folder)
        wheel, sdist = build(place / "dist", ROOT, "--wheel", "--sdist")
        step(f"built {wheel.name} and {sdist.name}")
        check_wheel(wheel)
        (again,) = build(place / "again", unpacked(sdist, place), "--wheel")
        check_same(wheel, again)
        step("the sdist builds the same wheel")
        scripts = install(place / "environment", wheel)
        step("installed in an empty environment, without extras")
        work = place / "work"
        work.mkdir()
        run = Outside(scripts, work)
        check_version(run)
        check_size(place / "environment")
        check_classify(run)
        step(f"the classify of {PAGE.relative_to(ROOT)} gives what the page shows")
        install(place / "environment", wheel, "train")
        check_demo(run)
        step("with the extra train the demo runs")


def step(said: str) -> None:
    print(f"{time.monotonic() - BEGAN:4.0f} s  {said}", flush=True)


def call(*command: str) -> None:
    """Run a command of this environment; show what it says only if it fails."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        fail(f"{' '.join(command[1:4])} exits with {done.returncode}:\n{done.stdout}{done.stderr}")


def build(out: Path, source: Path, *kinds: str) -> list[Path]:
    """Build by pyproject's backend, in an environment of its own; return the files in order."""
    command = [sys.executable, "-m", "build", "--quiet", "--outdir", str(out), *kinds]
    call(*command, "--dependency-constraints-txt", str(CONSTRAINTS), str(source))
    found = {"--wheel": "*.whl", "--sdist": "*.tar.gz"}
    return [next(out.glob(found[kind])) for kind in kinds]


def unpacked(sdist: Path, place: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (folder,) = (place / "unpacked").iterdir()
    return folder


def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_wheel(wheel: Path) -> None:
    """Hold that the wheel has every file of the package, as it is here, and the licences."""
    held = content(wheel)
    here = {
        str(path.relative_to(SOURCE)): path.read_bytes()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = [name for name in here if name not in held]
    if missing:
        fail(f"the wheel lacks {', '.join(missing)}: does .gitignore name them?")
    changed = [name for name in here if held[name] != here[name]]
    about = f"xsift-{xsift.__version__}.dist-info"
    beyond = [name for name in held if name not in here and not name.startswith(f"{about}/")]
    if changed or beyond:
        fail(f"the wheel's files are not the package's: {', '.join(changed + beyond)}")
    # The wheel is under one licence: Aladin Lite, which is under another, is loaded from elsewhere.
    if strange := [name for name in held if Path(name).name == "aladin.js"]:
        fail(f"the wheel holds {', '.join(strange)}, which is under another licence")
    licences = {f"{about}/licenses/{name}" for name in ("LICENSE", "NOTICE")}
    if not licences <= set(held):
        fail(f"the wheel lacks {', '.join(sorted(licences - set(held)))}")


def check_same(wheel: Path, again: Path) -> None:
    first, second = content(wheel), content(again)
    names = {name for name in {*first, *second} if first.get(name) != second.get(name)}
    if names:
        fail(f"the sdist builds another wheel: {', '.join(sorted(names))} differ")


def install(folder: Path, wheel: Path, extra: str = "") -> Path:
    """Install the wheel into an environment of its own; return the folder of its commands."""
    if not folder.exists():
        call(sys.executable, "-m", "venv", "--without-pip", str(folder))
    scripts = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    pip += ["--python", str(scripts / "python"), "install", "--no-compile"]
    call(*pip, "-c", str(CONSTRAINTS), f"{wheel}[{extra}]" if extra else str(wheel))
    return scripts


def check_size(environment: Path) -> None:
    """Hold that the wheel alone brings no compiler, and no more than it needs."""
    size = sum(file.stat().st_size for file in environment.rglob("*") if file.is_file()) / 1e6
    step(f"the environment takes {size:.0f} MB")
    heavy = [p.name for p in environment.rglob("site-packages/*") if p.name in HEAVY]
    if heavy or size > MOST_MB:
        fail(f"the wheel alone brings {size:.0f} MB (allowed: {MOST_MB}), {', '.join(heavy)}")


class Outside:
    """Runs a command of the new environment in an empty folder, with nothing of the clone near."""

    def __init__(self, scripts: Path, folder: Path) -> None:
        self.scripts, self.folder = scripts, folder
        home = folder.parent / "home"
        home.mkdir()
        self.environment = {"PATH": f"{scripts}:/usr/bin:/bin", "HOME": str(home)}
        self.environment |= {"LANG": "C.UTF-8", "COLUMNS": "80"}

    def __call__(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [self.scripts / program, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            fail(f"{program} {' '.join(words)} exits with {done.returncode}:\n{done.stderr}")
        return done.stdout


def check_version(run: Outside) -> None:
    said = run("xsift", "--version").strip()
    if said != f"xsift {xsift.__version__}":
        fail(f"xsift --version says {said!r}, and the clone is {xsift.__version__}")
    paths = run("python", "-c", "import sys, xsift; print(*sys.path, xsift.__file__, sep='\\n')")
    near = [p for p in paths.splitlines() if Path(p).is_relative_to(ROOT)]
    if near:
        fail(f"the environment sees the clone: {', '.join(near)}")


def check_demo(run: Outside) -> None:
    """Run the demo at its smallest, and hold that it recovers its own truth."""
    run("xsift", "demo", "--sources", "1000")
    record = json.loads((run.folder / "xsift-demo" / "run.json").read_text("utf-8"))
    found = record["recovery"]["balanced_accuracy"]
    if not found > 0.45:  # four groups by chance: 0.25
        fail(f"the demo recovers its truth with a balanced accuracy of {found:.2f}, not above 0.45")


def check_classify(run: Outside) -> None:
    """Run the page's commands on the page's table; hold what they print and what they write."""
    table, console = first_use(blocks(PAGE))
    (run.folder / TABLE).write_text(table, "utf-8")
    for command, shown in commands(console):
        printed = run(*shlex.split(command))
        if not agrees(shown, printed, False):
            fail(f"{PAGE.name}: {command} prints\n{printed}\nand the page shows\n{shown}")
    names = {row["name"] for row in csv.DictReader(table.splitlines())}
    with (run.folder / "mine" / "sources.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    classified = {row["name"] for row in rows if row["class"]}
    if classified != names:
        fail(f"mine/sources.csv has a class for {sorted(classified)}, not for {sorted(names)}")


def first_use(page: list[Block]) -> tuple[str, str]:
    """Return the page's table and the commands that classify it."""
    table = [b.body for b in page if b.note == f"file: {TABLE}"]
    console = [b.body for b in page if b.kind == "console" and f"classify {TABLE}" in b.body]
    if len(table) != 1 or len(console) != 1:
        fail(f"{PAGE.name} has no block of {TABLE}, or no console block that classifies it")
    return table[0], console[0]


def fail(said: str) -> NoReturn:
    sys.exit(f"release-check: {said}")


if __name__ == "__main__":
    main()
