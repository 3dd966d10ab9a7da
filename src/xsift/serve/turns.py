"""Turns: how many may do something at once."""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from fastapi import Request
from starlette.exceptions import HTTPException

from xsift.serve.limits import UploadLimits

__all__ = ["Line", "Turns", "refuse_gone"]

_LOOK_SECONDS = 0.05
"""How often one who waits looks whether it is his turn."""


class Turns:
    """Allows a limited number of requests at once. Further ones are refused immediately."""

    def __init__(self, most: int, busy: str) -> None:
        self._free = threading.Semaphore(most)
        self._busy = busy

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a turn, and return it at the end.

        Raises
        ------
        HTTPException
            503 if all turns are taken.
        """
        if not self._free.acquire(blocking=False):
            raise _busy(f"{self._busy}: try again in", 5)
        try:
            yield
        finally:
            self._free.release()


class Line:
    """Processes a limited number of uploads at once. Others wait in order of arrival.

    Each turn has a time limit, so the wait has one, too. A refused client learns when a worker
    will be free at the latest.
    """

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._places = threading.Semaphore(limits.places)
        self._ends: list[float] = []
        self._waiting: list[object] = []

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for an upload from its arrival to its end.

        Raises
        ------
        HTTPException
            503 if all places are taken.
        """
        if not self._places.acquire(blocking=False):
            said = f"{self.limits.places} other files arrive or are classified: try again in"
            raise _busy(said, self._wait())
        try:
            yield
        finally:
            self._places.release()

    @asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[None]:
        """Wait for a free worker, and reserve it.

        Raises
        ------
        HTTPException
            503 if no worker was free in time. 400 if the client has disconnected.
        """
        mine = object()
        until = time.monotonic() + self.limits.wait_seconds
        with self._lock:
            self._waiting.append(mine)
        try:
            while (end := self._begin(mine)) is None:
                if time.monotonic() > until:
                    with self._lock:
                        ahead = len(self._ends) + self._waiting.index(mine)
                    said = f"{ahead} other files are classified before this one: try again in"
                    raise _busy(said, self._wait())
                await refuse_gone(request)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            with self._lock, suppress(ValueError):
                self._waiting.remove(mine)
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

    def _begin(self, mine: object) -> float | None:
        """Take a worker where one is free and nobody waits for longer; return when it must end."""
        with self._lock:
            if self._waiting[0] is not mine or len(self._ends) >= self.limits.workers:
                return None
            self._waiting.remove(mine)
            end = time.monotonic() + self.limits.worker_seconds
            self._ends.append(end)
            return end

    def _wait(self) -> float:
        """Return the seconds after which all that wait now have had their turn, at the latest."""
        with self._lock:
            now = time.monotonic()
            ends = [max(0.0, end - now) for end in self._ends]
            ends += [0.0] * (self.limits.workers - len(ends))
            heapq.heapify(ends)
            for _ in self._waiting:
                heapq.heapreplace(ends, ends[0] + self.limits.worker_seconds)
            return ends[0]


async def refuse_gone(request: Request) -> None:
    """Stop the work if the client has disconnected.

    Raises
    ------
    HTTPException
        400 if the client has disconnected. No one receives this answer.
    """
    if await request.is_disconnected():
        raise HTTPException(400, "the connection ended before the answer")


def _busy(said: str, seconds: float) -> HTTPException:
    whole = max(1, math.ceil(seconds))
    return HTTPException(503, f"{said} {whole} s", headers={"Retry-After": str(whole)})
