"""Who does the tasks of a work: this process, or those of a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from xsift.errors import SettingError, need

__all__ = ["Flow", "Here", "Workers", "check", "chosen", "workers_of"]

_ADDRESS = re.compile(r"((tcp|tls|ucx|wss?)://)?[^\s/]+:\d{1,5}", re.ASCII)
MOST = 1024
"""Processes on this machine."""

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

Flow = Callable[[Shared, Sequence[Task]], Iterator[Result]]
"""Does tasks one after another, and yields the result of each as it is done."""


class Workers(Protocol):
    """Processes that do tasks."""

    @property
    def n(self) -> int:
        """How many tasks are done at a time."""
        ...

    def flow(
        self,
        does: Flow[Shared, Task, Result],
        shared: Shared,
        tasks: Sequence[Task],
        together: int = 1,
    ) -> Iterator[Result]:
        """Do tasks, and yield the result of each: in any order.

        Parameters
        ----------
        does : callable
            A generator function of a module: other processes find it there by its name. It may be
            given a task a second time, where the first try was lost with its process.
        shared : object
            What all tasks need: it travels to each process once.
        tasks : sequence
        together : int
            How many tasks, one after another, are given to a process at once.

        Raises
        ------
        ClusterError
            If the processes, or the scheduler, are lost.
        """
        ...


class Here:
    """The process at hand."""

    @property
    def n(self) -> int:
        """One task at a time."""
        return 1

    def flow(
        self,
        does: Flow[Shared, Task, Result],
        shared: Shared,
        tasks: Sequence[Task],
        together: int = 1,
    ) -> Iterator[Result]:
        """As `Workers.flow`, in the order of the tasks."""
        if tasks:
            yield from does(shared, tasks)


@contextmanager
def workers_of(workers: int | str | None, lost: str = "no workers") -> Iterator[Workers]:
    """Start processes on this machine, or join those of a Dask cluster; they stop at the end.

    Parameters
    ----------
    workers : int, str or None
        How many processes on this machine; or the address of a Dask scheduler, such as
        ``tcp://host:8786``. With None or 1, this process does the work.
    lost : str
        What cannot be done where the extra `cluster` is not installed.

    Raises
    ------
    SettingError
        If the number or the address is none.
    MissingPackageError
        If Dask is not installed.
    ClusterError
        If there is no scheduler at the address, or its workers cannot do xsift's work.
    """
    check(workers)
    if workers is None or workers == 1:
        yield Here()
        return
    need("distributed", lost)
    from xsift.cluster import on_dask

    with on_dask.joined(workers) if isinstance(workers, str) else on_dask.started(workers) as found:
        yield found


def check(workers: int | str | None) -> None:
    """Refuse what is no number of processes, and no address of a scheduler.

    Raises
    ------
    SettingError
    """
    if isinstance(workers, str) and not _ADDRESS.fullmatch(workers):
        raise SettingError(f"--dask {workers}: no address of a scheduler, such as tcp://host:8786")
    if isinstance(workers, int) and not 1 <= workers <= MOST:
        raise SettingError(f"--workers {workers}: allowed are 1 to {MOST:,} processes")


def chosen(workers: int | None, dask: str | None) -> int | str | None:
    """Return what `workers_of` takes, of two options that exclude each other.

    Raises
    ------
    SettingError
        If both are given, or one that `check` refuses.
    """
    if workers is not None and dask is not None:
        raise SettingError("--workers and --dask exclude each other: give one of them")
    found = workers if dask is None else dask
    check(found)
    return found
