"""The playground's server with a large catalogue: how long one user waits, and fifty at once.

The catalogue is a small simulated one, classified and then repeated with new names, places and
probabilities a little off, until it has the wanted number of sources.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

from benchmarks.measure import Failed, Result, megabytes, run_job, seconds

USERS = 50
PAUSE = 1.0
"""Mean time that a user looks at an answer before the next question, s."""
GROWTH = 1.15
"""Memory may be this many times as much after the load as before."""

# What users ask, and how often. {i}, {n}, {text} and the rest are drawn anew each time.
MIX = {
    "filter": (40, "/api/filter?min_p={p}&group={group}"),
    "filter with a range": (10, "/api/filter?range=hard_hm:{p}:&max_abs_b={b}"),
    "cone": (5, "/api/filter?cone={b},{b},5"),
    "text": (6, "/api/filter.bin?text={text}"),
    "sorted page": (15, "/api/sources?sort=-p_class&offset={offset}&limit=50&group={group}"),
    "names": (4, "/api/names?indices={i},{j}"),
    "card": (10, "/api/source?index={i}"),
    "resolve": (4, "/api/resolve?q={text}"),
    "column": (3, "/api/column/p_class"),
    "download of a cone": (3, "/api/table.csv?cone={b},{b},0.5"),
}


def run(smoke: bool) -> Result:
    """Time the kinds of question one by one, then under the load of fifty users."""
    n, load = (20_000, 10.0) if smoke else (1_000_000, 60.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_job("benchmarks.serve", "draw", folder, n)
        with _served(folder / "catalogue") as (address, process, start):
            alone = {kind: _alone(address, kind, n) for kind in MIX}
            _load(address, n, min(10.0, load / 3))  # orders and pools are made once
            before, cpu = _resident(process), _cpu(process)
            times, errors, worst = _load(address, n, load)
            after, cpu = _resident(process), _cpu(process) - cpu
    if errors:
        raise Failed(f"{errors} of {len(times) + errors} questions failed, the last: {worst}")
    if before and after > GROWTH * before:
        raise Failed(f"memory grew from {megabytes(before)} to {megabytes(after)}")
    times.sort()
    p95 = times[int(0.95 * len(times))]
    result = Result(f"The server, {n:,} sources", ["question, one user", "median", "slowest of 10"])
    result.rows = [[kind, seconds(median(t)), seconds(max(t))] for kind, t in alone.items()]
    result.notes = [
        f"ready {seconds(start)} after the start of the command",
        f"{USERS} users at once for {load:.0f} s, {PAUSE:g} s between questions on average: "
        f"{len(times):,} answers, no error, median {seconds(median(times))}, 95 % within "
        f"{seconds(p95)}, slowest {seconds(times[-1])}",
        f"CPU of the server: {seconds(cpu / len(times))} an answer",
        f"memory before {megabytes(before)}, after {megabytes(after)}",
        f"other work on the machine: load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} "
        "cores, the users' own process among it",
    ]
    result.figures = {
        "sources": n,
        "start_s": start,
        "alone_s": {kind: median(t) for kind, t in alone.items()},
        "load": {
            "users": USERS,
            "duration_s": load,
            "answers": len(times),
            "errors": errors,
            "median_s": median(times),
            "p95_s": p95,
            "cpu_per_answer_s": cpu / len(times),
            "resident_before_bytes": before,
            "resident_after_bytes": after,
        },
    }
    return result


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str], float]]:
    """Start the server as a user does; give its address and how long that took."""
    command = [str(Path(sys.executable).with_name("xsift")), "serve", str(folder), "--port", "0"]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                log.seek(0)
                raise Failed(f"xsift serve: {log.read().strip()[-300:]}")
            yield urlsplit(address).netloc, process, time.perf_counter() - start
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stdout.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> float:
    start = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise Failed(f"{path}: {answer.status} {content[:200]!r}")
    return time.perf_counter() - start


def _question(kind: str, n: int, rng: random.Random) -> str:
    text = f".{rng.randrange(n // 2000):07d}"  # the end of a name that there is
    return MIX[kind][1].format(
        p=round(rng.uniform(0, 0.9), 2),
        b=round(rng.uniform(0, 80), 2),
        group=quote(rng.choice(("AGN", "XB", "YSO", "AGN,Seyfert"))),
        text=text,
        offset=rng.randrange(min(n, 20_000) // 10),
        i=rng.randrange(n),
        j=rng.randrange(n),
    )


def _alone(address: str, kind: str, n: int) -> list[float]:
    rng = random.Random(kind)
    connection = http.client.HTTPConnection(address, timeout=60)
    _ask(connection, _question(kind, n, rng))
    times = [_ask(connection, _question(kind, n, rng)) for _ in range(10)]
    connection.close()
    return times


def _load(address: str, n: int, duration: float) -> tuple[list[float], int, str]:
    """Let the users ask; give the times of all answers, and what went wrong."""
    times: list[float] = []
    wrong: list[str] = []
    end = time.perf_counter() + duration
    kinds, weights = list(MIX), [weight for weight, _ in MIX.values()]

    def use(seed: int) -> None:
        rng = random.Random(seed)
        connection = http.client.HTTPConnection(address, timeout=60)
        time.sleep(rng.uniform(0, PAUSE))
        while time.perf_counter() < end:
            kind = rng.choices(kinds, weights)[0]
            try:
                times.append(_ask(connection, _question(kind, n, rng)))
            except (Failed, OSError, http.client.HTTPException) as error:
                wrong.append(f"{type(error).__name__}: {error}")
                connection.close()
            time.sleep(rng.expovariate(1 / PAUSE))
        connection.close()

    users = [threading.Thread(target=use, args=(seed,)) for seed in range(USERS)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    return times, len(wrong), wrong[-1] if wrong else ""


def _resident(process: subprocess.Popen[str]) -> int:
    """Return the bytes that a process holds in memory; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _cpu(process: subprocess.Popen[str]) -> float:
    """Return the CPU seconds that a process has used; NaN where the system does not say."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _draw(folder: Path, n: int) -> None:
    """Classify a small simulated survey, and repeat it until it has `n` sources."""
    import shutil

    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from xsift.pipeline.demo import exhibit

    exhibit(folder / "small", 1500)
    rng = np.random.default_rng(5)
    out = folder / "catalogue"
    out.mkdir()
    for name in ("model.asdf", "run.json"):
        shutil.copy(folder / "small" / name, out)
    sources = pq.read_table(folder / "small" / "sources.parquet")
    detections = pq.read_table(folder / "small" / "detections.parquet")
    detections = detections.filter(pc.is_in(detections["name"], sources["name"]))
    times = -(-n // sources.num_rows)

    def repeat(table: pa.Table, most: int) -> pa.Table:
        copy = np.repeat(np.arange(times), table.num_rows)
        table = pa.concat_tables([table] * times)
        tags = pa.array(copy).cast(pa.string())
        tags = pc.utf8_lpad(tags, 7, padding="0")
        names = pc.binary_join_element_wise(table["name"], tags, ".")
        columns: dict[str, Callable[[], np.ndarray]] = {
            "ra": lambda: (table["ra"].to_numpy() + rng.uniform(0, 360, len(copy))) % 360,
            "dec": lambda: np.rad2deg(np.arcsin(rng.uniform(-1, 1, len(copy)))),
        }
        made = {"name": names} | {k: pa.array(draw()) for k, draw in columns.items()}
        for name, values in made.items():
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), values)
        for name in [c for c in table.column_names if c.startswith("p_")]:
            at = table.schema.get_field_index(name)
            values = table[name].to_numpy() * rng.uniform(0.95, 1.0, len(copy))
            column = pa.array(values, mask=np.isnan(values))
            table = table.set_column(at, table.schema.field(at), column)
        return table.slice(0, most)

    kept = repeat(sources, n)
    pq.write_table(kept.take(pc.sort_indices(kept["name"])), out / "sources.parquet")
    every = repeat(detections, detections.num_rows * times)
    pq.write_table(every.filter(pc.is_in(every["name"], kept["name"])), out / "detections.parquet")
    print(json.dumps({"detections": every.num_rows}))


if __name__ == "__main__":
    _, where, number = sys.argv[1:]
    _draw(Path(where), int(number))
