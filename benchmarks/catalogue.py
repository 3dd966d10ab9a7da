"""`xsift classify` of large tables, Parquet to Parquet: speed, and memory against rows.

The tables are the first rows of one simulated survey, so that the results of the small ones must
be, bit for bit, the first rows of the results of the large one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Child, Failed, Result, megabytes, run_job, seconds, xsift

LIMIT = 1e9  # bytes of peak memory
TRAINING_SOURCES = 6_000


def run(smoke: bool) -> Result:
    """Train on a small survey, then classify large ones in processes of their own."""
    sizes = [2_000, 6_000, 20_000] if smoke else [100_000, 300_000, 1_000_000]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_job("benchmarks.catalogue", "draw", folder, *sizes)
        run_job("benchmarks.catalogue", "train", folder)
        _classify(folder, sizes[0])  # numba compiles here, where it has not before
        calls = {n: _classify(folder, n) for n in sizes}
        run_job("benchmarks.catalogue", "check", folder, *sizes)
    result = _result(calls)
    if smoke and (peak := calls[sizes[-1]].peak) > LIMIT:
        raise Failed(f"peak memory {megabytes(peak)}: allowed is {megabytes(LIMIT)}")
    return result


def _classify(folder: Path, n: int) -> Child:
    model, out = folder / "model" / "model.asdf", folder / f"out-{n}"
    table = folder / f"{n}.parquet"
    return xsift("classify", table, "--model", model, "--out", out, "--format", "parquet")


def _result(calls: dict[int, Child]) -> Result:
    few, many = min(calls), max(calls)
    per_row = (calls[many].peak - calls[few].peak) / (many - few)
    fixed = calls[few].peak - per_row * few
    cpu_per_row = (calls[many].cpu - calls[few].cpu) / (many - few)
    result = Result(
        "xsift classify, Parquet to Parquet: score, vote, write",
        ["rows", "wall", "CPU", "rows per second", "peak memory", "straight line"],
        figures={"bytes_per_row": per_row, "fixed_bytes": fixed, "cpu_s_per_row": cpu_per_row},
    )
    result.figures["cases"] = []
    for n, call in calls.items():
        line = fixed + per_row * n
        cells = [seconds(call.wall), seconds(call.cpu), f"{n / call.wall:,.0f}"]
        result.rows.append([f"{n:,}", *cells, megabytes(call.peak), megabytes(line)])
        case = {"rows": n, "wall_s": call.wall, "cpu_s": call.cpu, "peak_bytes": call.peak}
        result.figures["cases"].append(case)
    result.notes += [
        f"peak memory: {megabytes(fixed)} and {per_row:,.0f} bytes a row; "
        f"the goal is {megabytes(LIMIT)} at 1,000,000 rows",
        f"CPU: {cpu_per_row * 1e6:.1f} microseconds a row once started",
    ]
    return result


def _draw(folder: Path, sizes: list[int]) -> None:
    """Simulate a survey and write its first rows at each size."""
    import pyarrow.parquet as pq

    from xsift.simulate import simulate

    n_sources = max(sizes) * 2 // 3
    table = simulate(n_sources, seed=7).detections
    if table.num_rows < max(sizes):
        raise SystemExit(f"{n_sources:,} sources gave {table.num_rows:,} detections: too few")
    for n in sizes:
        pq.write_table(table.slice(0, n), folder / f"{n}.parquet")


def _train(folder: Path) -> None:
    """Train a model on a simulated survey of its own seed."""
    import pyarrow.parquet as pq

    import xsift
    from xsift.simulate import simulate

    survey = simulate(TRAINING_SOURCES, seed=42)
    pq.write_table(survey.detections, folder / "train.parquet")
    pq.write_table(survey.known, folder / "known.parquet")
    settings = xsift.Settings(method="paper")
    result = xsift.run(folder / "train.parquet", folder / "known.parquet", settings)
    result.write(folder / "model", formats=("parquet",))


def _check(folder: Path, sizes: list[int]) -> None:
    """Exit with a message where a small table's rows differ from the large one's."""
    import pyarrow.compute as pc

    def detections(n: int) -> Any:
        import pyarrow.parquet as pq

        return pq.read_table(folder / f"out-{n}" / "detections.parquet")

    large = detections(max(sizes))
    if large.num_rows != max(sizes) or not pc.count(large["p_qso"]).as_py():
        raise SystemExit(f"{max(sizes):,} rows in, {large.num_rows:,} out, or none scored")
    for n in sizes:
        if not detections(n).equals(large.slice(0, n)):
            raise SystemExit(f"the first {n:,} rows depend on the rows after them")


if __name__ == "__main__":
    job, where, *numbers = sys.argv[1:]
    if job == "train":
        _train(Path(where))
    else:
        {"draw": _draw, "check": _check}[job](Path(where), [int(n) for n in numbers])
