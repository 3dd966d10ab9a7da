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

import xsift
from xsift.serve.limits import WORKER_BYTES, UploadLimits

__all__ = ["UPLOAD", "Job", "Worker"]

UPLOAD = "upload"
"""What a file is called on the disk, whatever the user calls it."""

_RESULT, _EMPTY = "result", "empty"
_START = "import sys; sys.path[:] = sys.argv[1:]; from xsift.serve.worker import main; main()"
# Where kernels are cached, how text is encoded, how many threads: all set by who starts the server.
_PASSED = (
    *("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"),
    *("LANG", "LC_ALL", "LC_CTYPE"),
)
# Folders where Python itself may have its libraries; an empty or relative part is the current one.
_PASSED_FOLDERS = ("LD_LIBRARY_PATH",)
# Each thread, and each of its heaps, takes address space, which is limited.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
_HERE = Path(os.path.abspath(os.curdir)).resolve()
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Job:
    """The job of a worker: the name of the file for messages, and the request."""

    name: str
    model: Path
    form: str
    level: str
    source_column: str
    columns: dict[str, str]


class Worker:
    """A process with limits on time and memory that classifies one file.

    Parameters
    ----------
    job : Job
    folder : Path
        Folder with only the file, named `UPLOAD`. The worker writes the result there.
    limits : UploadLimits
    """

    def __init__(self, job: Job, folder: Path, limits: UploadLimits) -> None:
        self._job, self._folder, self._limits = job, folder, limits
        # The current folder is no place to find anything in.
        empty = folder / _EMPTY
        empty.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, *_search_path(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=empty,
            env=_environment(),
            start_new_session=True,
        )
        _running.add(self._process)

    def answer(self) -> bytes:
        """Wait for the answer, and return its content.

        Raises
        ------
        HTTPException
            With the error in one line. 422 if the table cannot be used or exceeds a limit.
        """
        limits = self._limits
        message = asdict(self._job) | {"model": str(self._job.model)}
        message |= {"read_seconds": limits.read_seconds, "worker_seconds": limits.worker_seconds}
        try:
            output, _ = self._process.communicate(
                json.dumps(message).encode(), timeout=limits.worker_seconds
            )
        except subprocess.TimeoutExpired:
            raise self._took_long("classifying", limits.worker_seconds) from None
        finally:
            _end(self._process)
        line = output.decode("utf-8", "replace").strip()
        if line:
            said = line.splitlines()[-1].replace(str(self._folder), "")
            raise HTTPException(422, said[:1000])
        if self._process.returncode == 0:
            return (self._folder / _RESULT).read_bytes()
        if self._process.returncode == -signal.SIGALRM:
            raise self._took_long("reading", limits.read_seconds)
        if self._process.returncode == -signal.SIGXCPU:
            raise self._took_long("classifying", limits.worker_seconds)
        # A library that runs out of memory may end the process without a word.
        most = WORKER_BYTES // 1024**3
        said = f"{self._job.name}: reading it needs more than {most} GiB, or broke the reader"
        raise HTTPException(422, f"{said}: refused")

    def stop(self) -> None:
        """Stop the process. A waiting `answer` then ends, too."""
        if self._process.poll() is None:
            _kill(self._process)

    def _took_long(self, what: str, seconds: float) -> HTTPException:
        said = f"{self._job.name}: {what} it took more than {seconds:g} s: use xsift classify"
        return HTTPException(422, said)


def _search_path(folder: Path) -> list[str]:
    """Return where the worker finds modules: where this process does, without its current folder.

    So both run the same code, wherever it was installed. An upload's folder is never among them.
    """
    code = Path(xsift.__file__).resolve().parents[1]
    own = folder.resolve()
    path: dict[Path, str] = {}
    for entry in [*filter(os.path.isabs, sys.path), str(code)]:
        place = Path(entry).resolve()
        if place == code or not (place == _HERE or place.is_relative_to(own)):
            path.setdefault(place, entry)
    return list(path.values())


def _environment() -> dict[str, str]:
    """Return of the environment only what Python and the libraries need to start."""
    passed = {k: os.environ[k] for k in _PASSED if k in os.environ}
    for name in _PASSED_FOLDERS:
        folders = [p for p in os.environ.get(name, "").split(":") if os.path.isabs(p)]
        passed |= {name: ":".join(folders)} if folders else {}
    return passed | _FRUGAL


@atexit.register
def _end_all() -> None:
    """End the workers of a server that ends: their sessions are their own."""
    for process in list(_running):
        _end(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
    _running.discard(process)
