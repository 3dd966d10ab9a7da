"""Parquet tables, with the masks and units that astropy and VOParquet write into them."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from xsift.errors import TableError, XsiftWarning
from xsift.read.damage import refuse_damage
from xsift.read.declared import columns_of_votable, columns_of_yaml
from xsift.read.limits import refuse_long_cells, text_bytes
from xsift.read.masks import hide_masked
from xsift.read.pages import packed
from xsift.read.source import MAX_BYTES, Source
from xsift.read.unreadable import unreadable

__all__ = ["column_names", "read_parquet", "with_units"]

# No table packs better than this; a bomb does. What fits into memory anyway is let through.
_RATIO, _FREE = 200, 1 << 28


def read_parquet(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table; of the columns, those in `columns` that it has (all where None).

    A cell is null where astropy's ``NAME.mask`` says so. A field's metadata ``unit`` is the
    field's own, or else what the file's header by astropy or VOParquet declares. Lists of one
    number are numbers; other lists and structures are left unread.

    Raises
    ------
    TableError
        If the file is damaged, cut off or encrypted, or expands to more than a table does.
    """
    if source.content.startswith(b"PARE"):
        raise TableError(f"{source.path}: an encrypted Parquet file: decrypt it")
    with refuse_damage(source.path, "Parquet file"):
        file = _open(source)
        table = _read(source, file, _wanted(file, columns))
    return with_units(source.path, hide_masked(table))


def column_names(source: Source) -> list[str]:
    """List the columns of a Parquet file, without reading them."""
    if source.content.startswith(b"PARE"):
        raise TableError(f"{source.path}: an encrypted Parquet file: decrypt it")
    with refuse_damage(source.path, "Parquet file"):
        return list(pa.parquet.read_schema(pa.BufferReader(source.content)).names)


def _open(source: Source) -> pa.parquet.ParquetFile:
    first = pa.parquet.ParquetFile(pa.BufferReader(source.content))
    # Text is read as a dictionary: a few bytes of file can stand for gigabytes of equal cells.
    text = {
        first.schema.column(i).path
        for i in range(len(first.schema))
        if first.schema.column(i).physical_type == "BYTE_ARRAY"
    }
    return pa.parquet.ParquetFile(
        pa.BufferReader(source.content), read_dictionary=sorted(text), metadata=first.metadata
    )


def _wanted(file: pa.parquet.ParquetFile, columns: list[str] | None) -> list[int]:
    """Return the places of the fields to read."""
    names = file.schema_arrow.names
    if columns is None:
        return list(range(len(names)))
    wanted = {c.casefold() for c in columns}
    found = {n for n in names if {n.strip().casefold(), _bare(n)} & wanted}
    found |= {f"{name}.mask" for name in found}
    return [at for at, name in enumerate(names) if name in found]


def _bare(name: str) -> str:
    """Return a name such as ``bb_kt [keV]`` without its unit."""
    return re.split(r"[\[(]", name)[0].strip().casefold()


def _leaves(file: pa.parquet.ParquetFile) -> list[range]:
    """Return the leaf columns of each field."""
    found, at = [], 0
    for field in file.schema_arrow:
        found.append(range(at, at := at + _n_leaves(field.type)))
    if at != len(file.schema):
        raise ValueError("its two schemas disagree")
    return found


def _n_leaves(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _n_leaves(kind.storage_type)
    if not pa.types.is_nested(kind):
        return 1
    return sum(_n_leaves(kind.field(i).type) for i in range(kind.num_fields))


def _readable(source: Source, file: pa.parquet.ParquetFile, wanted: list[int]) -> list[int]:
    """Return the fields whose cells hold one value each, after weighing what they expand to.

    Raises
    ------
    TableError
        If they expand to more than a table of this size does.
    """
    leaves = _leaves(file)
    simple = [at for at in wanted if _is_simple(file.schema_arrow.field(at).type)]
    found = packed(source.content, [leaves[at][0] for at in simple])
    readable, n_bytes = [], 0
    for at, parts in zip(simple, found, strict=True):
        name, leaf = file.schema_arrow.names[at], file.schema.column(leaves[at][0])
        if any(p.repeats_prefixes for p in parts):
            raise TableError(
                f"{source.path}: column {name[:40]} is packed as DELTA_BYTE_ARRAY, which expands "
                "without limit: write it as plain or dictionary text"
            )
        if any(p.n_values != p.n_rows for p in parts):
            if leaf.max_repetition_level:
                continue  # lists of several
            raise ValueError(f"column {name[:40]} has not as many values as rows")
        readable.append(at)
        # Numbers take 8 bytes; a text 4, and its dictionary what the pages hold.
        size = sum(p.n_rows for p in parts) * max(8, leaf.length or 0)
        n_bytes += max(size, sum(p.n_bytes for p in parts))
    _refuse_bomb(source, n_bytes)
    return readable


def _refuse_bomb(source: Source, n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        raise TableError(
            f"{source.path}: its columns take {n_bytes / 1024**3:.1f} GiB, more than "
            f"{MAX_BYTES // 1024**3} GiB: split it"
        )
    if n_bytes > _FREE and n_bytes > _RATIO * len(source.content):
        raise TableError(
            f"{source.path}: expands to more than {_RATIO} times its size: refused as unsafe"
        )


def _read(source: Source, file: pa.parquet.ParquetFile, wanted: list[int]) -> pa.Table:
    readable, leaves, schema = _readable(source, file, wanted), _leaves(file), file.schema_arrow
    # Not by name: two columns may be called the same. Not by threads: Arrow's would still run
    # where a refused table ends the process at once.
    read = file.reader.read_all(
        column_indices=[leaves[at][0] for at in readable], use_threads=False
    )
    n = file.metadata.num_rows
    if readable and read.num_rows != n:
        raise ValueError(f"it declares {n:,} rows and holds {read.num_rows:,}")
    refuse_long_cells(read, source.path)
    _refuse_bomb(source, read.nbytes + sum(text_bytes(column) for column in read.columns))
    fields, arrays = [], []
    for at in wanted:
        field = schema.field(at)
        if at in readable:
            array = _plain(read.column(readable.index(at)))
            field = field.with_type(array.type).with_nullable(True)
        else:
            what = "lists of several values" if _is_list(field.type) else "structures"
            field, array = unreadable(field.name, n, what)
        fields.append(field)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, schema.metadata))


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _is_simple(kind: pa.DataType) -> bool:
    """Tell whether a cell is one value, or a list of such."""
    return not pa.types.is_nested(kind.value_type if _is_list(kind) else kind)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return one value a cell: not in a list, not as a dictionary, not of a kind of its own."""
    if isinstance(column.type, pa.BaseExtensionType):
        storage = column.type.storage_type
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], storage)
    if pa.types.is_nested(column.type):
        chunks = [_only_values(chunk) for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.field(0).type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def _only_values(lists: pa.Array) -> pa.Array:
    """Return the only value of each list, null where there is none."""
    there = pc.equal(pc.fill_null(pc.list_value_length(lists), 0), 1).to_numpy(False)
    places = np.where(there, np.cumsum(there) - 1, 0)
    return pc.list_flatten(lists).take(pa.array(places, mask=~there))


def with_units(where: str, table: pa.Table) -> pa.Table:
    """Give each field the unit that is declared for it, its own before the header's."""
    said = table.schema.metadata or {}
    declared: list[dict[str, str]] = []
    if yaml := said.get(b"table_meta_yaml"):
        declared.append(_units(columns_of_yaml(where, yaml.decode("utf-8", "replace"))))
    if votable := said.get(b"IVOA.VOTable-Parquet.content"):
        declared.append(_units(columns_of_votable(where, votable)))
    fields = []
    for field in table.schema:
        own = (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace").strip()
        units = [u for u in (own, *(d.get(field.name, "") for d in declared)) if u]
        other = next((u for u in units if not _is_same(u, units[0])), None)
        if other is not None:
            warnings.warn(
                f"{where}: column {field.name[:40]} is declared in {units[0][:40]!r} and in "
                f"{other[:40]!r}: taken as {units[0][:40]!r}",
                XsiftWarning,
                stacklevel=4,
            )
        if units and not own:
            field = field.with_metadata({**(field.metadata or {}), b"unit": units[0].encode()})
        fields.append(field)
    return table.cast(pa.schema(fields, table.schema.metadata))


def _units(columns: list[dict[str, str]]) -> dict[str, str]:
    return {c["name"]: c["unit"].strip() for c in columns if c.get("name") and c.get("unit")}


def _is_same(unit: str, other: str) -> bool:
    if unit == other:
        return True
    import astropy.units as u

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)
            return bool(u.Unit(unit) == u.Unit(other))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return False
