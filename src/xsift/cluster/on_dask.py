"""Processes of a Dask cluster: started on this machine, or joined by the scheduler's address."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import dask
from distributed import (
    CancelledError,
    Client,
    KilledWorker,
    LocalCluster,
    WorkerPlugin,
    as_completed,
)
from distributed.comm import CommClosedError

from xsift.cluster.worker import do, forget, hold, versions
from xsift.cluster.workers import Flow, Result, Shared, Task
from xsift.errors import ClusterError, XsiftWarning, first_line

__all__ = ["OnDask", "joined", "started"]

_GOES_ON = "what is done is kept: repeat the command, and it goes on from there"
_WAIT = 10.0  # seconds for a scheduler to answer
_AHEAD = 2  # runs of tasks given to each process at a time
# Not NUMBA_NUM_THREADS: Dask sets them in this process, too, while another one begins, and Numba
# refuses to go on where that one changes.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class _Held(WorkerPlugin):
    """Gives each process, also one that is started again, what all tasks share."""

    def __init__(self, token: str, shared: Any) -> None:
        self.name, self._token, self._shared = f"xsift-{token}", token, shared

    def setup(self, worker: Any) -> None:
        """Hold it."""
        hold(self._token, self._shared)

    def teardown(self, worker: Any) -> None:
        """Let go of it."""
        forget(self._token)


class OnDask:
    """Processes that a Dask scheduler knows.

    Parameters
    ----------
    client : distributed.Client
    where : str
        The scheduler, for messages.
    """

    def __init__(self, client: Any, where: str) -> None:
        self._client, self._where = client, where

    @property
    def n(self) -> int:
        """How many processes there are now."""
        return max(1, len(self._client.nthreads()))

    def flow(
        self,
        does: Flow[Shared, Task, Result],
        shared: Shared,
        tasks: Sequence[Task],
        together: int = 1,
        most: int | None = None,
    ) -> Iterator[Result]:
        """As `Workers.flow`."""
        token = uuid.uuid4().hex[:12]
        runs = [tasks[at : at + together] for at in range(0, len(tasks), together)]
        if not runs:
            return
        notes: dict[int, list[str]] = {}
        try:
            self._client.register_plugin(_Held(token, shared))
            for number, results, said in self._done(does, token, runs, most):
                notes[number] = said
                yield from results
        finally:
            with suppress(Exception):  # the scheduler may be lost
                self._client.unregister_worker_plugin(f"xsift-{token}")
        for number in sorted(notes):
            for note in notes[number]:
                warnings.warn(note, XsiftWarning, stacklevel=2)

    def _done(
        self, does: Any, token: str, runs: list[Sequence[Any]], most: int | None
    ) -> Iterator[tuple[int, list[Any], list[str]]]:
        """Give out some runs of tasks at a time; yield each run's number, results and warnings."""
        version = versions()["xsift"]
        todo = iter(enumerate(runs))
        number_of: dict[str, int] = {}

        def give(most: int) -> list[Any]:
            given = []
            for number, run in (next(todo, (0, None)) for _ in range(most)):
                if run is not None:
                    key = f"{does.__name__}-{number}-{token}"
                    number_of[key] = number
                    future = self._client.submit(do, token, version, does, run, key=key, pure=False)
                    given.append(future)
            return given

        waiting = as_completed(give(most or _AHEAD * self.n), loop=self._client.loop)
        for future in waiting:
            results, notes = self._result(future)
            yield number_of[future.key], results, notes
            for more in give(1):
                waiting.add(more)

    def _result(self, future: Any) -> tuple[list[Any], list[str]]:
        gone = ClusterError(f"{self._where}: the scheduler is gone; {_GOES_ON}")
        # Where the scheduler is lost, its tasks are called cancelled, and nothing is raised.
        if future.status == "cancelled" or self._client.status != "running":
            raise gone
        try:
            error = future.exception()
            found: tuple[list[Any], list[str]] = ([], []) if error else future.result()
        except (CommClosedError, CancelledError, TimeoutError) as lost:
            raise gone from lost
        if error:
            raise self._said(error)
        return found

    def _said(self, error: BaseException) -> BaseException:
        if isinstance(error, KilledWorker):
            died = "a worker died again and again at the same task"
            return ClusterError(
                f"{self._where}: {died}; if its memory was too small, give the workers more, or "
                f"fewer of them; {_GOES_ON}"
            )
        return error


@contextmanager
def started(n: int) -> Iterator[OnDask]:
    """Start processes on this machine; they stop at the end.

    Raises
    ------
    ClusterError
        If they do not start.
    """
    settings = {
        # In place of Dask's own, which slow down what takes and frees much memory.
        "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
        "distributed.comm.timeouts.connect": "60s",
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
    }
    with (
        _quiet(),
        _environment_kept(),
        dask.config.set(settings),
        tempfile.TemporaryDirectory(prefix="xsift-", ignore_cleanup_errors=True) as folder,
        _local_cluster(n, folder) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield OnDask(client, f"--workers {n}")


@contextmanager
def _environment_kept() -> Iterator[None]:
    # Dask sets the variables of the new processes in this one, and leaves them there.
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in (*_ONE_THREAD, "PYTHONHASHSEED"):
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


def _local_cluster(n: int, folder: str) -> Any:
    try:
        return LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
    except (RuntimeError, OSError) as error:
        raise ClusterError(
            f"--workers {n}: the processes do not start ({first_line(error)}): a script calls "
            'xsift under `if __name__ == "__main__":`, as each process reads it, too'
        ) from error


@contextmanager
def joined(address: str) -> Iterator[OnDask]:
    """Join the cluster of a scheduler that the user runs; it goes on after the end.

    Raises
    ------
    ClusterError
        If there is none, it has no workers, or these cannot do xsift's work.
    """
    where = f"--dask {address}"
    with _quiet():
        try:
            client = Client(address, timeout=_WAIT, set_as_default=False)
        except OSError as error:
            raise ClusterError(
                f"{where}: no scheduler answers there: {first_line(error)}: start one with "
                "`dask scheduler`, and give the address that it prints, such as tcp://host:8786"
            ) from error
        try:
            _check(client, where)
            yield OnDask(client, where)
        finally:
            with suppress(Exception):  # the scheduler may be gone
                client.close(timeout=2)


def _check(client: Any, where: str) -> None:
    """See that all workers have the libraries of this process, and one thread each."""
    threads = client.nthreads()
    if not threads:
        raise ClusterError(f"{where}: the scheduler has no workers: start some with `dask worker`")
    mine = versions()
    told = client.run(versions, on_error="return")
    for place, found in told.items():
        if not isinstance(found, dict) or found.get("xsift") != mine["xsift"]:
            other = f"has xsift {found['xsift']}" if isinstance(found, dict) else "has no xsift"
            raise ClusterError(
                f"{where}: the worker {place} {other}: install xsift {mine['xsift']} there, as here"
            )
    differ = sorted({name for found in told.values() for name in mine if found[name] != mine[name]})
    if differ:
        _warn(
            f"{where}: workers have other versions of {', '.join(differ)} than this process: the "
            "last digits of a result may depend on which of them did the work"
        )
    if max(threads.values()) > 1:
        _warn(
            f"{where}: workers have up to {max(threads.values())} threads, and xsift uses one of "
            "each: start them with one thread each, and as many as there are cores"
        )


def _warn(text: str) -> None:
    warnings.warn(text, XsiftWarning, stacklevel=3)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log out of the user's sight: what matters is raised."""
    loggers = [logging.getLogger(name) for name in ("distributed", "asyncio", "tornado")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="distributed")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
