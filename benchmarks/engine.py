"""The mixture engine against scikit-learn's: iterations, whole fits, memory, compilation.

`python -m benchmarks.engine [--smoke]`. One thread and CPU time unless said; peers in turns in one
process, so that ratios hold on a busy machine. One iteration of scikit-learn is its `_e_step` and
`_m_step` from the parameters that the data were drawn from; ours the same. gmmx computes in
float32; it is timed only where it is installed (the extra `bench`). Ten million rows take about
8 GB and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import (
    Failed,
    Result,
    interleaved,
    megabytes,
    output_of,
    run_child,
    run_job,
    seconds,
)

FEATURES = 12
PATTERNS = 40
LARGE = 10_000_000
ALLOWED = 1e-9


def run(smoke: bool) -> Result:
    """Compare iterations at several sizes; then fits, memory and compilation as notes."""
    sizes = [(n, k) for n in (30_000, 1_000_000) for k in (6, 20)] + [(LARGE, 6)]
    sizes = [(5_000, 3)] if smoke else sizes
    result = Result(
        f"EM iteration, {FEATURES} features. Times faster than scikit-learn's, one thread; gmmx; "
        "relative cost of missing values; threads",
        [
            "rows, K",
            "ns per row",
            "faster",
            "gmmx",
            f"{PATTERNS} patterns",
            "30 % missing",
            f"{os.cpu_count()} threads",
            "outside",
        ],
        figures={"iterations": []},
    )
    for n, k in sizes:
        rounds = 3 if smoke else 1 if n == LARGE else 5
        case = output_of(run_job("benchmarks.engine", "iteration", n, k, rounds, threads=1))
        cpu, wall = case["cpu"], output_of(run_job("benchmarks.engine", "threads", n, k, rounds))
        ours = cpu["xsift"]
        result.rows.append(
            [
                f"{n:,}, {k}",
                f"{ours / n * 1e9:.0f}",
                f"{cpu['scikit-learn'] / ours:.1f}",
                f"{cpu['scikit-learn'] / cpu['gmmx']:.1f}" if "gmmx" in cpu else "-",
                f"{cpu['patterns'] / ours:.2f}",
                f"{cpu['scattered'] / ours:.1f}",
                f"{wall['one'] / wall['all']:.2f}",
                f"{wall['outside'] / wall['one']:.2%}",
            ]
        )
        result.figures["iterations"].append({"n": n, "K": k, **case, "wall": wall})
        if not case["difference"] <= ALLOWED:
            raise Failed(f"one iteration differs by {case['difference']:.1e}: {ALLOWED:g} allowed")
    result.notes.append(
        f"{PATTERNS} patterns: half of the rows lack something, in {PATTERNS} ways. 30 % missing: "
        "of all values, anywhere. threads: wall time of one thread by that of all. outside: of a "
        "one-thread iteration, what is not in the kernels"
    )
    for n, k in sizes[:1] if smoke else [(30_000, 6), (1_000_000, 6)]:
        fit = output_of(run_job("benchmarks.engine", "fit", n, k, threads=1))
        ratios = [their[0] / our[0] for our, their in fit]
        gains = [our[1] - their[1] for our, their in fit]
        result.notes.append(
            f"whole fit, {n:,} rows, K = {k}: {min(ratios):.1f} to {max(ratios):.1f} times faster "
            f"for {len(fit)} data sets; mean log-likelihood higher by {min(gains):.1e} to "
            f"{max(gains):.1e}"
        )
        result.figures.setdefault("fits", []).append({"n": n, "K": k, "pairs": fit})
    _memory(result, 200_000 if smoke else LARGE)
    if not smoke:  # the smoke run of `startup` compiles, too
        _compilation(result)
    return result


def _memory(result: Result, n: int) -> None:
    base = run_job("benchmarks.engine", "memory", n, 0).peak
    for what, kind in [("complete", 1), ("incomplete", 2)]:
        child = run_job("benchmarks.engine", "memory", n, kind)
        extra = child.peak - base
        wall = output_of(child)
        result.notes.append(
            f"extra memory of a fit, {n:,} rows, {what}: {megabytes(extra)}; "
            f"{seconds(wall)} for an iteration on {os.cpu_count()} threads"
        )
        result.figures[f"memory {what}"] = extra


def _compilation(result: Result) -> None:
    with tempfile.TemporaryDirectory() as cache:
        first, again = (
            run_child(
                [sys.executable, "-m", "benchmarks.engine", "memory", "2000", "1"],
                NUMBA_CACHE_DIR=cache,
            )
            for _ in range(2)
        )
        size = sum(f.stat().st_size for f in Path(cache).rglob("*") if f.is_file())
    imports = run_child([sys.executable, "-c", "import xsift.mixture.gaussian_mixture"])
    result.notes.append(
        f"a process that fits 2,000 rows: {seconds(first.cpu)} when it compiles, "
        f"{seconds(again.cpu)} afterwards ({megabytes(size)} of cache); importing the libraries "
        f"alone: {seconds(imports.cpu)}"
    )
    result.figures["compilation"] = {
        "first": first.cpu,
        "again": again.cpu,
        "imports": imports.cpu,
        "cache": size,
    }


def draw(n: int, k: int, seed: int) -> tuple[Any, Any, Any]:
    """Draw rows, means and covariances of a mixture whose components overlap."""
    import numpy as np

    rng = np.random.default_rng(seed)
    means = rng.normal(size=(k, FEATURES))
    factors = np.eye(FEATURES) + 0.3 * rng.normal(size=(k, FEATURES, FEATURES))
    X = np.empty((n, FEATURES))
    for start in range(0, n, 65536):  # small parts: memory is measured
        part = X[start : start + 65536]
        y = rng.integers(k, size=len(part))
        part[:] = rng.normal(size=part.shape)
        for c in range(k):
            part[y == c] = part[y == c] @ factors[c].T + means[c]
    return X, means, factors @ factors.transpose(0, 2, 1)


def make_incomplete(X: Any, seed: int) -> None:
    """Take values away from half of the rows, in forty patterns."""
    import numpy as np

    rng = np.random.default_rng(seed)
    patterns = rng.random((PATTERNS, FEATURES)) < 0.3
    patterns[:, 0] = False
    patterns[:, 1] = True
    for start in range(0, len(X), 65536):
        part = X[start : start + 65536]
        lacks = patterns[rng.integers(PATTERNS, size=len(part))]
        part[lacks & (rng.random(len(part)) < 0.5)[:, None]] = np.nan


def scatter_gaps(X: Any, seed: int) -> None:
    """Take 30 % of all values away, wherever they are."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for start in range(0, len(X), 65536):
        part = X[start : start + 65536]
        part[rng.random(part.shape) < 0.3] = np.nan


def iteration(n: int, k: int, rounds: int) -> dict[str, Any]:
    """CPU seconds of an iteration, and the largest difference of the parameters after it."""
    import numpy as np
    from sklearn.mixture import GaussianMixture

    from xsift.mixture.blocks import ArrayRows, Orders
    from xsift.mixture.moments import Parameters, accumulate_moments, maximise, survey

    X, means, covariances = draw(n, k, seed=0)
    weights = np.full(k, 1 / k)
    peer = GaussianMixture(k)

    def set_peer() -> None:
        peer.weights_, peer.means_, peer.covariances_ = weights, means, covariances
        factors = np.linalg.inv(np.linalg.cholesky(covariances)).transpose(0, 2, 1)
        peer.precisions_cholesky_ = np.ascontiguousarray(factors)

    def theirs() -> None:
        set_peer()
        _, log_r = peer._e_step(X)
        peer._m_step(X, log_r)

    def engine(values: Any) -> Any:
        rows = ArrayRows(values)
        frame = survey(rows, 1e-6)
        unit = frame.scale * frame.scale[:, None]
        start = Parameters(weights, (means - frame.centre) / frame.scale, covariances / unit)
        orders = Orders()  # as in a fit, from the second iteration on

        def step() -> Any:
            return maximise(accumulate_moments(rows, start, frame, orders=orders), start, frame)

        return frame, step

    frame, ours = engine(X)
    cpu = interleaved({"xsift": ours, "scikit-learn": theirs}, rounds)

    def compare(name: str, call: Any) -> None:
        apart = interleaved({"xsift": ours, name: call}, rounds)
        cpu[name] = apart[name] / apart["xsift"] * cpu["xsift"]

    # Apart from scikit-learn: who comes after it finds the caches emptied.
    for name, take_away in {"patterns": make_incomplete, "scattered": scatter_gaps}.items():
        holed = X.copy()
        take_away(holed, seed=1)
        compare(name, engine(holed)[1])
    gmmx = None if n == LARGE else _gmmx(X, weights, means, covariances)  # it takes 6 kB a row
    if gmmx is not None:  # last: its threads may go on for a while
        compare("gmmx", gmmx)
    found = ours()
    theirs()
    off = [
        np.abs(found.weights - peer.weights_).max(),
        np.abs(found.means * frame.scale + frame.centre - peer.means_).max(),
        np.abs(found.covariances * frame.scale[:, None] * frame.scale - peer.covariances_).max(),
    ]
    return {"cpu": cpu, "difference": float(max(off))}


def _gmmx(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
    """One iteration of gmmx, in float32, or None where it is not installed."""
    try:
        from gmmx import EMFitter, GaussianMixtureModelJax
    except ImportError:
        return None
    import jax

    model = GaussianMixtureModelJax.from_squeezed(
        means=means, covariances=covariances, weights=weights
    )
    x = jax.numpy.asarray(X, dtype="float32")
    fitter = EMFitter(tol=0.0, max_iter=1)
    return lambda: jax.block_until_ready(fitter.fit(x=x, gmm=model).gmm.means)


def threads(n: int, k: int, rounds: int) -> dict[str, float]:
    """Least wall seconds of an iteration on one thread and on all, and outside the kernels."""
    import numpy as np

    from xsift import jit
    from xsift.mixture import moments
    from xsift.mixture.blocks import ArrayRows
    from xsift.mixture.threads import Threads

    X, means, covariances = draw(n, k, seed=0)
    rows = ArrayRows(X)
    frame = moments.survey(rows, 1e-6)
    unit = frame.scale * frame.scale[:, None]
    start = moments.Parameters(
        np.full(k, 1 / k), (means - frame.centre) / frame.scale, covariances / unit
    )
    kernel = moments.em_pieces

    def seconds_on(n_threads: int) -> float:
        with Threads(n_threads) as team:
            began = time.perf_counter()
            moments.accumulate_moments(rows, start, frame, team)
            return time.perf_counter() - began

    found: dict[str, list[float]] = {"one": [], "all": [], "outside": []}
    for _ in range(2 * rounds):
        found["one"].append(seconds_on(1))
        found["all"].append(seconds_on(jit.n_threads()))
        moments.em_pieces = lambda *_: None
        found["outside"].append(seconds_on(jit.n_threads()))
        moments.em_pieces = kernel
    return {name: min(times) for name, times in found.items()}


def fit(n: int, k: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """CPU seconds and mean log-likelihood of whole fits of three data sets, ours and theirs."""
    import warnings

    from sklearn.mixture import GaussianMixture as Peer

    from xsift.mixture import GaussianMixture

    warnings.simplefilter("ignore")
    pairs = []
    GaussianMixture(2).fit(draw(5000, 2, seed=9)[0])  # compiles
    for seed in range(3):
        X, _, _ = draw(n, k, seed)
        pair = []
        for model in [
            GaussianMixture(k, random_state=seed, n_threads=1),
            Peer(k, random_state=seed),
        ]:
            began = time.process_time()
            model.fit(X)
            pair.append((time.process_time() - began, float(model.score(X))))
        pairs.append((pair[0], pair[1]))
    return pairs


def memory(n: int, kind: int) -> float:
    """Draw rows (0), and fit them complete (1) or incomplete (2); seconds of an iteration."""
    import warnings

    from xsift.mixture import GaussianMixture

    warnings.simplefilter("ignore")
    X = draw(n, 6, seed=0)[0]
    if kind == 2:
        make_incomplete(X, seed=1)
    GaussianMixture(2, max_iter=2).fit(X[:3000])  # compiles, and loads all libraries
    if kind == 0:
        return 0.0
    began: list[float] = []
    GaussianMixture(6, max_iter=3, callback=lambda *_: began.append(time.perf_counter())).fit(X)
    return (began[-1] - began[0]) / (len(began) - 1)


def main() -> int:
    """Run the benchmark, or one job of it in this process."""
    if sys.argv[1:2] and sys.argv[1] in JOBS:
        name, *numbers = sys.argv[1:]
        print(json.dumps(JOBS[name](*map(int, numbers))))
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a small size")
    arguments = parser.parse_args()
    try:
        print(run(arguments.smoke).text())
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


JOBS = {"iteration": iteration, "threads": threads, "fit": fit, "memory": memory}

if __name__ == "__main__":
    sys.exit(main())
