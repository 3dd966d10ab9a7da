"""What is told of the work at hand, to whoever looks on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

__all__ = ["Progress", "Tell", "parts_of", "silent", "told_in_parts"]

Progress = Callable[[str], None]
"""Is told of each step as it begins.

Where it has a method ``part(step, done, total)``, this is told how much of a step is done: the
command line and notebooks draw a bar.
"""

Tell = Callable[[int, int], None]
"""Is told how much of a step is done, and of how much."""


def silent(step: str) -> None:
    """Take no notice of a step."""


def parts_of(progress: Progress) -> Callable[[str, int, int], None]:
    """Return what is to be told a step, how much of it is done, and of how much."""

    def say(step: str, done: int, total: int) -> None:
        progress(f"{step}: {done:,} of {total:,}")

    return getattr(progress, "part", say)


def told_in_parts(progress: Progress, step: str) -> Tell:
    """Begin a step; return what is to be told how much of it is done."""
    progress(step)
    return partial(parts_of(progress), step)
