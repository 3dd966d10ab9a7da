"""Log-densities of the mixture's components, row by row, against scikit-learn.

The peer is what `GaussianMixture` itself computes in every E-step: `_estimate_log_prob` plus the
logarithms of the weights. One thread, CPU time, peers in turns in one process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.measure import Failed, Result, interleaved, output_of, run_job, seconds

FEATURES = 12
ALLOWED = 1e-9


def run(smoke: bool) -> Result:
    """Compare the two at several sizes."""
    sizes = [(2_000, 6)] if smoke else [(30_000, 6), (1_000_000, 6), (1_000_000, 20)]
    result = Result(
        f"Mixture log-densities: {FEATURES} features, full covariances, one thread",
        ["rows, clusters", "xsift", "scikit-learn", "ns per row", "time ratio", "difference"],
        figures={"cases": []},
    )
    for n, k in sizes:
        case = output_of(run_job("benchmarks.density", n, k, 3 if smoke else 5, threads=1))
        ours, theirs = case["cpu"]["xsift"], case["cpu"]["scikit-learn"]
        per_row = f"{ours / n * 1e9:,.0f}"
        ratio, off = theirs / ours, case["difference"]
        result.rows.append(
            [f"{n:,}, {k}", seconds(ours), seconds(theirs), per_row, f"{ratio:.1f}", f"{off:.0e}"]
        )
        result.figures["cases"].append({"n": n, "clusters": k, "ratio": ratio, **case})
        if not off <= ALLOWED:
            raise Failed(f"log-densities differ by {off:.1e} (relative): allowed is {ALLOWED:g}")
    return result


def _compare(n: int, k: int, rounds: int) -> dict[str, Any]:
    """Return CPU seconds of both and the largest relative difference."""
    import numpy as np
    from sklearn.mixture import GaussianMixture

    from xsift.mixture import Mixture

    rng = np.random.default_rng(42)
    X = rng.standard_normal((n, FEATURES))
    factors = np.tril(0.2 * rng.standard_normal((k, FEATURES, FEATURES))) + np.eye(FEATURES)
    mixture = Mixture(
        rng.dirichlet(np.full(k, 5.0)),
        rng.standard_normal((k, FEATURES)),
        factors @ factors.transpose(0, 2, 1),
    )
    peer = GaussianMixture(k)
    peer.weights_, peer.means_ = mixture.weights, mixture.means
    peer.covariances_ = mixture.covariances
    peer.precisions_cholesky_ = mixture.whitening.transpose(0, 2, 1)

    def theirs() -> np.ndarray:
        return peer._estimate_log_prob(X) + np.log(peer.weights_)

    want = theirs()
    difference = np.abs(mixture.log_joint(X) - want) / np.maximum(1, np.abs(want))
    cpu = interleaved({"xsift": lambda: mixture.log_joint(X), "scikit-learn": theirs}, rounds)
    return {"cpu": cpu, "difference": float(difference.max())}


if __name__ == "__main__":
    print(json.dumps(_compare(*map(int, sys.argv[1:]))))
