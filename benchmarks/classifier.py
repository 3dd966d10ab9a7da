"""`CalibratedClassifier` beside scikit-learn's classifiers, on groups that none trained on.

A simulated survey, and the real tables where they lie beside the clone. Five folds by group: the
source of a detection, or the cell of the sky. The settings of the forest and of the boosting are
near those of `xsift evaluate`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, output_of, run_job

DATA = Path(__file__).resolve().parents[2] / "shared/data"
FOLDS = 5
SIMULATED = "simulated"
TABLES = {  # label, group, features
    "csc21_labelled_train": (
        "label10",
        "source_group",
        "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h var_ratio_h "
        "var_prob_s var_ratio_s",
    ),
    "xmm4_train": (
        "class_simbad",
        "sky_cell",
        "sc_hr1 sc_hr2 sc_hr3 sc_hr4 sc_ep_1_flux sc_ep_2_flux sc_ep_3_flux sc_ep_4_flux "
        "sc_ep_5_flux sc_ep_8_flux sc_ep_9_flux sc_ep_8_fmin sc_ep_8_fmax sc_extent",
    ),
    "csc20_muwclass_td2022_train": (
        "True_Class",
        "sky_cell",
        "Fs Fm Fh Fb P_intra P_inter Gmag BPmag RPmag Jmag Hmag Kmag W1mag W2mag W3mag Plx PM rgeo",
    ),
}
FIGURES = ("log-loss", "accuracy", "balanced accuracy", "balanced accuracy, p / share")


def run(smoke: bool) -> Result:
    """Judge every classifier on every table, each table in a process of its own."""
    sources, folds = (150, 2) if smoke else (1500, FOLDS)
    real = [] if smoke else [name for name in TABLES if (DATA / f"{name}.parquet").exists()]
    result = Result(
        "CalibratedClassifier: rows of groups that were not trained on",
        ["table", "classifier", *FIGURES, "CPU"],
        figures={"folds": folds, "tables": {}},
    )
    for table in [SIMULATED, *real]:
        judged = output_of(run_job("benchmarks.classifier", table, sources, folds))
        result.figures["tables"][table] = judged
        for name, found in judged.items():
            cells = [f"{found[figure]:.3f}" for figure in FIGURES]
            result.rows.append([table, name, *cells, f"{found['cpu_s']:.0f} s"])
    if not real and not smoke:
        result.notes.append(f"the real tables are not in {DATA.name}: simulated survey only")
    return result


def classifiers() -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    from xsift import CalibratedClassifier

    forest = RandomForestClassifier(300, min_samples_leaf=5, random_state=0)
    return {
        "CalibratedClassifier()": CalibratedClassifier(),
        "RandomForestClassifier(300, min_samples_leaf=5)": make_pipeline(
            SimpleImputer(strategy="median"), forest
        ),
        "HistGradientBoostingClassifier(), tuned": HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=30,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=0,
        ),
        "HistGradientBoostingClassifier()": HistGradientBoostingClassifier(random_state=0),
    }


def table_of(name: str, sources: int) -> tuple[Any, Any, Any]:
    """Return features, labels (None where unlabelled) and groups."""
    import numpy as np
    import pyarrow.parquet as pq

    if name == SIMULATED:
        from xsift import surveys
        from xsift.features import derive
        from xsift.simulate import simulate

        drawn, survey = simulate(sources, seed=1), surveys.load("csc21")
        X = derive(drawn.detections, survey, survey.feature_set("without-newq")).values
        group = np.unique(drawn.detections["name"].to_pylist(), return_inverse=True)[1]
        return X, np.array(drawn.truth, dtype=object), group
    label, group_column, features = TABLES[name]
    table = pq.read_table(DATA / f"{name}.parquet")
    X = np.column_stack([table[f].to_numpy() for f in features.split()])
    y = np.array(table[label].to_pylist(), dtype=object)
    return X, y, np.unique(table[group_column].to_pylist(), return_inverse=True)[1]


def closing(name: str) -> dict[str, Any]:
    """Return ours with the hardness ratios closed, where the table has three that close."""
    from xsift import CalibratedClassifier

    if name not in (SIMULATED, "csc21_labelled_train"):
        return {}
    features = ["hard_hm", "hard_hs", "hard_ms"]  # the first columns
    at = tuple(features.index(f) for f in ("hard_hm", "hard_ms", "hard_hs"))
    return {"CalibratedClassifier(closure=...)": CalibratedClassifier(closure=at)}


def judge(name: str, sources: int, folds: int) -> dict[str, dict[str, float]]:
    """Return the figures of each classifier: each fold by those that trained on the others."""
    import time

    import numpy as np
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
    from sklearn.model_selection import GroupKFold

    X, y, group = table_of(name, sources)
    known = np.array([label is not None for label in y])
    classes = np.unique(y[known])
    share = np.array([(y[known] == c).mean() for c in classes])
    out = {}
    for title, model in (closing(name) | classifiers()).items():
        p, begin = np.zeros((len(X), len(classes))), time.process_time()
        for train, test in GroupKFold(folds, shuffle=True, random_state=0).split(X, y, group):
            test = test[known[test]]
            if title.startswith("Calibrated"):  # learns from the unlabelled rows, too
                model.fit(X[train], y[train], groups=group[train])
            else:
                train = train[known[train]]
                model.fit(X[train], y[train].astype(str))
            found = np.searchsorted(classes, model.classes_.astype(object))
            p[np.ix_(test, found)] = model.predict_proba(X[test])
        p, truth = p[known], y[known].astype(str)
        chosen, balanced = (classes[q.argmax(axis=1)].astype(str) for q in (p, p / share))
        figures = (
            log_loss(truth, np.maximum(p, 1e-6), labels=classes.astype(str)),
            accuracy_score(truth, chosen),
            balanced_accuracy_score(truth, chosen),
            balanced_accuracy_score(truth, balanced),
        )
        out[title] = dict(zip(FIGURES, figures, strict=True))
        out[title]["cpu_s"] = time.process_time() - begin
        print(title, out[title], file=sys.stderr, flush=True)
    return out


if __name__ == "__main__":
    print(json.dumps(judge(sys.argv[1], *map(int, sys.argv[2:]))))
