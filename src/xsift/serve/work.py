"""Starts the process that reads and classifies an upload, and says what came of it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.exceptions import HTTPException

from xsift.serve.limits import WORKER_BYTES, WORKER_SECONDS

__all__ = ["Job", "run_worker"]

# Of the environment, only what Python and the libraries need to start.
_PASSED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT"),
    *("LD_LIBRARY_PATH", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"),
)
# Each thread, and each of its heaps, takes address space, which is limited.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
# Beside the file's folder: whatever the file is called, it is in nobody's way.
_RESULT = "../result"
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Job:
    """What a worker is to do: the file's name in its folder, and what is wanted of it."""

    name: str
    model: Path
    form: str
    level: str
    source_column: str


def run_worker(job: Job, folder: Path) -> bytes:
    """Classify a file in a process with limits on time and memory; return the answer's content.

    The folder holds the file alone; the folder above it takes the result.

    Raises
    ------
    HTTPException
        With the line of the error: 422 where the table cannot serve or takes too much.
    """
    message = json.dumps(asdict(job) | {"model": str(job.model), "result": _RESULT})
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "xsift.serve.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={k: os.environ[k] for k in _PASSED if k in os.environ} | _FRUGAL,
        start_new_session=True,
    )
    _running.add(worker)
    try:
        output, _ = worker.communicate(message.encode(), timeout=WORKER_SECONDS)
    except subprocess.TimeoutExpired:
        raise HTTPException(422, _took_long(job)) from None
    finally:
        _end(worker)
    line = output.decode("utf-8", "replace").strip()
    if worker.returncode == 0 and not line:
        return (folder / _RESULT).read_bytes()
    if line:
        raise HTTPException(422, line.splitlines()[-1].replace(str(folder.parent), "")[:1000])
    if worker.returncode == -signal.SIGXCPU:
        raise HTTPException(422, _took_long(job))
    # A library that runs out of memory may end the process without a word.
    most = WORKER_BYTES // 1024**3
    said = f"{job.name}: reading it needs more than {most} GiB, or broke the reader: refused"
    raise HTTPException(422, said)


def _took_long(job: Job) -> str:
    return f"{job.name}: classifying it took more than {WORKER_SECONDS} s: use xsift classify"


@atexit.register
def _end_all() -> None:
    """End the workers of a server that ends: their sessions are their own."""
    for worker in list(_running):
        _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    for stream in (worker.stdin, worker.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    worker.wait()
    _running.discard(worker)
