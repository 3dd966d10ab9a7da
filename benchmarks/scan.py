"""The scan over K against scikit-learn: all fits of a number of components, and their criteria.

`python -m benchmarks.scan [--smoke] [--all]`. One thread and CPU time, peers in turns for each K.
Theirs is `fit`, `bic` and `aic` of ten seeds. Ours is `fit_restarts`, with the labels of all rows,
ICL and agreement. The silhouettes are told apart; theirs is one `silhouette_score`, times the
restarts. Without `--all` five K of 20 are timed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from benchmarks.engine import FEATURES, draw
from benchmarks.measure import Failed, Result, megabytes, output_of, run_job, seconds

ROWS, RESTARTS = 30_000, 10
DRAWN = (6, 20)
SOME = (1, 2, 6, 12, 20)


def run(smoke: bool, every: bool = False) -> Result:
    """Time the scans of data drawn from 6 and from 20 components; memory as a note."""
    n, restarts, drawn = (3_000, 3, (6,)) if smoke else (ROWS, RESTARTS, DRAWN)
    ks = (2, 4) if smoke else tuple(range(1, 21)) if every else SOME
    head = ["drawn from, K", "xsift", "scikit-learn", "ratio", "with silhouettes", "so", "ratio"]
    result = Result(
        f"Scan: {n:,} rows, {FEATURES} features, {restarts} restarts, one thread",
        [*head, "likelihood", "stopped"],
        figures={"scans": []},
    )
    for components in drawn:
        scan = [
            output_of(run_job("benchmarks.scan", "pair", n, components, k, restarts, threads=1))
            for k in ks
        ]
        for k, one in zip(ks, scan, strict=True):
            result.rows.append(_row(f"{components}, {k}", one))
        total: dict[str, Any] = {name: sum(one[name] for one in scan) for name in scan[0]}
        total["gain"] /= len(scan)  # the mean
        result.rows.append(_row(f"{components}, these {len(ks)}", total))
        result.figures["scans"].append({"drawn": components, "K": ks, "each": scan, "all": total})
    result.notes.append(
        "likelihood: the best mean log-likelihood of the restarts, ours less theirs; in the last "
        "line of each scan the mean over K"
    )
    if not (every or smoke):
        result.notes.append(f"{len(ks)} K of 1 to 20 are timed; --all of benchmarks.scan times all")
    base = run_job("benchmarks.scan", "memory", n, 0, threads=1).peak
    extra = run_job("benchmarks.scan", "memory", n, max(ks), threads=1).peak - base
    result.notes.append(f"extra memory of the {restarts} fits of K = {max(ks)}: {megabytes(extra)}")
    result.figures["memory"] = extra
    return result


def _row(name: str, one: dict[str, Any]) -> list[str]:
    ours, theirs = one["fits"], one["theirs"]
    whole, their_whole = ours + one["silhouettes"], theirs + one["their_silhouettes"]
    return [
        name,
        seconds(ours),
        seconds(theirs),
        f"{theirs / ours:.1f}",
        seconds(whole),
        seconds(their_whole),
        f"{their_whole / whole:.1f}",
        f"{one['gain']:+.4f}",
        f"{one['stopped']}",
    ]


def pair(n: int, components: int, k: int, restarts: int) -> dict[str, float]:
    """CPU seconds of fits and silhouettes, ours and theirs; the gain in likelihood."""
    import warnings

    import numpy as np
    from sklearn.metrics import silhouette_score
    from sklearn.mixture import GaussianMixture

    from xsift.mixture import choose_k

    warnings.simplefilter("ignore")
    X = draw(n, components, seed=0)[0]
    names = [f"f{j}" for j in range(X.shape[1])]
    choose_k.fit_restarts(X[:2000], 2, 2, 0, names)  # compiles
    apart, silhouettes = [0.0], choose_k.silhouettes

    def timed(*arguments: Any) -> Any:
        began = time.process_time()
        found = silhouettes(*arguments)
        apart.append(time.process_time() - began)
        return found

    choose_k.silhouettes = timed
    began = time.process_time()
    fits = choose_k.fit_restarts(X, k, restarts, 0, names)
    ours = time.process_time() - began
    bic = []
    began = time.process_time()
    for seed in range(restarts):
        peer = GaussianMixture(k, random_state=seed).fit(X)
        bic.append(peer.bic(X))
        peer.aic(X)
    theirs = time.process_time() - began
    labels = peer.predict(X)
    began = time.process_time()
    if k > 1:
        silhouette_score(X, labels)
    their_silhouettes = restarts * (time.process_time() - began)
    # The penalty is the same, so the difference of BIC is that of -2 log L.
    gain = (np.min(bic) - min(fit.bic for fit in fits)) / (2 * n)
    stopped = sum(fit.is_stopped for fit in fits)
    return {
        "fits": ours - sum(apart),
        "silhouettes": sum(apart),
        "theirs": theirs,
        "their_silhouettes": their_silhouettes,
        "gain": float(gain),
        "stopped": stopped,
    }


def memory(n: int, k: int) -> int:
    """Draw rows (0), and fit them."""
    from xsift.mixture.choose_k import fit_restarts

    X = draw(n, 6, seed=0)[0]
    names = [f"f{j}" for j in range(X.shape[1])]
    fit_restarts(X[:2000], 2, 2, 0, names)  # compiles, and loads all libraries
    if k:
        fit_restarts(X, k, RESTARTS, 0, names)
    return k


def main() -> int:
    """Run the benchmark, or one job of it in this process."""
    if sys.argv[1:2] and sys.argv[1] in JOBS:
        name, *numbers = sys.argv[1:]
        print(json.dumps(JOBS[name](*map(int, numbers))))
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a small size")
    parser.add_argument("--all", action="store_true", help="all K from 1 to 20")
    arguments = parser.parse_args()
    try:
        print(run(arguments.smoke, arguments.all).text())
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


JOBS: dict[str, Any] = {"pair": pair, "memory": memory}

if __name__ == "__main__":
    sys.exit(main())
