"""Rows of a table in parts, laid down by partitions, and gathered from all parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

from xsift.write.hats.plan import HIGHEST, Plan

__all__ = [
    "INDEX",
    "Batches",
    "Tables",
    "counted",
    "gathered",
    "in_one",
    "laid_down",
    "positions",
    "read_parts",
]

INDEX = "_healpix_29"
"""Column that each partition is sorted by: the HEALPix cell (nested) at order 29."""

Tables = Callable[[list[str] | None], Iterable[pa.Table]]
"""Gives the parts of a table, of the columns that are asked for (all where None), as often as it
is called."""

Batches = list[tuple[Path, dict[int, int]]]
"""Files of rows laid down by cells: in each, the number of the batch of a cell."""

_ROWS = 65_536
_OPTIONS = pyarrow.ipc.IpcWriteOptions(compression="lz4")


def in_one(table: pa.Table) -> Tables:
    """Return the parts of a table in memory, each of few rows: they are copied."""
    starts = range(0, max(table.num_rows, 1), _ROWS)
    return lambda columns: [_of(table.slice(start, _ROWS), columns) for start in starts]


def read_parts(paths: Sequence[Path]) -> Tables:
    """Return the parts of a table that lie in Parquet files of ours."""
    return lambda columns: (_of_file(path, columns) for path in paths)


def _of(table: pa.Table, columns: list[str] | None) -> pa.Table:
    return (
        table if columns is None else table.select([c for c in columns if c in table.schema.names])
    )


def _of_file(path: Path, columns: list[str] | None) -> pa.Table:
    with open(path, "rb") as file:  # a name with a colon would be read as an address
        parquet = pa.parquet.ParquetFile(file)
        names = parquet.schema_arrow.names
        return parquet.read(columns and [c for c in columns if c in names], use_threads=False)


def positions(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ra and dec (deg) of the rows that have a position, and which rows these are."""
    if not {"ra", "dec"} <= set(table.column_names):
        return np.empty(0), np.empty(0), np.zeros(table.num_rows, dtype=bool)
    ra, dec = (pc.fill_null(table[c], np.nan).to_numpy() for c in ("ra", "dec"))
    placed = np.isfinite(ra) & (np.abs(dec) <= 90)
    return ra[placed], dec[placed], placed


def counted(tables: Tables) -> tuple[int, np.ndarray]:
    """Count all rows, and those of each cell of the highest order."""
    from hats.pixel_math import spatial_index

    n_rows, histogram = 0, np.zeros(12 * 4**HIGHEST, dtype=np.int64)
    for table in tables(["ra", "dec"]):
        ra, dec, _ = positions(table)
        n_rows += table.num_rows
        if len(ra):
            cells = spatial_index.compute_spatial_index(ra, dec, HIGHEST)
            histogram += np.bincount(cells, minlength=len(histogram))
    return n_rows, histogram


def laid_down(tables: Tables, plan: Plan, scratch: Path) -> tuple[Batches, Batches, pa.Schema]:
    """Write the rows of each part by partitions, and those at their edges by what they touch."""
    from hats.pixel_math import spatial_index

    inside: Batches = []
    beside: Batches = []
    schema: pa.Schema | None = None
    for k, table in enumerate(tables(None)):
        ra, dec, placed = positions(table)
        if not len(ra):
            continue
        cells = np.asarray(spatial_index.compute_spatial_index(ra, dec), dtype=np.int64)
        order = np.argsort(cells, kind="stable")
        cells = cells[order]
        rows = _indexed(table.take(pa.array(np.flatnonzero(placed)[order])), cells)
        schema = schema or rows.schema
        rows = rows.cast(schema)
        for found, chosen, name in (
            (inside, plan.inside(cells), "in"),
            (beside, plan.beside(cells), "edge"),
        ):
            path = scratch / f"{name}-{k}.arrow"
            found.append((path, _write_batches(rows, *chosen, path)))
    assert schema is not None
    return inside, beside, schema


def _indexed(table: pa.Table, cells: np.ndarray) -> pa.Table:
    """Return the rows with their cells as the first column, and no text as a dictionary."""
    fields = [pa.field(INDEX, pa.int64(), metadata={"ucd": "pos.healpix"})]
    columns: list[Any] = [pa.array(cells)]
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name == INDEX:
            continue
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        said = {k: v for k, v in (field.metadata or {}).items() if not k.startswith(b"PARQUET:")}
        fields.append(pa.field(field.name, column.type, metadata=said or None))
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _write_batches(table: pa.Table, rows: np.ndarray, of: np.ndarray, path: Path) -> dict[int, int]:
    """Write some rows, one batch for each number in `of`, and return which batch is whose."""
    found, starts, n = np.unique(of, return_index=True, return_counts=True)
    with (
        open(path, "wb") as file,
        pyarrow.ipc.new_file(file, table.schema, options=_OPTIONS) as writer,
    ):
        for start, end in zip(starts, starts + n, strict=True):
            some = table.take(pa.array(rows[start:end])).combine_chunks()
            writer.write_batch(some.to_batches()[0])
    return {int(k): at for at, k in enumerate(found)}


def gathered(
    folder: Path, pixels: list[Any], batches: Batches, schema: pa.Schema
) -> dict[Any, int]:
    """Write a file for each cell that has rows; return how many each has."""
    from hats.io.file_io.file_io import get_parquet_write_table_kwargs
    from hats.io.paths import new_pixel_catalog_file

    counts: dict[Any, int] = {}
    options = get_parquet_write_table_kwargs(schema, write_table_kwargs={"compression": "zstd"})
    for k, pixel in enumerate(pixels):
        found = list(_batches(k, batches))
        if not found:
            continue
        table = pa.Table.from_batches(found)
        table = table.take(pa.array(np.argsort(table[INDEX].to_numpy(), kind="stable")))
        with open(new_pixel_catalog_file(folder, pixel), "wb") as file:
            pa.parquet.write_table(table, file, **options)
        counts[pixel] = table.num_rows
        del found, table
        pa.default_memory_pool().release_unused()
    return counts


def _batches(number: int, batches: Batches) -> Iterator[pa.RecordBatch]:
    for path, of in batches:
        if number in of:
            with open(path, "rb") as file, pyarrow.ipc.open_file(file) as reader:
                yield reader.get_batch(of[number])
