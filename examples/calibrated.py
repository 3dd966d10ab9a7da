"""Probabilities that can be trusted: train, classify unseen sources, and check the promise.

    python examples/calibrated.py

The survey is simulated, so the truth is known. A promise of 0.8 is kept if 80 % of such detections
are right. On a real table `xsift evaluate` does this, on folds. All files go into a new temporary
folder.
"""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa

import xsift
from xsift.classes import PAPER_CLASSES
from xsift.simulate import simulate
from xsift.write import write_table


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    survey = simulate(2000, seed=7)
    names = np.array(survey.detections["name"].to_pylist())
    held_out = np.isin(names, np.unique(names)[1::2])  # every second source
    for part, rows in (("train", ~held_out), ("test", held_out)):
        table = survey.detections.filter(pa.array(rows))
        write_table(table, folder / f"{part}.parquet", "parquet", {"part": part})
    write_table(survey.known, folder / "known.csv", "csv", {})

    settings = xsift.Settings(seed=7)
    trained = xsift.run(folder / "train.parquet", folder / "known.csv", settings)
    trained.write(folder / "trained")
    unseen = xsift.classify(folder / "test.parquet", folder / "trained/model.asdf").detections

    p_group = group_probabilities(unseen)
    group_of = {c.code: c.group for c in PAPER_CLASSES.classes}
    truth = np.array([group_of.get(t, "") for t in survey.truth[held_out]])
    known = (truth != "") & ~np.isnan(p_group[:, 0])
    top = p_group[known].max(axis=1)
    is_right = np.array(PAPER_CLASSES.groups)[p_group[known].argmax(axis=1)] == truth[known]
    incomplete = int((np.array(unseen["n_missing"].to_pylist())[known] > 0).sum())
    print(f"{known.sum()} detections of unseen sources, {incomplete} of them incomplete")
    print("promised  right  detections")
    for low in np.arange(0.2, 1.0, 0.2):
        here = (top > low) & (top <= low + 0.2)
        if here.any():
            print(f"    {top[here].mean():.2f}   {is_right[here].mean():.2f}  {here.sum():10}")
    print(f"together: promised {top.mean():.2f}, right {is_right.mean():.2f}")
    print(f"Files: {folder}")


def group_probabilities(detections: pa.Table) -> np.ndarray:
    """Sum the classes of each group; without `p_none`, since the truth is a class."""
    p = np.column_stack([detections[c].to_numpy() for c in PAPER_CLASSES.columns])
    p /= p.sum(axis=1, keepdims=True)
    groups = np.array([c.group for c in PAPER_CLASSES.classes])
    return np.column_stack([p[:, groups == g].sum(axis=1) for g in PAPER_CLASSES.groups])


if __name__ == "__main__":
    main()
