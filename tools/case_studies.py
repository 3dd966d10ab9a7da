"""Known sources, and the known failures: the published catalogue beside ours, from the root.

    python tools/case_studies.py CASES [FOLDER]

CASES is a table of sources: name, object, is (a group, none, or nothing where it is not known).
For each: what the published catalogue says, and what the packaged models csc20-paper and csc20 say,
which were trained on csc20_detections.parquet. A verdict of a model that was trained on the source
is put in brackets, one of csc20 that knew it as another type than the ten classes in braces. Then
the soft young stars: sources of the group YSO with hard_hm and hard_hs of at most -0.5, and how
many of them are far from the Galactic plane.

Writes case_studies.json into FOLDER, and prints it.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord
from figures import TABLE, work_out
from independent_labels import catalogues

from xsift.classes import code_of, is_certain_other, named_classes
from xsift.compare.comparison import read_ours

SOFT = -0.5
HIGH = 10.0  # deg


def known(path: Path) -> tuple[set[str], set[str], dict[str, str]]:
    """Return the sources that trained, those that trained as another type, and all types."""
    columns = ["name", "label10_best", "detection_group", "simbad_main_type"]
    table = pq.read_table(path, columns=columns).to_pydict()
    rows = range(len(table["name"]))
    groups = {table["detection_group"][i] for i in rows if table["label10_best"][i]}
    trained = {table["name"][i] for i in rows if table["detection_group"][i] in groups}
    types = {table["name"][i]: t for i in rows if (t := table["simbad_main_type"][i])}
    wide = named_classes("wide")
    beside = set(wide.index_of_type) - set(wide.plain.codes)
    codes = {n: code_of(t) for n, t in types.items()}
    other = {n for n, c in codes.items() if c in beside or is_certain_other(c, wide)} - trained
    return trained, other, types


def cases(path: Path, folders: dict[str, Path], data: Path) -> list[dict[str, Any]]:
    """Return the verdict of each catalogue on each of the named sources."""
    trained, other, types = known(data / TABLE)
    found = {name: read_ours(folder) for name, folder in folders.items()}
    place = {c: {n: i for i, n in enumerate(o.table["name"].to_pylist())} for c, o in found.items()}
    rows = []
    for case in csv.DictReader(path.open(encoding="utf-8")):
        said: dict[str, Any] = {}
        for catalogue, ours in found.items():
            if (i := place[catalogue].get(case["name"])) is None:
                continue
            code = ours.table["class"][i].as_py()
            p = np.append(ours.p[i], ours.p_none[i])
            state = "held out"
            if catalogue != "published" and case["name"] in trained:
                state = "trained"
            elif catalogue == "csc20" and case["name"] in other:
                state = "trained as another type"
            said[catalogue] = {
                "class": code,
                "group": ours.group[i],
                "p": float(p.max()),
                "p_none": float(ours.p_none[i]),
                "detections": ours.table["n_detections"][i].as_py(),
                "state": state,
            }
        rows.append({**case, "simbad": types.get(case["name"]), "said": said})
    return rows


def soft_young_stars(folders: dict[str, Path], data: Path) -> dict[str, Any]:
    """Count soft sources called young stars, and what ours says of those of the paper."""
    trained, _, types = known(data / TABLE)
    table = pq.read_table(data / TABLE, columns=["name", "ra", "dec"]).to_pydict()
    sky = SkyCoord(table["ra"], table["dec"], unit="deg").galactic.b.deg
    latitude = dict(zip(table["name"], np.abs(sky).tolist(), strict=True))
    with (data / "paper_uniquely_classified.csv").open(encoding="utf-8") as file:
        published = [row for row in csv.DictReader(file) if row["agg_master_class"] == "YSO"]
    theirs = [r["name"] for r in published if is_soft(r["hard_hm"], r["hard_hs"])]
    high = [n for n in theirs if latitude[n] > HIGH]
    record: dict[str, Any] = {
        "published": {"soft": len(theirs), "high": len(high)},
        "types_at_high_latitude": dict(
            Counter(t for n in high if (t := types.get(n))).most_common()
        ),
    }
    for model in ("csc20-paper", "csc20"):
        sources = pq.read_table(folders[model] / "sources.parquet").to_pylist()
        ours = [
            s["name"]
            for s in sources
            if s["group"] == "YSO"
            and s["name"] not in trained
            and is_soft(s["hard_hm"], s["hard_hs"])
        ]
        group = {s["name"]: s["group"] for s in sources}
        again = Counter(group[n] for n in high if n in group and n not in trained)
        record[model] = {
            "soft": len(ours),
            "high": sum(latitude[n] > HIGH for n in ours),
            "says_of_the_published_at_high_latitude": dict(again.most_common()),
        }
    return record


def is_soft(hm: Any, hs: Any) -> bool:
    """Tell whether both hardness ratios are at most -0.5; a missing one says nothing."""
    return hm is not None and hs is not None and float(hm) <= SOFT and float(hs) <= SOFT


def show(record: dict[str, Any]) -> None:
    """Print the verdicts, then the counts."""
    marks = {"held out": "{}", "trained": "[{}]", "trained as another type": "{{{}}}"}
    names = ("published", "csc20-paper", "csc20")
    print(f"{'object':24} {'is':12} " + " ".join(f"{n:12}" for n in names))
    for case in record["cases"]:
        cells = []
        for name in names:
            said = case["said"].get(name)
            verdict = "-" if said is None else f"{said['class']} {said['p']:.2f}"
            cells.append(verdict if said is None else marks[said["state"]].format(verdict))
        row = f"{case['object']:24} {case['is'] or '?':12} " + " ".join(f"{c:12}" for c in cells)
        print(row.rstrip())
    print("\nsoft sources called young stars, and those at |b| > 10 deg")
    for name in names:
        found = record["soft"][name]
        print(f"  {name:12} {found['soft']:4} {found['high']:4}")
    print("what SIMBAD calls the published ones at |b| > 10 deg, where it calls them anything")
    print("  " + ", ".join(f"{t} {n}" for t, n in record["soft"]["types_at_high_latitude"].items()))
    print("what ours call them")
    for name in names[1:]:
        said = record["soft"][name]["says_of_the_published_at_high_latitude"]
        print(f"  {name:12} " + ", ".join(f"{group} {n}" for group, n in said.items()))


def results(data: Path) -> dict[str, Any]:
    """Return the verdicts on the cases, and on the soft young stars."""
    with tempfile.TemporaryDirectory() as place:
        folders = catalogues(data, Path(place))
        return {
            "cases": cases(Path(sys.argv[1]), folders, data),
            "soft": soft_young_stars(folders, data),
        }


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("case_studies: give a table of cases: name, object, is")
    work_out("case_studies", results, show, sys.argv[2:])
