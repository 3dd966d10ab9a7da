"""Regenerate the models that come with xsift: `make models`, from the project's root.

csc12: the twelve-feature rows of csc20_detections.parquet, label `label10_best`.
csc11: csc21_labelled_train.parquet, label `label10`, sources `source_group`.
Both by the published method with its defaults. The tables are not part of the project; without
them this says where it looked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from xsift import Settings, run
from xsift.write import Staging, save_model_tree

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
MODELS = ROOT / "src" / "xsift" / "models"

TRAININGS = {
    "csc12": (
        "csc20_detections.parquet",
        Settings(features="csc12", label_column="label10_best"),
    ),
    "csc11": (
        "csc21_labelled_train.parquet",
        Settings(features="csc11", label_column="label10", source_column="source_group"),
    ),
}


def main() -> None:
    with Staging(MODELS) as staging:
        for name, (table, settings) in TRAININGS.items():
            if not (DATA / table).exists():
                sys.exit(f"{DATA / table} is not there: the models stay as they are")
            result = run(DATA / table, settings=settings)
            save_model_tree(result.model, staging.path(f"{name}.asdf"))
            print(
                f"{name}: {result.model.model_id}, trained on {result.record['counts']['trained']}"
            )
            for note in result.record["warnings"]:
                print(f"  {note}")


if __name__ == "__main__":
    main()
