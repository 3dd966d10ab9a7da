"""Where the two methods fail on known sources that they were not trained on, from the root.

    python tools/out_of_fold.py [FOLDER]

Five folds of the sources of csc20_detections.parquet that have all twelve features: each fold's
labels (`label10_best`) are hidden, both methods are trained on the others, and say what the fold
is. Sources that share a detection stay together. Then the detections of known active galaxies are
counted by their hardness, and those of X-ray binaries by where they are.

Writes out_of_fold.json into FOLDER, and prints its figures: two to four minutes.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord
from figures import TABLE, work_out
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xsift import Settings, run, surveys
from xsift.classes import PAPER_CLASSES, code_of
from xsift.compare import share

FOLDS = 5
HARDNESS = (-1.01, -0.3, 0.0, 0.3, 1.01)
SMC = SkyCoord(13.2, -72.8, unit="deg")


def labelled_table(path: Path) -> pa.Table:
    """Read the complete detections: keys, features, label, and which share a detection."""
    features = [f.name for f in surveys.load("csc20").features]
    columns = ["name", "obsid", "obi", "ra", "dec", *features, "label10_best", "detection_group"]
    table = pq.read_table(path, columns=[*columns, "has_12_features"])
    return table.filter(table["has_12_features"]).select(columns)


def fold_of(table: pa.Table, seed: int = 42) -> np.ndarray:
    """Put every detection into a fold, sources that share a detection into the same one."""
    _, name = np.unique(table["name"].to_pylist(), return_inverse=True)
    _, group = np.unique(table["detection_group"].to_numpy(), return_inverse=True)
    n = name.max() + group.max() + 2
    links = coo_array((np.ones(len(name)), (name, name.max() + 1 + group)), shape=(n, n))
    n_units, unit = connected_components(links, directed=False)
    folds = np.random.default_rng(seed).permutation(n_units) % FOLDS
    return folds[unit[name]]


def predictions(table: pa.Table, method: str, folder: Path) -> np.ndarray:
    """Return the group of each detection, by a model that has not seen its label."""
    fold, labels = fold_of(table), np.array(table["label10_best"].to_pylist(), dtype=object)
    said = np.full(len(fold), None, dtype=object)
    for k in range(FOLDS):
        seen = pa.array(np.where(fold == k, None, labels).tolist(), type=pa.string())
        pq.write_table(table.append_column("seen", seen), folder / "fold.parquet")
        settings = Settings(method=method, label_column="seen", features="all")
        found = run(folder / "fold.parquet", settings=settings).detections
        said[fold == k] = np.array(found["group"].to_pylist(), dtype=object)[fold == k]
    return said


def results(data: Path) -> dict[str, Any]:
    """Count by hardness and by place, for both methods."""
    table = labelled_table(data / TABLE)
    group_of = {c.code: c.group for c in PAPER_CLASSES.classes}
    truth = np.array([group_of.get(code_of(x)) for x in table["label10_best"].to_pylist()])
    sky = SkyCoord(table["ra"].to_numpy(), table["dec"].to_numpy(), unit="deg")
    is_smc = sky.separation(SMC).deg < 3
    in_plane = np.abs(sky.galactic.b.deg) < 10
    hs, names = table["hard_hs"].to_numpy(), np.array(table["name"].to_pylist())
    record: dict[str, Any] = {"table": TABLE, "folds": FOLDS, "methods": {}}
    with tempfile.TemporaryDirectory() as place:
        for method in ("paper", "calibrated"):
            said = predictions(table, method, Path(place))
            agn, xb = np.isin(truth, ["AGN", "Seyfert"]), truth == "XB"
            parts = {
                f"active galaxies, hard_hs {low:.1f} to {high:.1f}": agn & (hs > low) & (hs <= high)
                for low, high in pairwise(HARDNESS)
            }
            parts["X-ray binaries, Small Magellanic Cloud"] = xb & is_smc
            parts["X-ray binaries, |b| below 10 deg"] = xb & ~is_smc & in_plane
            parts["X-ray binaries, elsewhere"] = xb & ~is_smc & ~in_plane
            record["methods"][method] = {
                part: counted(rows, said, ("AGN", "Seyfert") if agn[rows].all() else ("XB",), names)
                for part, rows in parts.items()
            }
    return record


def counted(
    rows: np.ndarray, said: np.ndarray, right: tuple[str, ...], names: np.ndarray
) -> dict[str, Any]:
    """Count detections, sources, and what they are said to be."""
    groups, n = np.unique(said[rows].astype(str), return_counts=True)
    recall = share(int(np.isin(said[rows], right).sum()), int(rows.sum()))
    by_group = dict(zip(groups.tolist(), n.tolist(), strict=True))
    return {"sources": len(set(names[rows])), "recall": recall, "said": by_group}


def show(record: dict[str, Any]) -> None:
    """Print recall by part, both methods beside each other."""
    methods = record["methods"]
    for part, found in methods["paper"].items():
        figures = [f"{m} {f[part]['recall']['value']:.2f}" for m, f in methods.items()]
        n = f"{found['recall']['n']:,} detections of {found['sources']:,} sources"
        print(f"{part}: {', '.join(figures)} ({n})")


if __name__ == "__main__":
    work_out("out_of_fold", results, show, sys.argv[1:])
