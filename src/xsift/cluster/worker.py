"""What runs inside a process that does tasks: it is given what all tasks share, and then tasks."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any

from xsift import jit
from xsift.errors import ClusterError, XsiftWarning

__all__ = ["do", "forget", "hold", "versions"]

_held: dict[str, Any] = {}
_one_at_a_time = threading.Lock()

_TOLD = ("numpy", "numba", "pyarrow", "scipy", "scikit-learn")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def versions() -> dict[str, str]:
    """Return what the values of a result may depend on: versions, and the kind of processor."""
    found = {"xsift": _version("xsift"), "Python": platform.python_version()}
    return found | {name: _version(name) for name in _TOLD} | {"processor": platform.machine()}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def hold(token: str, shared: Any) -> None:
    """Keep what the tasks of a flow share, and make the process ready."""
    _ready()
    _held[token] = shared


def forget(token: str) -> None:
    """Let go of it."""
    _held.pop(token, None)


def do(token: str, version: str, does: Any, tasks: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """Do tasks; return their results, and the warnings.

    Raises
    ------
    ClusterError
        If this is another version of xsift than the one that asks.
    """
    if version != (mine := _version("xsift")):
        raise ClusterError(
            f"a worker has xsift {mine}, and this process {version}: install the same version"
        )
    # Warnings, and the results of some libraries, are of a process, not of its threads.
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XsiftWarning)
        results = list(does(_held[token], tasks))
    notes = [str(w.message.args[0]) for w in caught if isinstance(w.message, XsiftWarning)]
    return results, notes


@functools.cache
def _ready() -> None:
    jit.share_compiling()
    jit.limit_threads(1)
    _keep_memory()


def _keep_memory() -> None:
    # Dask has the C library give back what is freed at once. Arrays of some megabytes are then
    # taken from the system again and again, which costs a third of the time.
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(None)
            library.mallopt(_M_MMAP_THRESHOLD, 1 << 25)
            library.mallopt(_M_TRIM_THRESHOLD, 1 << 27)
