"""A scheduler and its workers, as a user would start them."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest


@contextmanager
def scheduler(tmp_path, n=2, threads=1, hides=None):
    """A scheduler with workers, each a process of its own, as a user would start them.

    Where `hides` is a folder, they have another one in its place.
    """
    begun = []

    def start(*command, before=()):
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        begun.append(process)
        return process

    told = tmp_path / "scheduler.json"
    place = ("--host", "127.0.0.1", "--no-dashboard")
    first = start("dask_scheduler", *place, "--port", "0", "--scheduler-file", str(told))
    try:
        deadline = time.monotonic() + 60
        while not told.exists() or not told.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = ()
        if hides is not None:
            hides.mkdir()
            mount = f'mount -t tmpfs none "{hides}" && exec "$@"'
            before = ("unshare", "--mount", "sh", "-c", mount, "sh")
            if subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
                pytest.skip("this process may not hide a folder from another")
        address = json.loads(told.read_text())["address"]
        for _ in range(n):
            start("dask_worker", address, "--nthreads", str(threads), *place, before=before)
        yield first, address
    finally:
        for process in reversed(begun):
            process.kill()
            process.wait()


def wait_for(address, n):
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(n, timeout=60)
