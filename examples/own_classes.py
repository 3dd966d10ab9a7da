"""Train other classes than the paper's ten.

    python examples/own_classes.py

Three classes: active galaxies, X-ray binaries and young stars. The example renames the labels of a
simulated survey, so that they look like a table of your own types. All files go into a new
temporary folder.
"""

import csv
from pathlib import Path
from tempfile import mkdtemp

import xsift
from xsift.classes import code_of, read_classes
from xsift.simulate import simulate
from xsift.write import write_table

CLASSES = """\
ambiguous = []

[[class]]
code = "active galaxy"
group = "extragalactic"

[[class]]
code = "binary"
group = "galactic"
title = "X-ray binary of any kind"

[[class]]
code = "young star"
group = "galactic"
"""
MINE = {
    **dict.fromkeys(["QSO", "AGN", "Sy1", "Sy2"], "active galaxy"),
    **dict.fromkeys(["HXB", "LXB", "XB*"], "binary"),
    **dict.fromkeys(["Y*O", "TT*", "Or*"], "young star"),
}


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    (folder / "classes.toml").write_text(CLASSES, encoding="utf-8")
    survey = simulate(1000, seed=3)
    write_table(survey.detections, folder / "table.parquet", "parquet", {})
    with open(folder / "known.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "label"])
        for known in survey.known.to_pylist():
            code = code_of(known["otype"])
            writer.writerow([known["name"], MINE.get(code, code)])

    classes = read_classes(folder / "classes.toml")
    print("Columns:", ", ".join(classes.columns))
    catalogue = xsift.run(folder / "table.parquet", folder / "known.csv", classes=classes)
    catalogue.write(folder / "own")
    trained = catalogue.record["model"]["class_counts"]
    said = catalogue.sources["class"].to_pylist()
    for c in classes.classes:
        print(f"{c.code:14} trained on {trained.get(c.code, 0):4}, given to {said.count(c.code):4}")
    print("Set aside:", catalogue.record["set_aside"])
    print(f"Files: {folder}")


if __name__ == "__main__":
    main()
