"""A real TAP server on this machine: DaCHS on PostgreSQL, filled by `archive`.

Tests marked ``tap`` use the fixture `tap`. It needs Debian, root, and DaCHS and PostgreSQL as
``../shared/tools/dachs.sh install`` sets them up (`.ci/run` does that); the tests skip where there
is none. The server is started where none runs, and stopped by the last session that uses it. What
it holds stays there, and is loaded anew only when it has changed: several sessions, and the
workers of one, may use it at once.

`tap.url` is the TAP service. It offers

* ``csc2``: master_source, master_stack_assoc, observation_source, stack_observation_assoc,
  stack_source, with real rows; only where ../shared/data is (``tap.csc2`` skips otherwise);
* ``csc21``: the same tables with 37,878 simulated detections that pass the paper's cuts;
* ``shipped``: a table for each survey that VizieR serves, its columns called as there;
* ``basic`` and ``otypedef``, as SIMBAD has them (oid, main_id, ra, dec, otype; otype, description,
  path, is_candidate); real known objects among them where ../shared/data is.

`tap.csc2` and `tap.csc21` are what the paper's query returns, one row per name and detection,
ordered by (name, obsid, obi, region_id); `tap.basic` and `tap.otypedef` are those tables;
`tap.shipped` is what a fetch of each of those surveys finds, ordered by name.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import archive

SHARED = Path(__file__).parents[3] / "shared"
SCRIPT = SHARED / "tools" / "dachs.sh"
INPUTS = Path("/var/gavo/inputs")
LOCK = Path(tempfile.gettempdir()) / "xsift-tap.lock"


@dataclass(frozen=True, repr=False)
class Tap:
    """The server, and what it holds."""

    url: str
    csc21: pa.Table
    basic: pa.Table
    otypedef: pa.Table
    real: pa.Table | None
    shipped: dict[str, pa.Table]

    @property
    def csc2(self) -> pa.Table:
        """The real rows that the paper's query finds."""
        if self.real is None:
            pytest.skip("the real tables are not at ../shared/data")
        return self.real


def _dachs(*words: object) -> str:
    """Do something with the server; what it printed goes with a failure."""
    done = subprocess.run(
        ["bash", SCRIPT, *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"dachs.sh {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _as_dachsroot(*words: str) -> str:
    """Run a command as the user that owns the server's files and database."""
    done = subprocess.run(
        ["runuser", "-u", "dachsroot", "--", *words],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def dachs():
    """Do something with the server: ``dachs("drop", name)``."""
    return _dachs


@pytest.fixture(scope="session")
def dachsroot():
    """Run a command as the user that owns the server: ``dachsroot("dachs", "val", "x/q")``."""
    return _as_dachsroot


@pytest.fixture(scope="session")
def inputs():
    """The folder that the server takes resources from."""
    return INPUTS


@pytest.fixture(scope="session")
def tap(tmp_path_factory):
    """The TAP server, running and filled."""
    if os.geteuid() != 0 or not SCRIPT.exists() or shutil.which("dachs") is None:
        pytest.skip("no DaCHS: as root on Debian, bash ../shared/tools/dachs.sh install")
    resources, held = _resources(tmp_path_factory.mktemp("archive"))
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            if not _answers(held.url) or not all(map(_is_loaded, resources)):
                fcntl.flock(lock, fcntl.LOCK_EX)  # when no other session uses the server
                _start(held.url, resources)
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield held
        finally:
            with contextlib.suppress(BlockingIOError):  # another session still needs the server
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _dachs("down")


def _start(url: str, resources: list[Path]) -> None:
    if not _answers(url):
        _dachs("up")
    for folder in resources:
        if not _is_loaded(folder):
            _load(folder)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/availability", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def _resources(place: Path) -> tuple[list[Path], Tap]:
    """Write the resources, and say what they hold."""
    data = SHARED / "data"
    csc21 = archive.simulated()
    simbad = archive.simbad(data / "csc20_labels.csv" if data.exists() else None)
    tables, expected = archive.shipped()
    schemas = {
        "csc21": ("csc21", csc21.tables),
        "simbad": ("public", simbad),
        "shipped": ("shipped", tables),
    }
    csc2 = None
    if data.exists():
        csc2 = archive.real(data / "csc20_query.vot", data / "csc20_detections.parquet")
        schemas["csc2"] = ("csc2", csc2.tables)
    for name, (schema, tables) in schemas.items():
        archive.write_resource(place / name, schema, tables)
    held = Tap(
        "http://127.0.0.1:8080/tap",
        csc21.expected,
        simbad["basic"],
        simbad["otypedef"],
        csc2.expected if csc2 else None,
        expected,
    )
    return [place / name for name in schemas], held


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _is_loaded(folder: Path) -> bool:
    """Whether the server already holds this very resource."""
    loaded = INPUTS / folder.name / "loaded"
    return loaded.exists() and loaded.read_text() == _digest(folder)


def _load(folder: Path) -> None:
    _dachs("load", folder, folder.name)
    schema = "public" if folder.name == "simbad" else folder.name
    for file in folder.glob("*.csv"):
        with open(file, encoding="utf-8") as rows:
            columns = rows.readline().strip()
        where = INPUTS / folder.name / file.name
        copy = f"\\copy {schema}.{file.stem} ({columns}) from '{where}' csv header"
        _as_dachsroot("psql", "-qc", copy, "-c", f"analyze {schema}.{file.stem}", "gavo")
    (INPUTS / folder.name / "loaded").write_text(_digest(folder))
