"""What independent labels say of the published catalogue and of ours, from the project's root.

    python tools/independent_labels.py [FOLDER]

The labels are those of Yang et al. 2022 (MUWCLASS) and of Kumaran et al. 2023 in
csc20_detections.parquet, of sources that no model here was trained on: those without
`label10_best`, and without a detection that a labelled source shares. The catalogues are the
published one (detections voted again: unique and ambiguous sources) and those of the packaged
models csc20-paper and csc20, which were trained on this table's `label10_best`. Each comparison is
made on all sources that a catalogue classifies and on those that all three do.

Writes independent_labels.json into FOLDER, and prints its figures. The tables are not part of the
project; without them this says where it looked.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from figures import TABLE, work_out

from xsift import classify, vote_table
from xsift.classes import PAPER_CLASSES, code_of
from xsift.compare import NONE, load_mapping, translate
from xsift.compare.comparison import compare, read_ours
from xsift.write import write_table

LABELS = {"muwclass": "muwclass_class", "kumaran2023": "kumaran_class"}
FIGURES = ("accuracy", "balanced_accuracy", "kappa")


def held_out(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by label set and source name: its class, and whether a detection is complete."""
    columns = ["name", "label10_best", "detection_group", "has_12_features", *LABELS.values()]
    table = pq.read_table(path, columns=columns).to_pydict()
    rows = range(len(table["name"]))
    trained = {table["name"][i] for i in rows if table["label10_best"][i]}
    shared = {table["detection_group"][i] for i in rows if table["name"][i] in trained}
    trained |= {table["name"][i] for i in rows if table["detection_group"][i] in shared}
    found: dict[str, dict[str, dict[str, Any]]] = {mapping: {} for mapping in LABELS}
    for i in rows:
        for mapping, column in LABELS.items():
            if (name := table["name"][i]) not in trained and table[column][i]:
                said = found[mapping].setdefault(name, {"class": table[column][i], "whole": False})
                said["whole"] |= table["has_12_features"][i]
    return found


def catalogues(data: Path, folder: Path) -> dict[str, Path]:
    """Write the three catalogues into a folder each."""
    published = vote_table(data / "paper_detection_level.csv.gz")
    published.write(folder / "published", ())
    for model in ("csc20-paper", "csc20"):
        classify(data / TABLE, model).write(folder / model, ())
    return {name: folder / name for name in ("published", "csc20-paper", "csc20")}


def nameable(given: dict[str, dict[str, Any]], mapping: str) -> dict[str, dict[str, Any]]:
    """Return the sources of classes that all three catalogues can name: the paper's."""
    codes = [code_of(said["class"]) for said in given.values()]
    groups = translate(codes, load_mapping(mapping), PAPER_CLASSES, mapping).group
    return {name: said for (name, said), g in zip(given.items(), groups, strict=True) if g != NONE}


def compared(given: dict[str, dict[str, Any]], mapping: str, folder: Path, file: Path) -> Any:
    """Compare a catalogue with labels, by name; None where it classifies none of them."""
    rows = {"name": list(given), "class": [said["class"] for said in given.values()]}
    write_table(pa.table(rows), file, "csv", {})
    if not set(given) & set(read_ours(folder).table["name"].to_pylist()):
        return None
    found = compare(folder, file, mapping, "class", match="name").record
    return {key: found[key] for key in ("all", "comparable", "by_class")}


def results(data: Path) -> dict[str, Any]:
    """Compare every catalogue with every set of labels."""
    labels = held_out(data / TABLE)
    record: dict[str, Any] = {"table": TABLE, "labels": {}}
    with tempfile.TemporaryDirectory() as place:
        folders = catalogues(data, Path(place))
        names = {c: set(read_ours(f).table["name"].to_pylist()) for c, f in folders.items()}
        for mapping, held_out_sources in labels.items():
            given = nameable(held_out_sources, mapping)
            shared = {n: s for n, s in given.items() if all(n in found for found in names.values())}
            whole = {n: s for n, s in given.items() if s["whole"]}
            samples = {
                "own": given,
                "same": shared,
                "complete": whole,
                "incomplete": {n: s for n, s in given.items() if not s["whole"]},
            }
            record["labels"][mapping] = {
                "held_out_sources": len(held_out_sources),
                "catalogues": {
                    catalogue: {
                        sample: compared(chosen, mapping, folder, Path(place) / "labels.csv")
                        for sample, chosen in samples.items()
                    }
                    for catalogue, folder in folders.items()
                },
            }
    return record


def said(figure: dict[str, Any]) -> str:
    """Return a figure with its interval, as text."""
    if figure["n"] == 0:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f}-{figure['high']:.2f})"


def show(record: dict[str, Any]) -> None:
    """Print the figures on the same sources, then those of each catalogue's own."""
    titles = {
        "same": "the sources that all three classify",
        "own": "all that it classifies",
        "complete": "a detection has all features",
        "incomplete": "no detection has them",
    }
    for mapping, found in record["labels"].items():
        print(f"{mapping}: {found['held_out_sources']:,} sources held out")
        for sample, title in titles.items():
            print(f"  {title}")
            for name, catalogue in found["catalogues"].items():
                if catalogue[sample] is None:
                    continue
                f = catalogue[sample]["comparable"]
                recall = {g: said(r) for g, r in f["recall"].items() if r["n"]}
                print(
                    f"    {name:12} n {f['n']:4}  accuracy {said(f['accuracy'])}  recall "
                    + ", ".join(f"{g} {r} of {f['recall'][g]['n']}" for g, r in recall.items())
                )


if __name__ == "__main__":
    work_out("independent_labels", results, show, sys.argv[1:])
