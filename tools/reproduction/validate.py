"""The paper's validation on the labelled CSC 2.1 table: split by detection, and by source.

Both are five folds, so that every labelled detection is classified once by a model that has not
seen its label. As in the paper, clusters are fitted to all detections, labelled or not.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.svm import LinearSVC
from tools.reproduction.measure import CODES, GROUP_OF, GROUPS, Rows, Tables, mean, quietly

from xsift import Catalogue, Settings, run, surveys
from xsift.classes import PAPER_CLASSES, code_of
from xsift.features import PaperScaler

TABLE = "csc21_labelled_train.parquet"
FOLDS, SEED = 5, 42


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What was said of each labelled detection, and of each source, by models that never saw it.

    Attributes
    ----------
    truth, said, svc : ndarray of str, shape (n,)
        Codes, of the detections that were scored.
    top : ndarray of shape (n,)
        Probability of the class.
    sources : dict of ndarray
        By column, of the sources: truth, n, soft, hard.
    """

    truth: np.ndarray
    said: np.ndarray
    svc: np.ndarray
    top: np.ndarray
    sources: dict[str, np.ndarray]


def verdicts(tables: Tables, by: str) -> Verdicts:
    """Classify each fifth of the labelled detections, or of their sources, in turn."""
    table = pq.read_table(tables.path(TABLE))
    label = np.array([code_of(x) for x in table["label10"].to_pylist()], dtype=object)
    source = table["source_group"].to_numpy()
    labelled = np.flatnonzero(label != np.array(None))
    y = label[labelled].astype(str)
    deal = StratifiedKFold if by == "detection" else StratifiedGroupKFold
    groups = source[labelled] if by == "source" else None
    folds = deal(FOLDS, shuffle=True, random_state=SEED).split(labelled, y, groups)
    n = len(label)
    said, svc, top = np.full(n, None, object), np.full(n, None, object), np.full(n, np.nan)
    votes: list[tuple[str, int, str, str]] = []
    for k, (train, test) in enumerate(folds):
        tables.step(f"validating by {by}, fold {k + 1} of {FOLDS}")
        held = labelled[test]
        result = _without(table, label, held)
        said[held] = np.array(result.detections["class"].to_pylist(), dtype=object)[held]
        p = np.column_stack([result.detections[c].to_numpy() for c in PAPER_CLASSES.columns])
        top[held] = p[held].max(axis=1)
        votes += _votes(result, label, source, held)
        svc[held] = _svc(table, label, labelled[train], held)
    scored = labelled[said[labelled] != np.array(None)]
    truth, n_votes, soft, hard = (np.array(column) for column in zip(*votes, strict=True))
    return Verdicts(
        label[scored].astype(str),
        said[scored].astype(str),
        svc[scored].astype(str),
        top[scored],
        {"truth": truth, "n": n_votes.astype(int), "soft": soft, "hard": hard},
    )


def _without(table: pa.Table, label: np.ndarray, held: np.ndarray) -> Catalogue:
    """Run the published method on the table, the labels of `held` taken away."""
    left = label.copy()
    left[held] = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fold.parquet"
        at = table.column_names.index("label10")
        pq.write_table(table.set_column(at, "label10", pa.array(list(left), pa.string())), path)
        settings = Settings(
            method="paper",
            features="without-newq",
            source_column="source_group",
            label_column="label10",
            seed=SEED,
        )
        return quietly(run, path, None, settings)


def _votes(
    result: Catalogue, label: np.ndarray, source: np.ndarray, held: np.ndarray
) -> list[tuple[str, int, str, str]]:
    """Return truth, number of detections and both votes of each source with a held-out detection.

    A source of two types has the one of its first held-out detection.
    """
    truth = {}
    for row in held:
        truth.setdefault(str(source[row]), label[row])  # names are text in every result
    columns = ("name", "n_detections", "class_soft", "class_hard")
    found = zip(*(result.sources[c].to_pylist() for c in columns), strict=True)
    return [(truth[s], n, soft, hard) for s, n, soft, hard in found if s in truth]


def _svc(table: pa.Table, label: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the verdicts of the paper's baseline: a linear SVM on the scaled features."""
    chosen = surveys.load("csc21").feature_set("without-newq")
    X = np.column_stack([table[f.name].to_numpy().astype(float) for f in chosen])
    Z = PaperScaler([f.scaling for f in chosen]).fit_transform(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 3,000 iterations are the paper's
        svc = LinearSVC(max_iter=3000, random_state=SEED).fit(Z[train], label[train].astype(str))
    return np.asarray(svc.predict(Z[held]), dtype=object)


def numbers(found: Verdicts) -> Rows:
    """Return accuracies, and recalls of the detections with a high probability."""
    sure = found.top > 0.7
    group, said, svc = (_groups(x) for x in (found.truth, found.said, found.svc))
    merged = np.isin(group, ("AGN", "Seyfert"))
    out = {
        "accuracy, four groups": accuracy_score(group, said),
        "balanced accuracy, four groups": balanced_accuracy_score(group, said),
        "accuracy, ten classes": accuracy_score(found.truth, found.said),
        "balanced accuracy, ten classes": balanced_accuracy_score(found.truth, found.said),
        "recall of AGN and Seyfert as one": mean(np.isin(said[merged], ("AGN", "Seyfert"))),
        "share with p > 0.7": mean(sure),
        "p > 0.7: accuracy": accuracy_score(group[sure], said[sure]),
        "p > 0.7: balanced accuracy": balanced_accuracy_score(group[sure], said[sure]),
        "linear SVC: accuracy": accuracy_score(group, svc),
        "linear SVC: balanced accuracy": balanced_accuracy_score(group, svc),
    }
    return {k: [float(v)] for k, v in out.items()}


def confusion(truth: np.ndarray, said: np.ndarray) -> Rows:
    """Return the groups' rows: of each, the shares that are taken for each."""
    group, verdict = _groups(truth), _groups(said)
    return {t: [mean(verdict[group == t] == s) for s in GROUPS] for t in GROUPS}


def recall(found: Verdicts) -> Rows:
    """Return the share of each class that is found."""
    shares = recall_score(found.truth, found.said, labels=CODES, average=None, zero_division=np.nan)
    return {c: [float(share)] for c, share in zip(CODES, shares, strict=True)}


def sources(found: Verdicts) -> Rows:
    """Return recalls of the groups by source, by number of detections that voted."""
    n, truth = found.sources["n"], _groups(found.sources["truth"])
    out = {}
    for few, mine in (("all", n > 0), ("exactly 2", n == 2), ("more than 2", n > 2)):
        for how in ("soft", "hard"):
            said = _groups(found.sources[how])[mine]
            recalls = recall_score(
                truth[mine], said, labels=GROUPS, average=None, zero_division=np.nan
            )
            right = accuracy_score(truth[mine], said)
            numbers = [mine.sum(), *recalls, right, np.mean(recalls)]
            out[f"{few}, {how} vote"] = [float(x) for x in numbers]
    return out


def measured(tables: Tables) -> dict[str, dict[str, Rows]]:
    """Return all of it, by section, then by split."""
    parts: dict[str, Callable[[Verdicts], Rows]] = {
        "validation": numbers,
        "confusion": lambda v: confusion(v.truth, v.said),
        "svc": lambda v: confusion(v.truth, v.svc),
        "recall": recall,
        "sources": sources,
    }
    both = {f"by {by}": verdicts(tables, by) for by in ("detection", "source")}
    return {key: {by: part(v) for by, v in both.items()} for key, part in parts.items()}


def _groups(codes: np.ndarray) -> np.ndarray:
    return np.array([GROUP_OF[c] for c in codes])
