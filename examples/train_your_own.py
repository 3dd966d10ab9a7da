"""Train on half of the known sources, classify the others, and count how many are right.

    python examples/train_your_own.py

The survey is simulated, so the truth is known. The same steps serve a real table: hold back whole
sources, never single detections, because the detections of a source are alike. All
files go into a new temporary folder.
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

    trained = xsift.run(folder / "train.parquet", folder / "known.csv", seed=7)
    trained.write(folder / "trained")
    print("Trained on", trained.record["model"]["class_counts"])
    for note in trained.record["warnings"]:
        print("Warning:", note)

    unseen = xsift.classify(folder / "test.parquet", folder / "trained/model.asdf")
    group_of = {c.code: c.group for c in PAPER_CLASSES.classes}
    truth = {n: group_of.get(t) for n, t in zip(names.tolist(), survey.truth, strict=True)}
    said = zip(unseen.sources["name"].to_pylist(), unseen.sources["group"].to_pylist(), strict=True)
    pairs = [(truth[name], group) for name, group in said if truth[name]]
    print(f"\n{len(pairs)} sources that the model has never seen:")
    recalls = []
    for group in PAPER_CLASSES.groups:
        found = [group == answer for true, answer in pairs if true == group]
        recalls.append(np.mean(found))
        print(f"  {group:8} {len(found):4} sources, {recalls[-1]:.2f} found")
    print(f"  balanced accuracy {np.mean(recalls):.2f}")
    print(f"Files: {folder}")


if __name__ == "__main__":
    main()
