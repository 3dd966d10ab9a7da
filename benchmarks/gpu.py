"""The mixture engine on a GPU against its kernels on the CPU, and gmmx.

`python -m benchmarks.gpu [--smoke]`. Wall time of one EM iteration from the parameters that the
data were drawn from, all in one process: ratios hold for one machine alone. Where JAX has no GPU,
the same code runs on JAX's CPU, with fewer rows: that checks it, and says nothing about a GPU.

gmmx computes in float32; it is timed only where it is installed (the extra `bench`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks.engine import ALLOWED, draw, make_incomplete
from benchmarks.measure import Failed, Result, output_of, run_job, seconds

ROWS, COMPONENTS = 10_000_000, 20
WITHOUT_GPU = 1_000_000
SMOKE = 20_000, 3
STEPS = (4, 8, 16, 32, 64, 128)  # MiB: what `xsift.mixture.on_gpu` takes is one of them
_PEERS = {
    "threads_1": "CPU, one thread",
    "threads_all": "CPU, all threads",
    "jax": "JAX",
    "gmmx": "gmmx (float32)",
    "incomplete_threads_all": "incomplete: CPU, all threads",
    "incomplete_jax": "incomplete: JAX",
}


def run(smoke: bool, n: int = ROWS, k: int = COMPONENTS) -> Result:
    """Compare iterations; what else was measured stands in the notes."""
    if find_spec("jax") is None:
        return Result("EM iteration on a GPU: JAX is not installed", ["peer"])
    n, k = SMOKE if smoke else (n, k)
    case = output_of(run_job("benchmarks.gpu", "iteration", n, k, 3 if smoke else 5))
    n, times = case["n"], case["wall"]
    result = Result(
        f"EM iteration: {n:,} rows, K = {k}, 12 features; JAX on {case['device']}, "
        f"{case['threads']} threads",
        ["peer", "wall", "ns per row", "times one thread"],
        figures={"K": k, **case},
    )
    for peer, said in _PEERS.items():
        if peer in times:
            wall = times[peer]
            ratio = f"{times['threads_1'] / wall:.1f}"
            result.rows.append([said, seconds(wall), f"{wall / n * 1e9:.2f}", ratio])
    result.notes.append(
        f"the first visit of the rows, which lays them out and sends them: "
        f"{seconds(case['first'])}, incomplete {seconds(case['incomplete_first'])}, compilation "
        "included"
    )
    steps = ", ".join(f"{mib} MiB {ns:.2f}" for mib, ns in case["steps"].items())
    result.notes.append(f"ns per row by the size of a step: {steps}")
    result.notes += [f"largest difference of the parameters: {case['difference']:.1e}"]
    result.notes += [f"gmmx: {case['gmmx_failed']}"] if "gmmx_failed" in case else []
    if not case["difference"] <= ALLOWED:
        raise Failed(f"one iteration differs by {case['difference']:.1e}: {ALLOWED:g} allowed")
    return result


def iteration(n: int, k: int, rounds: int) -> dict[str, Any]:
    """Wall seconds of an iteration by each peer, and how far its results are apart."""
    import numpy as np

    from xsift.mixture import devices

    gpus, _ = devices._devices_of_jax()
    if not gpus:
        import jax

        gpus, n = jax.devices("cpu"), min(n, WITHOUT_GPU)
    X, means, covariances = draw(n, k, seed=0)
    start = np.full(k, 1 / k), means, covariances
    found: dict[str, Any] = {"n": n, "device": gpus[0].device_kind, "threads": _threads()}
    wall, off = {}, []
    for prefix in ("", "incomplete_"):
        if prefix:
            make_incomplete(X, seed=1)
        case = _Case(X, start)
        first = time.perf_counter()
        on_device = case.on_gpu(gpus[0])
        there = on_device()
        found[f"{prefix}first"] = time.perf_counter() - first
        wall[f"{prefix}jax"] = _least(on_device, rounds)
        if not prefix:
            found["steps"] = {mib: case.by_step(gpus[0], mib, rounds) / n * 1e9 for mib in STEPS}
            wall["threads_1"] = _least(case.on_cpu(1), min(rounds, 2))
            gmmx = _gmmx(X, start, rounds)
            found |= {"gmmx_failed": gmmx} if isinstance(gmmx, str) else {}
            wall |= {"gmmx": gmmx} if isinstance(gmmx, float) else {}
        here = case.on_cpu(_threads())
        off += [np.abs(a - b).max() for a, b in zip(here(), there, strict=True)]
        wall[f"{prefix}threads_all"] = _least(here, rounds)
        del case, on_device, here
    return {**found, "wall": wall, "difference": float(max(off))}


class _Case:
    """An iteration over rows, here and there."""

    def __init__(self, X: Any, start: tuple[Any, Any, Any]) -> None:
        from xsift.mixture.blocks import ArrayRows
        from xsift.mixture.moments import Parameters, survey

        weights, means, covariances = start
        self.rows = ArrayRows(X)
        self.frame = survey(self.rows, 1e-6)
        scale = self.frame.scale
        self.start = Parameters(
            weights, (means - self.frame.centre) / scale, covariances / (scale[:, None] * scale)
        )

    def on_gpu(self, gpu: Any) -> Callable[[], Any]:
        """Return an iteration there; its first call lays the rows out."""
        from xsift.mixture.moments import maximise
        from xsift.mixture.on_gpu import Expectation

        expect = Expectation(self.rows, self.frame, gpu)
        return lambda: maximise(expect(self.start), self.start, self.frame)

    def by_step(self, gpu: Any, mib: int, rounds: int) -> float:
        """Return the seconds of an iteration with steps of some MiB."""
        from xsift.mixture import on_gpu

        usual = on_gpu._STEP
        on_gpu._STEP = mib << 20
        try:
            call = self.on_gpu(gpu)
            call()
            return _least(call, rounds)
        finally:
            on_gpu._STEP = usual

    def on_cpu(self, n_threads: int) -> Callable[[], Any]:
        """Return an iteration by the kernels."""
        from xsift.mixture.em import iterate

        # One maximisation: what `iterate` does beside is the same for all.
        return lambda: (
            iterate(
                self.rows, self.start, self.frame, tol=0.0, max_iter=1, n_threads=n_threads
            ).parameters
        )


def _threads() -> int:
    from xsift.jit import n_threads

    return n_threads()


def _least(call: Callable[[], object], rounds: int) -> float:
    """Return the least wall seconds of some calls, after one that compiles."""
    call()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def _gmmx(X: Any, start: tuple[Any, Any, Any], rounds: int) -> float | str | None:
    """Return its seconds; why it failed; None where it is not installed."""
    if find_spec("gmmx") is None:
        return None
    import jax
    from gmmx import EMFitter, GaussianMixtureModelJax

    weights, means, covariances = start
    model = GaussianMixtureModelJax.from_squeezed(
        means=means, covariances=covariances, weights=weights
    )
    fitter = EMFitter(tol=0.0, max_iter=1)
    try:
        x = jax.numpy.asarray(X, dtype="float32")
        return _least(lambda: jax.block_until_ready(fitter.fit(x=x, gmm=model).gmm.means), rounds)
    except jax.errors.JaxRuntimeError as error:  # it takes kilobytes a row
        return str(error).splitlines()[0][:200]


def main() -> int:
    """Run the benchmark, or its job in this process."""
    if sys.argv[1:2] == ["iteration"]:
        print(json.dumps(iteration(*map(int, sys.argv[2:]))))
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a small size")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--components", type=int, default=COMPONENTS)
    arguments = parser.parse_args()
    try:
        result = run(arguments.smoke, arguments.rows, arguments.components)
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print(result.text())
    print(json.dumps(result.figures), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
