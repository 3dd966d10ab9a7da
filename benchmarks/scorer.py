"""The class scorer against the n x n form of the reference code, and against einsum.

One cluster, ten classes, twelve features, one thread, CPU time, peers in turns in one process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.measure import Failed, Result, interleaved, megabytes, output_of, run_job, seconds

CLASSES, FEATURES, MEMBERS = 10, 12, 60
ALLOWED = 1e-10
PEERS = {
    "xsift": "xsift PaperScorer",
    "einsum": "numpy einsum",
    "naive": "n x n product, its diagonal (reference code)",
}


def run(smoke: bool) -> Result:
    """Time the peers in one process, then take the peak memory of each in its own."""
    n, rounds = (1_000, 3) if smoke else (10_000, 5)
    timed = output_of(run_job("benchmarks.scorer", "time", n, rounds, threads=1))
    empty = run_job("benchmarks.scorer", "peak", n, "nothing", threads=1).peak
    result = Result(
        f"Class scoring: {n:,} rows of one cluster, {CLASSES} classes, {FEATURES} features, "
        "one thread",
        ["peer", "CPU time", "ns per row", "time ratio", "peak memory above the data"],
        figures={"n": n, "rounds": rounds, "largest_difference": timed["difference"], "peers": {}},
    )
    for key, title in PEERS.items():
        cpu = timed["cpu"][key]
        extra = run_job("benchmarks.scorer", "peak", n, key, threads=1).peak - empty
        ratio = cpu / timed["cpu"]["xsift"]
        result.rows.append(
            [title, seconds(cpu), f"{cpu / n * 1e9:,.0f}", f"{ratio:,.1f}", megabytes(extra)]
        )
        result.figures["peers"][key] = {"cpu_s": cpu, "ratio": ratio, "extra_bytes": extra}
    result.notes.append(f"largest difference of a probability: {timed['difference']:.1e}")
    if not timed["difference"] <= ALLOWED:
        raise Failed(f"probabilities differ by {timed['difference']:.1e}: allowed is {ALLOWED:g}")
    return result


def _time(n: int, rounds: int) -> dict[str, Any]:
    """Return the CPU seconds of each peer and the largest difference between their results."""
    import numpy as np

    peers = _peers(n)
    results = {key: peers[key]() for key in PEERS}
    differences = [np.abs(results[key] - results["xsift"]).max() for key in PEERS]
    cpu = interleaved({key: peers[key] for key in PEERS}, rounds)
    return {"cpu": cpu, "difference": float(np.max(differences))}


def _peers(n: int) -> dict[str, Any]:
    """Make the data and return the peers as calls without arguments."""
    import numpy as np

    from xsift.score import PaperScorer

    rng = np.random.default_rng(42)
    y = np.repeat(np.arange(CLASSES), MEMBERS)
    centres = 0.5 * rng.standard_normal((CLASSES, FEATURES))
    members = centres[y] + rng.standard_normal((len(y), FEATURES))
    scorer = PaperScorer.fit(members, np.zeros_like(y), y, (1, CLASSES))
    means, precisions = scorer.means[0], scorer.precisions[0]
    X = centres[rng.integers(0, CLASSES, n)] + rng.standard_normal((n, FEATURES))
    cluster = np.zeros(n, dtype=np.int64)

    def naive() -> np.ndarray:
        d2 = np.empty((n, CLASSES))
        for c in range(CLASSES):
            delta = X - means[c]
            d2[:, c] = (delta @ precisions[c] @ delta.T).diagonal()
        return softmin(d2)

    def einsum() -> np.ndarray:
        d2 = np.empty((n, CLASSES))
        for c in range(CLASSES):
            delta = X - means[c]
            d2[:, c] = np.einsum("ij,ij->i", delta @ precisions[c], delta)
        return softmin(d2)

    def softmin(d2: np.ndarray) -> np.ndarray:
        weight = np.exp(-np.abs(d2))
        return weight / weight.sum(axis=1, keepdims=True)

    scorer.predict_proba(X[:1], cluster[:1])  # compiles, so that "nothing" holds the compiler
    return {
        "xsift": lambda: scorer.predict_proba(X, cluster),
        "einsum": einsum,
        "naive": naive,
        "nothing": lambda: None,
    }


if __name__ == "__main__":
    job, size, last = sys.argv[1:]
    if job == "time":
        print(json.dumps(_time(int(size), int(last))))
    else:
        _peers(int(size))[last]()
