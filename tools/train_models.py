"""Regenerate the models that come with xsift: `make models`, from the project's root.

`python tools/train_models.py 4xmm` trains that one alone.

csc20: csc20_detections.parquet, label `label10_best`, twelve features. Types are those of
`simbad_main_type` but for `Star` and `**`, which the paper takes as ambiguous: most of them are
stars of which nothing else is known, and no few are young stars or accidental neighbours.
csc21: csc21_labelled_train.parquet, label `label10`, sources `source_group`, eleven features.
4xmm: xmm4_train.parquet, label `class_simbad`, the classes of the survey.
csc20-paper, csc21-paper: the same by the published method, with its defaults.

The first three are by the calibrated method, without what is true of these tables alone: the
mismatch of hardness ratios (in the second table two of them are the source's), and what missing
features say of the class (the first table was gathered from several, each of its own classes and
columns). They carry their own validation, in five folds by source; 4xmm by cells of the sky.
`digests.json` lists the SHA-256 of each file. The tables are not part of the project; without them
this says where it looked.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xsift import Settings, run
from xsift.classes import code_of
from xsift.model.file import save_model_tree
from xsift.pipeline.evaluate import evaluate
from xsift.settings import EvaluationSettings

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
MODELS = ROOT / "src" / "xsift" / "model" / "trained"

TRAININGS = {
    "csc20": (
        "csc20_detections.parquet",
        Settings(
            method="calibrated",
            closing="remove",
            missing="remove",
            features="all",
            label_column="label10_best",
            type_column="simbad_main_type",
        ),
    ),
    "csc21": (
        "csc21_labelled_train.parquet",
        Settings(
            method="calibrated",
            closing="remove",
            missing="remove",
            features="without-newq",
            label_column="label10",
            source_column="source_group",
        ),
    ),
    "4xmm": (
        "xmm4_train.parquet",
        Settings(survey="4xmm", missing="remove", label_column="class_simbad"),
    ),
    "csc20-paper": (
        "csc20_detections.parquet",
        Settings(method="paper", features="all", label_column="label10_best"),
    ),
    "csc21-paper": (
        "csc21_labelled_train.parquet",
        Settings(
            method="paper",
            features="without-newq",
            label_column="label10",
            source_column="source_group",
        ),
    ),
}
FOLD_BY = {"4xmm": "sky_cell"}
NO_TYPES = {"csc20": ("simbad_main_type", ("*", "**"))}
FIGURES = ("accuracy", "balanced_accuracy", "log_loss", "ece")


def main() -> None:
    digests = json.loads((MODELS / "digests.json").read_text("utf-8"))
    wanted = sys.argv[1:] or list(TRAININGS)
    # Into the package: the repository knows these files, and keeps the earlier ones.
    with tempfile.TemporaryDirectory(dir=MODELS) as beside:
        for name in wanted:
            table, settings = TRAININGS[name]
            if not (DATA / table).exists():
                sys.exit(f"{DATA / table} is not there: the models stay as they are")
            read = table_of(name)
            result = run(read, settings=settings)
            is_ours = settings.method == "calibrated"
            fold_by = FOLD_BY.get(name)
            figures = held_out(read, settings, fold_by) if is_ours else None
            about = result.model.training.model_copy(update={"input": table})
            model = result.model.model_copy(update={"evaluation": figures, "training": about})
            path = Path(beside) / f"{name}.asdf"
            save_model_tree(model, path)
            digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            print(f"{name}: {model.model_id}, trained on {result.record['counts']['trained']}")
            print(f"  {figures}")
            for note in result.record["warnings"]:
                print(f"  {note}")
        text = json.dumps(digests, indent=1, sort_keys=True) + "\n"
        (Path(beside) / "digests.json").write_text(text, "utf-8")
        for path in Path(beside).iterdir():
            path.replace(MODELS / path.name)


def table_of(name: str) -> Path | pa.Table:
    """Return the table that a model is trained on: a file, or without types that say little."""
    path = DATA / TRAININGS[name][0]
    if name not in NO_TYPES:
        return path
    column, left_out = NO_TYPES[name]
    table = pq.read_table(path)
    types = [None if t and code_of(t) in left_out else t for t in table[column].to_pylist()]
    at = table.column_names.index(column)
    return table.set_column(at, column, pa.array(types))


def held_out(table: Path | pa.Table, settings: Settings, fold_by: str | None) -> dict[str, float]:
    """Validate in five folds by source or by a column, and return the figures over the groups."""
    is_chandra = fold_by is None
    experiments = ("folds", "open", "faint") if is_chandra else ("folds",)
    with tempfile.TemporaryDirectory() as folder:
        chosen = EvaluationSettings(("calibrated",), experiments, fold_by=fold_by)
        record = evaluate(table, folder, settings=settings, evaluation=chosen)
    results = record["results"]
    found = figures_of(results["folds"]["calibrated"], "")
    if is_chandra:
        found |= figures_of(results["open"]["calibrated"], "open_")
        for counts, of_level in results["faint"]["calibrated"].items():
            found |= {f"counts_{counts}_{f}": value(of_level[f]) for f in FIGURES}
    return found


def figures_of(found: dict[str, Any], prefix: str) -> dict[str, float]:
    """Return the figures over the groups: by probabilities, and of the verdicts as written."""
    said = {}
    for what in ("detections", "sources"):
        groups = found[what]["groups"]
        said |= {f"{prefix}{what}_{f}": value(groups[f]) for f in FIGURES}
        for rule, written in groups["written"].items():
            for f in ("accuracy", "balanced_accuracy"):
                said[f"{prefix}{what}_written_{rule}_{f}"] = value(written[f])
        if "sets" in groups:
            said[f"{prefix}{what}_sets_coverage"] = value(groups["sets"]["coverage"])
            said[f"{prefix}{what}_sets_size"] = value(groups["sets"]["size"])
    return said


def value(figure: dict[str, Any]) -> float:
    """Return the value of a figure, to four decimals."""
    return round(float(figure["value"]), 4)


if __name__ == "__main__":
    main()
