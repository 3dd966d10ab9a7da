"""HATS in, a crossmatch, classes, HATS out, with LSDB: it computes only what you ask for.

    python examples/lsdb_and_hats.py

Simulates a survey and an optical catalogue, and writes both as HATS, as you find them on the web.
The counterparts get classes: first those of one field, then all of them. All files go into a new
temporary folder.
"""

from pathlib import Path
from tempfile import mkdtemp

import lsdb
import numpy as np
import pandas as pd
import pyarrow as pa

import xsift
from xsift.simulate import simulate


def as_hats(table: pa.Table, folder: Path) -> None:
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)  # whole numbers stay so, beside nulls
    catalogue = lsdb.from_dataframe(frame, catalog_name=folder.name, margin_threshold=10)
    catalogue.write_catalog(folder, progress_bar=False)


def simulate_both(folder: Path) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    detections = simulate(1000, seed=1).detections
    ra, dec = detections["ra"].to_numpy(), detections["dec"].to_numpy()
    as_hats(detections, folder / "survey")
    optical = rng.random(len(ra)) < 0.5
    as_hats(
        pa.table(
            {
                "ra": ra[optical] + rng.normal(0, 0.2 / 3600, optical.sum()),
                "dec": dec[optical] + rng.normal(0, 0.2 / 3600, optical.sum()),
                "g_mag": rng.normal(17, 2, optical.sum()),
            }
        ),
        folder / "optical",
    )
    return float(ra[0]), float(dec[0])


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    ra, dec = simulate_both(folder)
    survey, optical = (lsdb.open_catalog(folder / name) for name in ("survey", "optical"))
    # The survey's columns keep their names, so that xsift knows them.
    counterparts = survey.crossmatch(
        optical,
        radius_arcsec=1,
        suffixes=("", "_optical"),
        suffix_method="overlapping_columns",
        log_changes=False,
    )
    classes = xsift.classify(counterparts, model="csc20", keep=["g_mag"])
    print(f"{len(classes.columns)} columns, of which p_qso is {classes.dtypes['p_qso']}")

    # One cone: only the partitions that it touches are read, matched and classified.
    field = classes.cone_search(ra, dec, radius_arcsec=5 * 3600).compute(progress_bar=False)
    print(f"{len(field)} counterparts with classes within 5 deg of the first detection")

    classes.write_catalog(folder / "classes", progress_bar=False)
    written = lsdb.open_catalog(folder / "classes").compute(progress_bar=False)
    bright = written[(written["group"] == "AGN") & (written["g_mag"] < 17)]
    print(f"{len(written)} counterparts with classes in HATS; {len(bright)} are AGN, G < 17")

    # Votes need all detections of a source, wherever they lie: in memory, where they fit.
    sources = xsift.vote_table(written).sources
    print(f"{sources.num_rows} sources, {sources['status'].to_pylist().count('unique')} unique")
    print(f"Larger than memory: xsift classify {folder}/survey --out classified --format hats")


if __name__ == "__main__":
    main()
