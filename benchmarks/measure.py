"""What all benchmarks share: child processes, interleaved timing, tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
SINGLE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "LOKY_MAX_CPU_COUNT",
    ),
    "1",
)


# What runs a command and measures it. A process begins with the peak memory of the one that starts
# it, so that this one is small: nothing that a benchmark has loaded counts as its command's.
_LAUNCHER = """
import os, sys, time
start = time.perf_counter()
pid = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
with open(sys.argv[1], "w") as said:
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=said)
sys.exit(min(1, abs(os.waitstatus_to_exitcode(status))))
"""


class Failed(Exception):
    """Results disagree, a command failed, or memory is beyond its limit."""


@dataclass(frozen=True)
class Child:
    """How a child process did: seconds, and bytes of peak resident memory."""

    wall: float
    cpu: float
    peak: int
    output: str


@dataclass
class Result:
    """A title, a table of text and the same as plain figures."""

    title: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Lay the table out in columns of equal width."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        shown = [
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "-" * len(shown[0])
        return "\n".join([self.title, rule, shown[0], rule, *shown[1:], *self.notes])


def run_child(command: list[str], **environment: str) -> Child:
    """Run a command from the root of the project, and measure it.

    Raises
    ------
    Failed
        If it exits with another status than 0.
    """
    # Into files: a full pipe would make the child wait for us.
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        tempfile.NamedTemporaryFile("r") as said,
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, said.name, *command],
            stdout=out,
            stderr=err,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(), err.read().decode().strip()
        measured = said.read().split()
    if done.returncode:
        last = errors.splitlines()[-1] if errors else "no message"
        raise Failed(f"{Path(command[0]).name} {command[1]}: {last}")
    wall, cpu, peak = map(float, measured)
    unit = 1 if sys.platform == "darwin" else 1024
    return Child(wall, cpu, int(peak) * unit, output)


def run_job(module: str, *arguments: object, threads: int | None = None) -> Child:
    """Run a job of a benchmark's module in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return run_child(command, **(SINGLE_THREAD if threads == 1 else {}))


def output_of(child: Child) -> Any:
    """Read the JSON that a job printed last."""
    return json.loads(child.output.splitlines()[-1])


def xsift(*arguments: object, **environment: str) -> Child:
    """Run the command line of xsift that belongs to this interpreter."""
    script = Path(sys.executable).with_name("xsift")
    return run_child([str(script), *map(str, arguments)], **environment)


def interleaved(
    peers: dict[str, Callable[[], object]], rounds: int, least: float = 0.05
) -> dict[str, float]:
    """Median CPU seconds of each peer, in turns; short ones are repeated within a turn."""
    repeats = {}
    for name, call in peers.items():
        call()  # compiles, and fills the caches
        repeats[name] = max(1, round(least / max(_cpu(call, 1), 1e-6)))
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, call in peers.items():
            times[name].append(_cpu(call, repeats[name]))
    return {name: median(values) for name, values in times.items()}


def _cpu(call: Callable[[], object], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def seconds(value: float) -> str:
    """Write a time with three digits."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def megabytes(value: float) -> str:
    """Write bytes as megabytes (1e6 bytes)."""
    return f"{value / 1e6:,.0f} MB"
