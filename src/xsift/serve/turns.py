"""Turns: how many may do something at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException

__all__ = ["Turns"]


class Turns:
    """Lets a number of askers be worked for at once; more are turned away, not kept waiting."""

    def __init__(self, most: int, busy: str) -> None:
        self._free = threading.Semaphore(most)
        self._busy = busy

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a turn.

        Raises
        ------
        HTTPException
            503, if all are taken.
        """
        if not self._free.acquire(blocking=False):
            said = f"{self._busy}: try again in a few seconds"
            raise HTTPException(503, said, headers={"Retry-After": "5"})
        try:
            yield
        finally:
            self._free.release()
