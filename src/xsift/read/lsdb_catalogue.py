"""Catalogues of LSDB: what their columns are, and a small one in memory. LSDB is not imported."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from xsift.errors import TableError, first_line
from xsift.read.contents import digest_of
from xsift.read.layout import INDEX
from xsift.read.masks import hide_masked
from xsift.read.memory import InMemory, is_a
from xsift.read.parquet import is_simple, plain_cells, with_units
from xsift.read.source import Source

__all__ = [
    "MOST_ROWS",
    "computed",
    "empty_table",
    "is_lsdb_catalogue",
    "patient_with_pandas",
    "said_of",
    "table_of_frame",
]

MOST_ROWS = 20_000_000
"""Rows of the known objects of a catalogue that are held in memory."""

_AT_ONCE = 16


def is_lsdb_catalogue(table: object) -> bool:
    """Tell whether an input is a catalogue of LSDB."""
    return is_a(table, "lsdb.catalog.catalog", "Catalog")


def said_of(catalogue: Any, role: str = "") -> str:
    """Return what messages call a catalogue."""
    name = "".join(c if c.isprintable() else "?" for c in str(catalogue.name))[:80]
    return f"the LSDB catalogue {name}{role}"


def empty_table(catalogue: Any) -> pa.Table:
    """Return the columns of a catalogue without rows, with the units that its files declare.

    Columns whose cells hold several values are left out, and so is the one that HATS sorts by.
    """
    with patient_with_pandas():
        schema = pa.Schema.from_pandas(catalogue.meta, preserve_index=False)
    written = catalogue.hc_structure.original_schema
    declared: dict[str, pa.Field] = {}
    if written is not None:
        named = with_units(said_of(catalogue), written.empty_table())
        declared = {field.name: field for field in named.schema}
    fields = []
    for field in schema:
        if not is_simple(field.type) or field.name == INDEX:
            continue
        # Of a column of objects that is empty, Arrow knows no type: it can but be text.
        kind = pa.string() if pa.types.is_null(field.type) else field.type
        said = declared[field.name].metadata if field.name in declared else None
        fields.append(pa.field(field.name, kind, metadata=said))
    return pa.schema(fields).empty_table()


def table_of_frame(frame: Any, schema: pa.Schema) -> pa.Table:
    """Return the columns of a partition that `schema` has, null where missing.

    Threads call it: it leaves the filters of warnings, which are the process's, as they are.
    """
    import pandas as pd

    some = pd.DataFrame({name: frame[name] for name in schema.names}).reset_index(drop=True)
    table = pa.Table.from_pandas(some, schema=schema, preserve_index=False)
    columns = [plain_cells(column) for column in table.columns]
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return hide_masked(pa.Table.from_arrays(columns, schema=pa.schema(fields)))


def computed(catalogue: Any, columns: Sequence[str], role: str) -> InMemory:
    """Compute some columns of a catalogue of at most `MOST_ROWS` rows.

    Raises
    ------
    TableError
        If it has more rows, or cannot be computed.
    """
    import dask

    where = said_of(catalogue, role)
    schema = empty_table(catalogue).select(list(columns)).schema
    found, n_rows = [table_of_frame(catalogue.meta, schema)], 0
    try:
        partitions = catalogue[list(columns)].to_delayed()
        for start in range(0, len(partitions), _AT_ONCE):
            with patient_with_pandas():
                frames = dask.compute(*partitions[start : start + _AT_ONCE])
            found += [table_of_frame(frame, schema) for frame in frames]
            n_rows += sum(len(frame) for frame in frames)
            if n_rows > MOST_ROWS:
                break
    except Exception as error:  # whatever the user's own steps raise
        raise TableError(f"{where}: cannot be computed: {first_line(error)}") from error
    if n_rows > MOST_ROWS:
        raise TableError(
            f"{where}: more than {MOST_ROWS:,} rows, and known objects are held in memory: choose "
            "those that matter first, by a search or a crossmatch"
        )
    table = pa.concat_tables(found)
    return InMemory(table, Source(where, "memory", b"", digest_of(table)))


@contextmanager
def patient_with_pandas() -> Iterator[None]:
    """Take no notice of what nested-pandas uses that a later pandas will change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=_pandas_warning())
        yield


def _pandas_warning() -> type[Warning]:
    import pandas

    return getattr(pandas.errors, "Pandas4Warning", DeprecationWarning)
