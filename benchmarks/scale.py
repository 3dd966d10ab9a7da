"""`xsift classify` of folders of Parquet files, part by part: speed and memory against rows.

Beside it, for the sizes that fit, the same tables in memory, and by two workers: the rows must be
the same, bit for bit. And a random forest on a HATS catalogue, as one would write it with LSDB.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.measure import (
    SINGLE_THREAD,
    Child,
    Failed,
    Result,
    megabytes,
    output_of,
    run_job,
    seconds,
    xsift,
)

LIMIT = 700e6  # bytes of peak memory of a process
IN_MEMORY = 1_000_000  # rows up to which the table is classified in memory, too
_FILE = 250_000  # rows of a file


def run(smoke: bool) -> Result:
    """Classify simulated tables of three sizes, in processes of their own."""
    sizes = [4_000, 70_000] if smoke else [100_000, 1_000_000, 10_000_000]
    result = Result(
        "xsift classify of a folder of Parquet files, part by part",
        ["rows", "way", "wall", "CPU", "rows per CPU-second", "largest process"],
        notes=["the largest process is the one of the greatest peak memory; CPU is of all of them"],
        figures={"cases": []},
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_job("benchmarks.scale", "draw", folder / "warm", 2_000)
        _classify(folder / "warm", folder)  # numba compiles here, where it has not before
        for n in sizes:
            run_job("benchmarks.scale", "draw", folder / str(n), n)
            parts = _classify(folder / str(n), folder)
            _add(result, n, "one process", parts)
            if n <= IN_MEMORY:
                _add(result, n, "in memory", run_job("benchmarks.scale", "whole", folder / str(n)))
            if n == sizes[-1]:
                _with_workers(result, n, folder, parts)
            if smoke and parts.peak > LIMIT:
                raise Failed(f"peak memory {megabytes(parts.peak)}: allowed is {megabytes(LIMIT)}")
            shutil.rmtree(folder / f"out-{n}")
        _beside_a_forest(result, 5_000 if smoke else 1_000_000, folder)
    return result


def _classify(table: Path, folder: Path, *options: str) -> Child:
    out = folder / f"out-{table.name}{''.join(options)}"
    return xsift("classify", table, "--model", "csc20", "--out", out, *options, **SINGLE_THREAD)


def _with_workers(result: Result, n: int, folder: Path, one: Child) -> None:
    """Classify by two workers: it may not matter for the rows who does them."""
    two = _classify(folder / str(n), folder, "--workers", "2")
    for which in ("detections", "sources"):
        paths = [sorted((folder / f"out-{n}{w}" / which).glob("*")) for w in ("", "--workers2")]
        for one_file, other in zip(*paths, strict=True):
            if not pq.read_table(one_file).equals(pq.read_table(other)):
                raise Failed(f"{which} of two workers differ from those of one process")
    _add(result, n, "two workers", two)
    result.notes.append(f"two workers are {one.wall / two.wall:.2f} times as fast as one process")
    result.figures["two_workers"] = {"rows": n, "speed": one.wall / two.wall}


def _beside_a_forest(result: Result, n: int, folder: Path) -> None:
    """Classify a HATS catalogue, and let a random forest do so as one would with LSDB."""
    run_job("benchmarks.scale", "hats", folder / "hats", n)
    _add(result, n, "HATS, one process", ours := _classify(folder / "hats", folder))
    ways = {"LSDB, xsift": ("lazy",), "LSDB, 100 trees": ("forest", 100)}
    ways |= {"LSDB, 300 trees": ("forest", 300)}
    cpu = {"command": ours.cpu}
    for way, (job, *more) in ways.items():
        child = run_job("benchmarks.scale", job, folder / "hats", *more, threads=1)
        cpu[way] = output_of(child)
        _add(result, n, way, Child(child.wall, cpu[way], child.peak, ""))
        shutil.rmtree(folder / "by-lsdb")
    for trees in (100, 300):
        forest = cpu[f"LSDB, {trees} trees"]
        result.notes.append(
            f"a forest of {trees} trees costs {forest / cpu['LSDB, xsift']:.1f} times as much as "
            f"xsift by LSDB, and {forest / ours.cpu:.1f} times as much as the whole command"
        )
    result.notes.append("of LSDB, CPU is that of write_catalog alone")
    result.figures["forest"] = {"rows": n, "cpu_s": cpu}


def _add(result: Result, n: int, way: str, child: Child) -> None:
    cells = [seconds(child.wall), seconds(child.cpu), f"{n / child.cpu:,.0f}"]
    result.rows.append([f"{n:,}", way, *cells, megabytes(child.peak)])
    case = {"rows": n, "way": way, "wall_s": child.wall, "cpu_s": child.cpu}
    result.figures["cases"].append(case | {"peak_bytes": child.peak})


def _draw(folder: Path, n: int) -> None:
    """Write a survey of n detections, the simulated one again and again under other names."""
    import pyarrow as pa

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

    from xsift import classify

    table = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("*.parquet"))])
    found = classify(table, "csc20")
    for which in ("detections", "sources"):
        out = folder.parent / f"out-{folder.name}"  # a table of one part gives a file
        beside = [*out.glob(f"{which}.parquet"), *sorted((out / which).glob("*.parquet"))]
        parts = pa.concat_tables([pq.read_table(path) for path in beside])
        if not parts.equals(found.to_arrow(which).cast(parts.schema)):
            sys.exit(f"{which} in parts differ from those in memory")


def _hats(folder: Path, n: int) -> None:
    """Write a HATS catalogue of a simulated survey, by LSDB."""
    import lsdb
    import pandas as pd

    from xsift.simulate import simulate

    table = simulate(int(0.7 * n), seed=1).detections.slice(0, n)
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        catalogue = lsdb.from_dataframe(frame, ra_column="ra", dec_column="dec")
        catalogue.write_catalog(folder, catalog_name="detections", progress_bar=False)


class _Forest:
    """Probabilities of a partition, by a random forest; 100 trees are scikit-learn's default."""

    def __init__(self, trees: int) -> None:
        from sklearn.ensemble import RandomForestClassifier

        from xsift.simulate import simulate

        survey = simulate(12_000, seed=2)
        self.features = survey.detections.column_names[7:]  # what was measured
        self.forest = RandomForestClassifier(trees, random_state=0)
        self.forest.fit(self._values(survey.detections.to_pandas()), survey.truth)

    def _values(self, frame: Any) -> Any:
        return frame[self.features].astype(float).to_numpy()

    def __call__(self, frame: Any) -> Any:
        import nested_pandas as npd
        import pandas as pd

        p = self.forest.predict_proba(self._values(frame)) if len(frame) else []
        found = pd.DataFrame(p, index=frame.index, columns=self.forest.classes_, dtype=float)
        return npd.NestedFrame(found)


def _forest(folder: Path, trees: int) -> None:
    """Let a random forest classify a HATS catalogue, in this thread."""

    def classified(catalogue: Any) -> Any:
        forest = _Forest(trees)
        return catalogue.map_partitions(forest, meta=forest(catalogue.meta))

    _by_lsdb(folder, classified)


def _lazy(folder: Path) -> None:
    """Let xsift classify a HATS catalogue as LSDB computes it, in this thread."""
    from xsift import classify

    _by_lsdb(folder, lambda catalogue: classify(catalogue, "csc20"))


def _by_lsdb(folder: Path, classified: Callable[[Any], Any]) -> None:
    """Write what a classification gives, and print the CPU seconds of that."""
    import dask
    import lsdb

    with warnings.catch_warnings(), dask.config.set(scheduler="synchronous"):
        warnings.simplefilter("ignore")
        lazy = classified(lsdb.open_catalog(folder))
        before = time.process_time()
        lazy.write_catalog(folder.with_name("by-lsdb"), catalog_name="x", progress_bar=False)
    print(time.process_time() - before)


if __name__ == "__main__":
    job, place, *more = sys.argv[1:]
    jobs = {"whole": _whole, "forest": _forest, "lazy": _lazy, "draw": _draw, "hats": _hats}
    jobs[job](Path(place), *map(int, more))
