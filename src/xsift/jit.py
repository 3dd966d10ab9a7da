"""Compiled functions, kept between runs where there is a place to keep them.

Training needs Numba. Classifying does not: its kernels have a stand-in in NumPy, several times as
slow, with the same results to rounding. So whoever classifies a few tables installs no compiler,
and does not wait half a minute for it.
"""

from __future__ import annotations

import functools
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from xsift.errors import XsiftWarning, need

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "kernel",
    "kernel_part",
    "limit_threads",
    "n_threads",
    "need_to_train",
    "prange",
    "share_compiling",
]

# Not `except ImportError`: Numba raises it, too, where it does not go with the NumPy that is there.
HAS_NUMBA = find_spec("numba") is not None
if HAS_NUMBA:
    from numba import njit, prange
else:
    prange = range  # type: ignore[misc]


Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(
    instead: Callable[..., Any] | None = None, **options: Any
) -> Callable[[Function], Function]:
    """Compile a function with ``numba.njit``; where nothing can be kept, in every run anew.

    It is called from Python only: what a kernel calls is a `kernel_part`.

    Numba keeps compiled functions beside their source or in the user's cache, and raises where it
    can write neither: a read-only installation without a home (containers, batch nodes).

    Parameters
    ----------
    instead : callable, optional
        The same in NumPy, called where Numba is not installed. Without it, calling the function
        there raises a `MissingPackageError`.
    **options
        Of ``numba.njit``.
    """

    def compiled(function: Function) -> Function:
        if not HAS_NUMBA:
            return instead or _refused  # type: ignore[return-value]
        try:
            return _njit(function, cache=True, **options)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
        _warn()
        return _njit(function, **options)

    return compiled


def kernel_part(**options: Any) -> Callable[[Function], Function]:
    """Compile a function that kernels call: each of them holds its code, inlined.

    Otherwise a result would depend on what else the process has loaded. Each kernel would hold a
    copy of the function, optimised in its place, which adds up in another order than the next; of
    copies with the same name, the linker takes the first that was loaded, for all callers. Where
    Numba has just compiled, that is another one than where it found all in its cache.

    Each part is compiled by itself, and again in all that call it. So parts that call parts, and
    have no flags for arithmetic of their own, take ``inline="always"``: they are copied before
    anything is compiled. `np.diff` and the assignment of an array to a part of another compile the
    text of an error message, for three seconds each: a loop does not.

    Parameters
    ----------
    **options
        Of ``numba.njit``.
    """
    return kernel(forceinline=True, **options)


def need_to_train() -> None:
    """Refuse to train, validate or fit without the extra `train`, before any work is done."""
    for package in ("numba", "sklearn"):
        need(package, "cannot train")


def _refused(*_: Any) -> Any:
    need_to_train()


def _njit(function: Function, **options: Any) -> Function:
    made: Any = njit(**options)(function)
    made.compile = _in_turns(made.compile)
    return made  # type: ignore[no-any-return]


@dataclass
class _State:
    """Of this process: whether it compiles in turns with others, and how many threads it has."""

    in_turns: bool = False
    turns: int = 0
    threads: int | None = None


_state, _lock = _State(), threading.RLock()


def share_compiling() -> None:
    """Let one process of this machine compile at a time: the next finds its work in the cache."""
    _state.in_turns = fcntl is not None


def _in_turns(function: Function) -> Function:
    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        if not _state.in_turns:
            return function(*args, **options)
        with _lock, _turn():
            return function(*args, **options)

    return called  # type: ignore[return-value]


@contextmanager
def _turn() -> Iterator[None]:
    if _state.turns:  # a kernel that compiles has its parts compiled
        yield
        return
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"xsift-compiles-{user}.lock"
    # Whoever made a link of this name shall not have it followed.
    number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    _state.turns += 1
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        _state.turns -= 1
        os.close(number)


def limit_threads(n: int) -> None:
    """Let kernels of this process use no more threads: its neighbours use the other cores."""
    _state.threads = n


def n_threads() -> int:
    """Return how many threads kernels use: one for each core that the process may have."""
    if _state.threads is not None:
        return _state.threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@functools.cache
def _warn() -> None:
    """Say it once for all functions."""
    warnings.warn(
        "compiled functions cannot be kept: neither the installation nor a cache folder in HOME "
        "can be written, so every run compiles anew and starts slowly; set NUMBA_CACHE_DIR to a "
        "folder that can be written",
        XsiftWarning,
        stacklevel=2,
    )
