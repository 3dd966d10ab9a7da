"""Classify a table with a packaged model, and choose sources from the result.

    python examples/classify_a_table.py [TABLE]

Without a table, one is simulated. The example prints sources that look like young stars: both votes
agree, from at least two detections, and the detections look like those of the training table. All
files go into a new temporary folder.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.compute as pc

import xsift
from xsift.classes import PAPER_CLASSES
from xsift.simulate import simulate
from xsift.write import write_table

YOUNG = {c.code: c.column for c in PAPER_CLASSES.classes if c.group == "YSO"}


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    truth: dict[str, str] = {}
    if len(sys.argv) > 1:
        table = Path(sys.argv[1])
    else:
        table = folder / "simulated.vot"
        survey = simulate(1000, seed=1)
        write_table(survey.detections, table, "votable", {"creator": table.name})
        truth = dict(zip(survey.detections["name"].to_pylist(), survey.truth, strict=True))
    catalogue = xsift.classify(table)
    catalogue.write(folder / "classified", formats=("parquet", "votable"))

    counts = catalogue.record["counts"]
    print(catalogue.record["model_choice"])
    print(f"{counts['scored']:,} of {counts['detections']:,} detections scored,", end=" ")
    print(f"{counts['sources']:,} sources")
    for note in catalogue.record["warnings"]:
        print("Warning:", note)

    sources = catalogue.sources
    # The probability of the group is the sum over its classes.
    p_young = sum(sources[column].to_numpy() for column in YOUNG.values())
    sources = sources.append_column("p_young", pa.array(p_young))
    wanted = (
        (pc.field("group") == "YSO")
        & (pc.field("status") == "unique")
        & (pc.field("n_detections") >= 2)
        & (pc.field("typicality") > 0.1)
    )
    chosen = sources.filter(wanted).sort_by([("p_young", "descending")])
    print(f"\n{chosen.num_rows} candidates for young stars; the first ones:")
    for row in chosen.slice(0, 5).to_pylist():
        detections = f"{row['n_detections']} detections"
        print(f"  {row['name']}  {detections}  p(YSO group) = {row['p_young']:.2f}")
    if chosen.num_rows:
        print(f"Expected purity, the mean of p: {pc.mean(chosen['p_young']).as_py():.2f}")
        print("It holds for a table like the training table: heed the warnings (docs/limits.md).")
    if truth and chosen.num_rows:
        right = sum(truth[name] in YOUNG for name in chosen["name"].to_pylist())
        print(f"In the simulation {right} of {chosen.num_rows} are young stars.")
    print(f"Files: {folder}")


if __name__ == "__main__":
    main()
