"""A HATS collection: the files of a catalogue, and its margin beside it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from xsift.errors import need
from xsift.write.hats.plan import MARGIN, TOP, Plan
from xsift.write.hats.rows import INDEX, Tables, counted, gathered, laid_down
from xsift.write.staging import Staging

__all__ = ["PARTITION_ROWS", "Cut", "hats_names", "stage_hats", "write_hats"]

PARTITION_ROWS = 100_000
"""Most rows of a partition, but for a cell of the highest order, which may hold more."""

_COVERAGE = 6
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Cut:
    """What became of a table as HATS.

    Attributes
    ----------
    rows, without_position : int
        Rows that it holds, and those that have no place on the sky: HATS cannot hold them.
    partitions : int
    """

    rows: int
    without_position: int
    partitions: int

    def as_dict(self) -> dict[str, int]:
        """Return it for JSON."""
        return {**vars(self), "margin_arcsec": int(MARGIN)}


def hats_names(folder: Path) -> list[str]:
    """List what lies in the HATS tree of a folder, whoever wrote it.

    A file there is a part of a catalogue: it goes when another catalogue comes.
    """
    found = sorted(folder.glob("hats/**/*"))
    return [str(path.relative_to(folder)) for path in found if not path.is_dir()]


def stage_hats(
    staging: Staging, stem: str, tables: Tables, kind: str, said: Mapping[str, str]
) -> tuple[Cut, list[str]]:
    """Write a table as a HATS collection that will be ``hats/STEM``; return its files, too."""
    # Libraries take a name such as C:orion for an address, and a whole path for none.
    scratch = staging.scratch().absolute()
    for name in ("rows", "made"):
        (scratch / name).mkdir()
    made = scratch / "made"
    cut = write_hats(tables, made, stem, scratch / "rows", kind, said)
    files = sorted(path for path in made.rglob("*") if path.is_file())
    names = [f"hats/{stem}/{path.relative_to(made)}" for path in files]
    for path, name in zip(files, names, strict=True):
        path.replace(staging.path(name))
    shutil.rmtree(scratch)
    return cut, names


def write_hats(
    tables: Tables,
    folder: Path,
    name: str,
    scratch: Path,
    kind: str,
    said: Mapping[str, str],
    rows: int = PARTITION_ROWS,
) -> Cut:
    """Write a table as a HATS collection: LSDB opens its folder.

    Units, UCDs and descriptions stay in the fields of the Parquet files.

    Parameters
    ----------
    tables : callable
        The parts of the table, with ra and dec, deg.
    folder : Path
        Of the collection; nothing is written where no row has a position.
    name : str
        Of the catalogue in the collection, which is a folder.
    scratch : Path
        An empty folder, for files that are not needed afterwards.
    kind : {"object", "source"}
        As HATS has it: a source is a detection.
    said : mapping of str to str
        Properties: title, creator, ...
    rows : int
        Most rows of a partition.

    Raises
    ------
    MissingPackageError
        If hats is not installed.
    """
    need("hats", "cannot write HATS")
    n_rows, histogram = counted(tables)
    n_placed = int(histogram.sum())
    if not n_placed:
        return Cut(0, n_rows, 0)
    plan = Plan.of(histogram, rows)
    inside, beside, schema = laid_down(tables, plan, scratch)
    catalogue, margin = folder / name, folder / f"{name}_{MARGIN:g}arcs"
    common: dict[str, Any] = {"ra_column": "ra", "dec_column": "dec", **_plain(said)}
    counts = gathered(catalogue, plan.pixels, inside, schema)
    _complete(catalogue, kind, counts, schema, common, histogram)
    counts = gathered(margin, plan.around, beside, schema)
    more = {**common, "primary_catalog": name, "margin_threshold": MARGIN}
    _complete(margin, "margin", counts, schema, more)
    _write_collection(folder, name, margin.name, _plain(said))
    return Cut(n_placed, n_rows - n_placed, len(plan.pixels))


def _complete(
    folder: Path,
    kind: str,
    counts: Mapping[Any, int],
    schema: pa.Schema,
    said: Mapping[str, Any],
    histogram: np.ndarray | None = None,
) -> None:
    """Write what a catalogue has beside its partitions; of one with a histogram its coverage."""
    from hats.catalog import PartitionInfo, TableProperties
    from hats.io import file_io, paths, write_parquet_metadata
    from hats.io.skymap import write_skymap

    info, more = PartitionInfo(list(counts)), {}
    if counts:
        write_parquet_metadata(folder, create_per_partition_stats=True)
        more["hats_order"] = info.get_highest_order()
    else:  # a margin without rows
        paths.get_common_metadata_pointer(folder).parent.mkdir(parents=True)
        for path in (paths.get_common_metadata_pointer, paths.get_parquet_metadata_pointer):
            pa.parquet.write_metadata(schema, str(path(folder)))
    info.write_to_file(folder / "partition_info.csv")
    if histogram is not None:
        coverage = histogram.reshape(12 * 4**_COVERAGE, -1).sum(axis=1)
        file_io.write_fits_image(coverage, paths.get_point_map_file_pointer(folder))
        write_skymap(coverage, folder)
        more["skymap_order"] = _COVERAGE
        more["moc_sky_fraction"] = float(f"{info.calculate_fractional_coverage():.5g}")
    TableProperties(
        catalog_name=folder.name,
        catalog_type=kind,
        total_rows=sum(counts.values()),
        healpix_column=INDEX,
        healpix_order=TOP,
        hats_max_rows=max(counts.values(), default=0),
        **_made_by(),
        **more,
        **said,
    ).to_properties_file(folder)


def _write_collection(folder: Path, name: str, margin: str, said: Mapping[str, str]) -> None:
    from hats.catalog.catalog_collection import CollectionProperties

    CollectionProperties(
        name=name,
        hats_primary_table_url=name,
        all_margins=[margin],
        default_margin=margin,
        **_made_by(),
        **said,
    ).to_properties_file(folder)


def _made_by() -> dict[str, str]:
    from importlib.metadata import version

    from xsift import __version__

    return {
        "hats_builder": f"xsift v{__version__}, hats v{version('hats')}",
        "hats_version": "v1.0",
    }


def _plain(said: Mapping[str, str]) -> dict[str, str]:
    """Return properties that stay one line of text each."""
    # A backslash begins an escape in a file of properties, or carries the value into the next line.
    return {
        key: " ".join(_NOT_TEXT.sub("", value).split()).replace("\\", "\\\\")
        for key, value in said.items()
        if value
    }
