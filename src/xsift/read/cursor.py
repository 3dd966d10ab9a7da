"""Rows of a Parquet file, some at a time, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from xsift.errors import TableError, XsiftWarning
from xsift.read import pages
from xsift.read.damage import refuse_damage
from xsift.read.footers import File
from xsift.read.limits import refuse_long_cells, text_bytes
from xsift.read.parquet import leaves_of, plain_cells, refuse_bomb, text_of, weighed
from xsift.read.places import Place, arrow_file, reached

__all__ = ["Cursor"]

_ROWS = 65_536
_PAGE = 1 << 28
_BLOCK = 1 << 30
_BUFFER = 1 << 20


class Cursor:
    """A place in a file: rows are read on from there, or from the row group that has them."""

    def __init__(self, file: File, schema: pa.Schema) -> None:
        self.file, self._schema = file, schema
        where = str(file.path)
        with reached(where), refuse_damage(where, "Parquet file"):
            self._file = _parquet_file(file.place)
            names = self._file.schema_arrow.names
            if set(names) != set(file.schema.names):
                raise TableError(f"{where}: has changed while it was read")
            self._names = [f.name for f in schema if f.name in names and _is_read(f)]
            leaves = leaves_of(self._file)
            self._leaves = [leaves[names.index(name)][0] for name in self._names]
            self._refuse_unsafe(where)
        self._at, self._left = 0, self._batches(0)
        self._rest: pa.Table | None = None

    def _refuse_unsafe(self, where: str) -> None:
        with self.file.place.open("rb") as stream:
            content = pages.FileContent(stream)
            weight = weighed(where, content, self._file, self._leaves, _PAGE)
        if None in weight:
            raise ValueError("a column has not as many values as rows")
        refuse_bomb(where, sum(w or 0 for w in weight), self.file.size)

    def _batches(self, group: int) -> Iterator[pa.RecordBatch]:
        groups = range(group, len(self.file.row_groups) if self._leaves else 0)
        return _batches(self._file.reader, groups, self._leaves)

    def read(self, start: int, n: int) -> pa.Table:
        """Read `n` rows from row `start` of the file on."""
        where = str(self.file.path)
        with reached(where), refuse_damage(where, "Parquet file"):
            self._seek(start)
            found: list[pa.Table] = []
            missing = n
            while missing and self._leaves:
                table = self._rest if self._rest is not None else self._next()
                taken = table.slice(0, missing)
                self._rest = table.slice(missing) if table.num_rows > missing else None
                found.append(taken)
                missing -= taken.num_rows
            self._at = start + n
            return self._plain(where, pa.concat_tables(found) if found else None, n)

    def _next(self) -> pa.Table:
        batch = next(self._left, None)
        if batch is None:
            raise ValueError(f"it declares {self.file.n_rows:,} rows and holds fewer")
        return pa.Table.from_batches([batch])

    def _seek(self, start: int) -> None:
        ends, total = [], 0
        for rows in self.file.row_groups:
            total += rows
            ends.append(total)
        group = next(g for g, end in enumerate(ends) if start < end)
        group_start = ends[group] - self.file.row_groups[group]
        if not group_start <= self._at <= start and self._at != start:
            self._left, self._rest, self._at = self._batches(group), None, group_start
        while self._at < start and self._leaves:
            table = self._rest if self._rest is not None else self._next()
            passed = min(start - self._at, table.num_rows)
            self._rest = table.slice(passed) if table.num_rows > passed else None
            self._at += passed

    def _plain(self, where: str, table: pa.Table | None, n: int) -> pa.Table:
        if table is not None:
            refuse_long_cells(table, where)
            n_bytes = table.nbytes + sum(text_bytes(column) for column in table.columns)
            if n_bytes > _BLOCK:
                raise TableError(
                    f"{where}: {n:,} rows take {n_bytes / 1024**3:.1f} GiB, and at most "
                    f"{_BLOCK // 1024**3} GiB are read at once: its cells are too long"
                )
        arrays: list[Any] = []
        for field in self._schema:
            if field.name in self._names and table is not None:
                cells = plain_cells(table.column(self._names.index(field.name)))
                arrays.append(cells.cast(field.type))
            else:
                arrays.append(pa.nulls(n, field.type))
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _batches(reader: Any, groups: range, leaves: list[int]) -> Iterator[pa.RecordBatch]:
    # A generator that knew its cursor would be a cycle: what was read would stay until Python
    # happens to look for such. One group at a time: a reader of several keeps what it has read.
    for at in groups:
        yield from reader.iter_batches(
            _ROWS, row_groups=[at], column_indices=leaves, use_threads=False
        )


def _is_read(field: pa.Field) -> bool:
    return not pa.types.is_null(field.type)


def _parquet_file(place: Place) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        first = pa.parquet.ParquetFile(arrow_file(place))
        return pa.parquet.ParquetFile(
            arrow_file(place),
            read_dictionary=text_of(first),
            metadata=first.metadata,
            buffer_size=_BUFFER,
            pre_buffer=False,  # else a reader keeps all that it has read
        )
