"""Many questions to one service: some at a time, each answer kept, what is cut off in halves."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from xsift.cluster import Workers, workers_of
from xsift.errors import RowLimitError, XsiftWarning
from xsift.fetch.cache import Cache

__all__ = ["AT_A_TIME", "Answer", "Service", "answers", "askers"]

AT_A_TIME = 3
"""Requests to a service at a time, however many the workers.

SIMBAD bars for a while who asks more than six times in a second. Each worker waits for half a
second after an answer (`Limits.pause`): three of them stay below that.
"""

_ROUND = 4 * AT_A_TIME  # questions until the next are looked for

Task = TypeVar("Task")
_Place = tuple[int, ...]


class Service(Protocol[Task]):
    """What answers questions of one kind; other processes get a copy of it."""

    def key(self, task: Task) -> dict[str, str]:
        """Return all that the answer depends on."""

    def size(self, task: Task) -> int:
        """Return how much of the work it is."""

    def ask(self, task: Task) -> pa.Table:
        """Ask; raise RowLimitError where the answer was cut off."""

    def halves(self, task: Task) -> Sequence[Task]:
        """Divide a question; raise ServiceError where it cannot be divided."""


class Answer(NamedTuple, Generic[Task]):
    """A question, the answer, and when it was given."""

    task: Task
    table: pa.Table
    date: str


@contextmanager
def askers(workers: int | str | None) -> Iterator[Workers]:
    """Start or join workers as `workers_of` does: of this machine, no more than can ask."""
    if isinstance(workers, int) and workers > AT_A_TIME:
        warnings.warn(
            f"--workers {workers}: {AT_A_TIME} are started, as a service is asked {AT_A_TIME} "
            "questions at a time at most",
            XsiftWarning,
            stacklevel=3,
        )
        workers = AT_A_TIME
    with workers_of(workers) as found:
        yield found


def answers(
    service: Service[Task],
    tasks: Sequence[Task],
    cache: Cache,
    workers: Workers,
    progress: Callable[[int, int], None],
    max_age: timedelta | None = None,
) -> list[Answer[Task]]:
    """Return the answers to questions, in their order, asking only for what the cache has not.

    Parameters
    ----------
    service : Service
    tasks : sequence
        A truncated answer is replaced by the answers to its two halves.
    cache : Cache
        Written by this process alone.
    workers : Workers
    progress : callable
        Told of the size of what is done, and of all as far as is known.
    max_age : timedelta, optional
        An older answer is asked for again.

    Raises
    ------
    ServiceError
        If an answer cannot be had; those that came before are kept.
    """
    todo: deque[tuple[_Place, Task]] = deque(((n,), task) for n, task in enumerate(tasks))
    found: dict[_Place, Answer[Task]] = {}
    done, total = 0, sum(map(service.size, tasks))

    def take(place: _Place, task: Task, table: pa.Table, date: str) -> None:
        nonlocal done
        found[place], done = Answer(task, table, date), done + service.size(task)
        progress(done, total)

    progress(done, total)
    while todo:
        missing: dict[_Place, Task] = {}
        cut: dict[_Place, Task] = {}
        # A few at a time, in their order: whether a part can be had at all is known soon.
        while todo and len(missing) + len(cut) < (1 if workers.n == 1 else _ROUND):
            place, task = todo.popleft()
            try:
                kept = cache.kept(service.key(task), max_age)
            except RowLimitError:
                cut[place] = task
                continue
            if kept is None:
                missing[place] = task
            else:
                take(place, task, *kept)
        for place, table in workers.flow(_asked, service, list(missing.items()), most=AT_A_TIME):
            key = service.key(missing[place])
            if table is None:
                cache.keep_cut(key)
                cut[place] = missing[place]
            else:
                take(place, missing[place], table, cache.keep(key, table))
        for place, task in sorted(cut.items(), key=_place, reverse=True):
            halves = service.halves(task)
            total += sum(map(service.size, halves)) - service.size(task)
            todo.extendleft(reversed([((*place, n), half) for n, half in enumerate(halves)]))
    return [found[place] for place in sorted(found)]


def _place(item: tuple[_Place, Any]) -> _Place:
    return item[0]


def _asked(
    service: Service[Any], tasks: Sequence[tuple[_Place, Any]]
) -> Iterator[tuple[_Place, pa.Table | None]]:
    """Ask one question after another; None stands for an answer that was cut off."""
    for place, task in tasks:
        try:
            yield place, service.ask(task)
        except RowLimitError:
            yield place, None
