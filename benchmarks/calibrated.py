"""The calibrated scorer against a random forest and gradient boosting: fit, and cost per row.

A simulated survey of the real table's size, eleven features, one thread, CPU time, peers in
turns in one process. The forest and the boosting are those of `xsift evaluate`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.measure import Result, interleaved, megabytes, output_of, run_job, seconds

PEERS = {
    "xsift": "xsift calibrated",
    "forest": "scikit-learn RandomForestClassifier, 300 trees",
    "boosting": "scikit-learn HistGradientBoostingClassifier",
}


def run(smoke: bool) -> Result:
    """Time the fits and the scoring in one process, then take peak memories in their own."""
    sources, n, rounds = (1_000, 2_000, 1) if smoke else (5_000, 100_000, 3)
    timed = output_of(run_job("benchmarks.calibrated", "time", sources, n, rounds, threads=1))
    result = Result(
        f"Calibrated scoring: trained on {timed['trained']:,} detections, {n:,} rows scored, "
        "one thread",
        ["peer", "fit, CPU", "score, CPU", "µs per row", "time ratio"],
        figures={"trained": timed["trained"], "n": n, "rounds": rounds, "peers": {}},
    )
    for key, title in PEERS.items():
        cpu, fit = timed["cpu"][key], timed["fit"][key]
        ratio = cpu / timed["cpu"]["xsift"]
        cells = [title, seconds(fit), seconds(cpu), f"{cpu / n * 1e6:,.1f}", f"{ratio:,.1f}"]
        result.rows.append(cells)
        result.figures["peers"][key] = {"cpu_s": cpu, "fit_s": fit, "ratio": ratio}
    peaks = {m: run_job("benchmarks.calibrated", "peak", sources, m).peak for m in (n // 4, n)}
    per_row = (peaks[n] - peaks[n // 4]) / (n - n // 4)
    result.figures["peak_bytes"] = {str(m): peak for m, peak in peaks.items()}
    result.notes.append(
        f"peak memory with {n:,} rows: {megabytes(peaks[n])}, {per_row:,.0f} bytes a row: the "
        "features and the results"
    )
    return result


def _training(sources: int) -> Any:
    import numpy as np

    from xsift import surveys
    from xsift.classes import PAPER_CLASSES
    from xsift.evaluate.methods import Training
    from xsift.features import derive
    from xsift.label import sort_labels
    from xsift.simulate import simulate

    drawn = simulate(sources, seed=1)
    survey, name = surveys.survey_of("csc21", "csc11")
    features = derive(drawn.detections, survey, survey.feature_set(name))
    names = drawn.detections["name"].combine_chunks().dictionary_encode()
    source = np.asarray(names.indices)
    y = sort_labels(drawn.truth, PAPER_CLASSES).y
    X = features.values
    return Training(X, y, np.zeros(len(y), dtype=bool), source), survey, name


def _time(sources: int, n: int, rounds: int) -> dict[str, Any]:
    import time

    from xsift import Settings
    from xsift.classes import PAPER_CLASSES
    from xsift.evaluate.baselines import Boosting, Forest
    from xsift.model.training import fit_calibrated_model

    training, survey, name = _training(sources)
    settings = Settings(method="calibrated")
    names = tuple(f.name for f in survey.feature_set(name))
    fits = {
        "xsift": lambda: fit_calibrated_model(training, survey, name, PAPER_CLASSES, settings),
        "forest": lambda: Forest(len(PAPER_CLASSES)).fit(training, 0),
        "boosting": lambda: Boosting(len(PAPER_CLASSES), names).fit(training, 0),
    }
    fitted, fit = {}, {}
    for key, job in fits.items():
        begin = time.process_time()
        fitted[key] = job()
        fit[key] = time.process_time() - begin
    X = _rows(training.X, n)
    for model in fitted.values():
        model.predict(X[:200])
    jobs = {key: lambda model=model: model.predict(X) for key, model in fitted.items()}
    return {"cpu": interleaved(jobs, rounds), "fit": fit, "trained": len(training.X)}


def _rows(X: Any, n: int) -> Any:
    import numpy as np

    return X[np.random.default_rng(0).integers(0, len(X), n)]


def _peak(sources: int, n: int) -> None:
    from xsift.model import load_model
    from xsift.packaged import named_model

    model = load_model(named_model("csc11"))
    training, _, _ = _training(sources)
    model.predict(_rows(training.X, n))  # type: ignore[union-attr]


if __name__ == "__main__":
    job, *numbers = sys.argv[1:]
    if job == "time":
        print(json.dumps(_time(*map(int, numbers))))
    else:
        _peak(*map(int, numbers))
