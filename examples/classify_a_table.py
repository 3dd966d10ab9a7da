"""Classify a table with a packaged model, and choose sources from the result.

    python examples/classify_a_table.py [TABLE]

Without a table, one is simulated. Writes the folder `classified` and prints the sources that look
like young stars: both votes agree, from two detections and more, and the detections look like
those that the model was trained on.
"""

import sys
from pathlib import Path

import pyarrow.compute as pc

import xsift
from xsift.simulate import simulate
from xsift.write import write_table


def simulated_table(path: Path) -> Path:
    write_table(simulate(1000, seed=1).detections, path, "votable", {"creator": path.name})
    return path


def main() -> None:
    table = sys.argv[1] if len(sys.argv) > 1 else simulated_table(Path("simulated.vot"))
    catalogue = xsift.classify(table)
    catalogue.write("classified", formats=("parquet", "votable"))

    counts = catalogue.record["counts"]
    print(catalogue.record["model_choice"])
    print(f"{counts['scored']:,} of {counts['detections']:,} detections scored,", end=" ")
    print(f"{counts['sources']:,} sources")

    sources = catalogue.sources
    wanted = (
        (pc.field("group") == "YSO")
        & (pc.field("status") == "unique")
        & (pc.field("n_detections") >= 2)
        & (pc.field("typicality") > 0.1)
    )
    chosen = sources.filter(wanted).sort_by([("p_yso", "descending")])
    print(f"\n{chosen.num_rows} candidates for young stars; the first ones:")
    for row in chosen.slice(0, 5).to_pylist():
        # The probability of the group is the sum over its classes.
        p = row["p_yso"] + row["p_ttau"] + row["p_orion_v"]
        print(f"  {row['name']}  {row['n_detections']} detections  p(YSO group) = {p:.2f}")
    print("\nThese probabilities are overconfident: a ranking, not a promise (docs/limits.md).")


if __name__ == "__main__":
    main()
