"""Runs the benchmarks: a table on standard output, JSON in `benchmarks/results`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    calibrated,
    catalogue,
    classifier,
    crossmatch,
    density,
    engine,
    gpu,
    scale,
    scan,
    scorer,
    serve,
    startup,
)
from benchmarks.measure import Failed, Result

BENCHMARKS = {
    "scorer": scorer.run,
    "calibrated": calibrated.run,
    "classifier": classifier.run,
    "density": density.run,
    "engine": engine.run,
    "gpu": gpu.run,
    "scan": scan.run,
    "startup": startup.run,
    "catalogue": catalogue.run,
    "scale": scale.run,
    "crossmatch": crossmatch.run,
    "serve": serve.run,
}
PACKAGES = ("xsift", "numpy", "scipy", "pyarrow", "numba", "scikit-learn")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run what was asked for; 1 where results disagree or a limit is broken."""
    arguments = _arguments()
    failures = 0
    for name in arguments.names or BENCHMARKS:
        try:
            result = BENCHMARKS[name](arguments.smoke)
        except Failed as error:
            print(f"\n{name}: FAILED: {error}", flush=True)
            failures += 1
            continue
        print(f"\n{result.text()}", flush=True)
        _write(name, result, arguments.smoke)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--smoke",
        action="store_true",
        default=os.environ.get("SMOKE", "0") not in ("", "0"),
        help="a small size: checks that everything runs and agrees",
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(BENCHMARKS)):
        parser.error(f"{unknown[0]}: allowed are {', '.join(BENCHMARKS)}")
    return arguments


def _write(name: str, result: Result, smoke: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    tree = {
        "benchmark": name,
        "smoke": smoke,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cores": os.cpu_count(),
        "environment": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "figures": result.figures,
    }
    path = RESULTS / f"{name}{'-smoke' if smoke else ''}.json"
    path.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
