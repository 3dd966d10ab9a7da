"""How long a user waits: help, and one detection classified.

"First" is the first call after an installation, when numba has nothing in its cache; the cache is
a temporary one, so that yours stays.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import Child, Failed, Result, megabytes, seconds, xsift

# Values of an ordinary detection, in the archive's units.
DETECTION = {
    "name": "2CXO J000000.0+000000",
    "obsid": 1,
    "ra": 0.0,
    "dec": 0.0,
    "hard_hm": -0.2,
    "hard_hs": 0.1,
    "hard_ms": 0.3,
    "powlaw_gamma": 1.8,
    "bb_kt": 0.9,
    "var_prob_b": 0.5,
    "var_prob_h": 0.4,
    "var_prob_s": 0.3,
    "var_mean_b": 0.01,
    "var_mean_h": 0.004,
    "var_mean_s": 0.003,
    "var_sigma_b": 0.001,
    "var_sigma_h": 0.0005,
    "var_sigma_s": 0.0004,
    "var_min_b": 0.008,
    "var_max_b": 0.012,
}


def run(smoke: bool) -> Result:
    """Time `xsift --help` and `xsift classify` of one detection."""
    rounds = 1 if smoke else 7
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "one.csv")
        cells = ",".join(map(str, DETECTION.values()))
        table.write_text(f"{','.join(DETECTION)}\n{cells}\n", encoding="utf-8")
        cases = {"xsift --help": [xsift("--help") for _ in range(rounds)]}
        firsts = 1 if smoke else 3
        cases["xsift classify, one detection, first call"] = [
            _classify(table, Path(folder, f"cache-{i}")) for i in range(firsts)
        ]
        cases["xsift classify, one detection, later calls"] = [
            _classify(table, Path(folder, "cache-0")) for _ in range(rounds)
        ]
    result = Result("Start-up", ["command", "wall", "CPU", "peak memory"])
    for name, calls in cases.items():
        wall, cpu = median(c.wall for c in calls), median(c.cpu for c in calls)
        peak = max(c.peak for c in calls)
        result.rows.append([name, seconds(wall), seconds(cpu), megabytes(peak)])
        result.figures[name] = {"wall_s": wall, "cpu_s": cpu, "peak_bytes": peak}
    return result


def _classify(table: Path, cache: Path) -> Child:
    out = table.with_name("out")
    child = xsift("classify", table, "--out", out, NUMBA_CACHE_DIR=str(cache))
    if not (out / "detections.parquet").is_file():
        raise Failed("xsift classify wrote no detections.parquet")
    return child
