"""The calibrated scorer against a random forest and gradient boosting: fit, and cost per row.

A simulated survey of the real table's size, eleven features, one thread, CPU time, peers in
turns in one process. The forest and the boosting are those of `xsift evaluate`. Rows lack what the
survey lacks, or a further 30 % at random: then they lack features in two thousand ways.
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
HIDDEN = {"as they are": 0.0, "30 % hidden": 0.3}


def run(smoke: bool) -> Result:
    """Time the fits and the scoring in one process, then take peak memories in their own."""
    sources, n, rounds = (1_000, 2_000, 1) if smoke else (5_000, 100_000, 3)
    timed = output_of(run_job("benchmarks.calibrated", "time", sources, n, rounds, threads=1))
    result = Result(
        f"Calibrated scoring: trained on {timed['trained']:,} detections, {n:,} rows scored, "
        "one thread",
        ["peer", "fit, CPU", *(f"{rows}: µs per row, ratio" for rows in HIDDEN)],
        figures={"trained": timed["trained"], "n": n, "rounds": rounds, "peers": {}},
    )
    for key, title in PEERS.items():
        cells, figures = [title, seconds(timed["fit"][key])], {"fit_s": timed["fit"][key]}
        for rows in HIDDEN:
            cpu = timed[rows][key]
            ratio = cpu / timed[rows]["xsift"]
            cells.append(f"{cpu / n * 1e6:,.1f}, {ratio:,.1f}")
            figures[rows] = {"cpu_s": cpu, "ratio": ratio}
        result.rows.append(cells)
        result.figures["peers"][key] = figures
    sizes = (n, 10 * n)
    peaks = {m: run_job("benchmarks.calibrated", "peak", sources, m).peak for m in sizes}
    per_row = (peaks[10 * n] - peaks[n]) / (9 * n)
    result.figures["peak_bytes"] = {str(m): peak for m, peak in peaks.items()}
    result.notes.append(
        f"peak memory with {10 * n:,} rows: {megabytes(peaks[10 * n])}, with {n:,}: "
        f"{megabytes(peaks[n])}, {per_row:,.0f} bytes a row: the features and the results"
    )
    return result


def _training(sources: int) -> Any:
    import numpy as np

    from xsift import surveys
    from xsift.classes import PAPER_CLASSES
    from xsift.features import derive
    from xsift.label import sort_labels
    from xsift.model.sample import Training
    from xsift.simulate import simulate

    drawn = simulate(sources, seed=1)
    survey, name = surveys.survey_of("csc21", "without-newq")
    features = derive(drawn.detections, survey, survey.feature_set(name))
    names = drawn.detections["name"].combine_chunks().dictionary_encode()
    source = np.asarray(names.indices)
    y = sort_labels(drawn.truth, PAPER_CLASSES).y
    X = features.values
    return Training(X, y, np.full(len(y), None), source), survey, name


def _time(sources: int, n: int, rounds: int) -> dict[str, Any]:
    import time

    from xsift import Settings
    from xsift.classes import PAPER_CLASSES
    from xsift.evaluate.baselines import Boosting, Forest
    from xsift.features import columns_that_close
    from xsift.model.calibrated_training import fit_calibrated_model

    training, survey, name = _training(sources)
    settings = Settings(method="calibrated")
    names = [f.name for f in survey.feature_set(name)]
    closure = columns_that_close(survey.closure, names)
    classes = (len(PAPER_CLASSES), PAPER_CLASSES.n_plain)
    fits = {
        "xsift": lambda: fit_calibrated_model(training, survey, name, PAPER_CLASSES, settings),
        "forest": lambda: Forest(*classes).fit(training, 0),
        "boosting": lambda: Boosting(*classes, closure).fit(training, 0),
    }
    fitted, fit = {}, {}
    for key, job in fits.items():
        begin = time.process_time()
        fitted[key] = job()
        fit[key] = time.process_time() - begin
    result = {"fit": fit, "trained": len(training.X)}
    for rows, share in HIDDEN.items():
        X = _rows(training.X, n, share)
        jobs = {key: lambda model=model, X=X: model.predict(X) for key, model in fitted.items()}
        result[rows] = interleaved(jobs, rounds)
    return result


def _rows(X: Any, n: int, hidden: float = 0.0) -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    X = X[rng.integers(0, len(X), n)]
    X[rng.random(X.shape) < hidden] = np.nan
    return X


def _peak(sources: int, n: int) -> None:
    from xsift.model import load_model
    from xsift.model.packaged import named_model

    model = load_model(named_model("csc21"))
    training, _, _ = _training(sources)
    model.predict(_rows(training.X, n))  # type: ignore[union-attr]


if __name__ == "__main__":
    job, *numbers = sys.argv[1:]
    if job == "time":
        print(json.dumps(_time(*map(int, numbers))))
    else:
        _peak(*map(int, numbers))
