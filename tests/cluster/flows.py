"""Flows of tasks for the tests: other processes find them here by their names."""

import os
import signal
import time
import warnings
from pathlib import Path

from xsift.errors import TableError, XsiftWarning


def squares(shared, tasks):
    for k in tasks:
        if k % 5 == 0:
            warnings.warn(f"{k} is a multiple", XsiftWarning, stacklevel=1)
        yield k, k * k + shared["plus"], os.getpid()


def fails(shared, tasks):
    for k in tasks:
        if k == shared:
            raise TableError("row 3: no number")
        yield k


def dies_once(folder, tasks):
    """Kills the process at its first try of a task."""
    for k in tasks:
        mark = Path(folder) / str(k)
        if k == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield k


def dies(shared, tasks):
    os.kill(os.getpid(), signal.SIGKILL)
    yield


def slowly(shared, tasks):
    for k in tasks:
        time.sleep(0.3)
        yield k


def fills(folder, tasks):
    with open("/dev/full", "w") as file:
        file.write("x")
    yield


def how_it_is(shared, tasks):
    from threadpoolctl import threadpool_info

    from xsift import jit

    for _ in tasks:
        blas = max((i["num_threads"] for i in threadpool_info()), default=1)
        yield jit.n_threads(), blas
