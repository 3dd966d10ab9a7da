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
* ``basic`` and ``otypedef``, as SIMBAD has them (oid, main_id, ra, dec, otype; otype, description,
  path, is_candidate); real known objects among them where ../shared/data is.

`tap.csc2` and `tap.csc21` are what the paper's query returns, one row per name and detection,
ordered by (name, obsid, obi, region_id); `tap.basic` and `tap.otypedef` are those tables.
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

    @property
    def csc2(self) -> pa.Table:
        """The real rows that the paper's query finds."""
        if self.real is None:
            pytest.skip("the real tables are not at ../shared/data")
        return self.real


def dachs(*words: object) -> str:
    """Do something with the server; what it printed goes with a failure."""
    done = subprocess.run(
        ["bash", SCRIPT, *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"dachs.sh {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def as_dachsroot(*words: str) -> str:
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
def tap(tmp_path_factory):
    """The TAP server, running and filled."""
    if os.geteuid() != 0 or not SCRIPT.exists() or shutil.which("dachs") is None:
        pytest.skip("no DaCHS: as root on Debian, bash ../shared/tools/dachs.sh install")
    resources, held = _resources(tmp_path_factory.mktemp("archive"))
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if not _answers(held.url):
                dachs("up")
            for folder in resources:
                _load(folder)
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield held
        finally:
            with contextlib.suppress(BlockingIOError):  # another session still needs the server
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                dachs("down")


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
    schemas = {"csc21": ("csc21", csc21.tables), "simbad": ("public", simbad)}
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
    )
    return [place / name for name in schemas], held


def _load(folder: Path) -> None:
    """Load a resource, unless the server already holds this very one."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    loaded = INPUTS / folder.name / "loaded"
    if loaded.exists() and loaded.read_text() == digest.hexdigest():
        return
    dachs("load", folder, folder.name)
    schema = "public" if folder.name == "simbad" else folder.name
    for file in folder.glob("*.csv"):
        with open(file, encoding="utf-8") as rows:
            columns = rows.readline().strip()
        where = INPUTS / folder.name / file.name
        copy = f"\\copy {schema}.{file.stem} ({columns}) from '{where}' csv header"
        as_dachsroot("psql", "-qc", copy, "-c", f"analyze {schema}.{file.stem}", "gavo")
    loaded.write_text(digest.hexdigest())
