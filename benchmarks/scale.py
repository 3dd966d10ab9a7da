"""`xsift classify` of folders of Parquet files, part by part: speed and memory against rows.

Beside it, for the sizes that fit, the same tables in memory: the rows must be the same, bit for
bit.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Child, Failed, Result, megabytes, run_job, seconds, xsift

LIMIT = 700e6  # bytes of peak memory of a process
IN_MEMORY = 1_000_000  # rows up to which the table is classified in memory, too
_FILE = 250_000  # rows of a file


def run(smoke: bool) -> Result:
    """Classify simulated tables of three sizes, in processes of their own."""
    sizes = [4_000, 70_000] if smoke else [100_000, 1_000_000, 10_000_000]
    result = Result(
        "xsift classify of a folder of Parquet files, part by part",
        ["rows", "wall", "CPU", "rows per CPU-second", "peak memory", "in memory: CPU", "peak"],
        figures={"cases": []},
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_job("benchmarks.scale", "draw", folder / "warm", 2_000)
        _classify(folder / "warm", folder)  # numba compiles here, where it has not before
        for n in sizes:
            run_job("benchmarks.scale", "draw", folder / str(n), n)
            parts, whole = _classify(folder / str(n), folder), None
            if n <= IN_MEMORY:
                whole = run_job("benchmarks.scale", "whole", folder / str(n))
            _add(result, n, parts, whole)
            if smoke and parts.peak > LIMIT:
                raise Failed(f"peak memory {megabytes(parts.peak)}: allowed is {megabytes(LIMIT)}")
    return result


def _classify(table: Path, folder: Path) -> Child:
    return xsift("classify", table, "--model", "csc20", "--out", folder / f"out-{table.name}")


def _add(result: Result, n: int, parts: Child, whole: Child | None) -> None:
    cells = [seconds(parts.wall), seconds(parts.cpu), f"{n / parts.cpu:,.0f}"]
    beside = ["-", "-"] if whole is None else [seconds(whole.cpu), megabytes(whole.peak)]
    result.rows.append([f"{n:,}", *cells, megabytes(parts.peak), *beside])
    case = {"rows": n, "wall_s": parts.wall, "cpu_s": parts.cpu, "peak_bytes": parts.peak}
    if whole is not None:
        case |= {"in_memory_cpu_s": whole.cpu, "in_memory_peak_bytes": whole.peak}
    result.figures["cases"].append(case)


def _draw(folder: Path, n: int) -> None:
    """Write a survey of n detections, the simulated one again and again under other names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from xsift.simulate import simulate

    folder.mkdir()
    table = simulate(max(n // 3, 1_000) if n < _FILE else _FILE // 2, seed=1).detections
    drawn = 0
    while drawn < n:
        some = table.slice(0, n - drawn)
        names = pa.array([f"{name} {drawn}" for name in some["name"].to_pylist()])
        at = some.column_names.index("name")
        some = some.set_column(at, some.schema.field(at), names)
        pq.write_table(some, folder / f"{drawn:010}.parquet")
        drawn += len(some)


def _whole(folder: Path) -> None:
    """Classify the same in memory, and compare every cell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from xsift import classify

    table = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("*.parquet"))])
    found = classify(table, "csc20")
    for which in ("detections", "sources"):
        out = folder.parent / f"out-{folder.name}"  # a table of one part gives a file
        beside = [*out.glob(f"{which}.parquet"), *sorted((out / which).glob("*.parquet"))]
        parts = pa.concat_tables([pq.read_table(path) for path in beside])
        if not parts.equals(found.to_arrow(which).cast(parts.schema)):
            sys.exit(f"{which} in parts differ from those in memory")


if __name__ == "__main__":
    job, place, *more = sys.argv[1:]
    if job == "draw":
        _draw(Path(place), int(more[0]))
    else:
        _whole(Path(place))
