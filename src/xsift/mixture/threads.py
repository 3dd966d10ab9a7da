"""Threads that take pieces of a work one after another, until none is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

__all__ = ["Threads"]


class Threads:
    """The calling thread and some more beside it; kernels let each other run.

    Parameters
    ----------
    n : int, default=1
        Threads in all.

    Notes
    -----
    A thread that is late, as another process has its core, takes fewer pieces: nobody waits for a
    share of its own. Long runs of pieces go first, single ones last, so that Python is called a few
    dozen times in all and the threads end together.
    """

    def __init__(self, n: int = 1) -> None:
        self.n = n
        self._others = ThreadPoolExecutor(n - 1) if n > 1 else None

    def __enter__(self) -> Threads:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the other threads."""
        if self._others is not None:
            self._others.shutdown()

    def share(self, n_pieces: int, work: Callable[[int, int], object]) -> None:
        """Have all pieces worked on: ``work(first, last)`` on those from `first` to before `last`.

        An error in one of the threads is raised here, after all have ended their runs.
        """
        if self._others is None or n_pieces < 2:
            work(0, n_pieces)
            return
        runs = deque(_runs(n_pieces, self.n))

        def take() -> None:
            while True:
                try:
                    first, last = runs.popleft()  # no two threads get the same
                except IndexError:
                    return
                work(first, last)

        beside = [self._others.submit(take) for _ in range(min(self.n, n_pieces) - 1)]
        try:
            take()
            for future in beside:
                future.result()
        finally:
            runs.clear()
            for future in beside:
                future.exception()


def _runs(n_pieces: int, n_threads: int) -> list[tuple[int, int]]:
    """Cut pieces into runs: each takes a part of what is left, the last ones are single pieces."""
    runs, first = [], 0
    while first < n_pieces:
        last = first + max(1, (n_pieces - first) // (3 * n_threads))
        runs.append((first, last))
        first = last
    return runs
