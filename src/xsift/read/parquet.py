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
from xsift.read.pages import Content, packed
from xsift.read.source import MAX_BYTES, Source
from xsift.read.unreadable import unreadable

__all__ = [
    "column_names",
    "is_simple",
    "leaves_of",
    "plain_cells",
    "read_parquet",
    "refuse_bomb",
    "text_of",
    "wanted_fields",
    "weighed",
    "with_units",
]

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
        table = _read(source, file, wanted_fields(file.schema_arrow.names, columns))
    return with_units(source.path, hide_masked(table))


def column_names(source: Source) -> list[str]:
    """List the columns of a Parquet file, without reading them."""
    if source.content.startswith(b"PARE"):
        raise TableError(f"{source.path}: an encrypted Parquet file: decrypt it")
    with refuse_damage(source.path, "Parquet file"):
        return list(pa.parquet.read_schema(pa.BufferReader(source.content)).names)


def _open(source: Source) -> pa.parquet.ParquetFile:
    first = pa.parquet.ParquetFile(pa.BufferReader(source.content))
    return pa.parquet.ParquetFile(
        pa.BufferReader(source.content), read_dictionary=text_of(first), metadata=first.metadata
    )


def text_of(file: pa.parquet.ParquetFile) -> list[str]:
    """List the columns of text, which are to be read as dictionaries.

    A few bytes of file can stand for gigabytes of equal cells.
    """
    return sorted(
        {
            file.schema.column(i).path
            for i in range(len(file.schema))
            if file.schema.column(i).physical_type == "BYTE_ARRAY"
        }
    )


def wanted_fields(names: list[str], columns: list[str] | None) -> list[int]:
    """Return the places of the fields to read: of those in `columns`, all where None."""
    if columns is None:
        return list(range(len(names)))
    wanted = {c.casefold() for c in columns}
    found = {n for n in names if {n.strip().casefold(), _bare(n)} & wanted}
    found |= {f"{name}.mask" for name in found}
    return [at for at, name in enumerate(names) if name in found]


def _bare(name: str) -> str:
    """Return a name such as ``bb_kt [keV]`` without its unit."""
    return re.split(r"[\[(]", name)[0].strip().casefold()


def leaves_of(file: pa.parquet.ParquetFile) -> list[range]:
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
    leaves = leaves_of(file)
    simple = [at for at in wanted if is_simple(file.schema_arrow.field(at).type)]
    weight = weighed(source.path, source.content, file, [leaves[at][0] for at in simple])
    refuse_bomb(
        source.path, sum(w for w in weight if w is not None), len(source.content), MAX_BYTES
    )
    return [at for at, w in zip(simple, weight, strict=True) if w is not None]


def weighed(
    where: str,
    content: Content,
    file: pa.parquet.ParquetFile,
    leaves: list[int],
    largest: int | None = None,
) -> list[int | None]:
    """Return how many bytes leaf columns expand to; None for lists of several values.

    Parameters
    ----------
    largest : int, optional
        The most that a page may take.

    Raises
    ------
    TableError
        If a column is packed in a way that tells no size, or has a larger page.
    ValueError
        If a column is damaged.
    """
    weight: list[int | None] = []
    for at, parts in zip(leaves, packed(content, leaves), strict=True):
        leaf = file.schema.column(at)
        name = leaf.path.split(".")[0][:40]
        if any(p.repeats_prefixes for p in parts):
            raise TableError(
                f"{where}: column {name} is packed as DELTA_BYTE_ARRAY, which expands "
                "without limit: write it as plain or dictionary text"
            )
        most = max((p.n_largest for p in parts), default=0)
        if largest is not None and most > largest:
            raise TableError(
                f"{where}: column {name} has a page of {most / 1024**2:.0f} MiB, and at most "
                f"{largest // 1024**2} MiB are read at once: write it with smaller pages"
            )
        if any(p.n_values != p.n_rows for p in parts):
            if not leaf.max_repetition_level:
                raise ValueError(f"column {name} has not as many values as rows")
            weight.append(None)
            continue
        # Numbers take 8 bytes; a text 4, and its dictionary what the pages hold.
        size = sum(p.n_rows for p in parts) * max(8, leaf.length or 0)
        weight.append(max(size, sum(p.n_bytes for p in parts)))
    return weight


def refuse_bomb(where: str, n_bytes: int, size: int, most: int | None = None) -> None:
    """Refuse a file of `size` bytes that expands to more than a table does.

    Raises
    ------
    TableError
    """
    if most is not None and n_bytes > most:
        raise TableError(
            f"{where}: its columns take {n_bytes / 1024**3:.1f} GiB, more than "
            f"{most // 1024**3} GiB: split it"
        )
    if n_bytes > _FREE and n_bytes > _RATIO * size:
        raise TableError(
            f"{where}: expands to more than {_RATIO} times its size: refused as unsafe"
        )


def _read(source: Source, file: pa.parquet.ParquetFile, wanted: list[int]) -> pa.Table:
    readable, leaves, schema = _readable(source, file, wanted), leaves_of(file), file.schema_arrow
    # Not by name: two columns may be called the same. Not by threads: Arrow's would still run
    # where a refused table ends the process at once.
    read = file.reader.read_all(
        column_indices=[leaves[at][0] for at in readable], use_threads=False
    )
    n = file.metadata.num_rows
    if readable and read.num_rows != n:
        raise ValueError(f"it declares {n:,} rows and holds {read.num_rows:,}")
    refuse_long_cells(read, source.path)
    n_bytes = read.nbytes + sum(text_bytes(column) for column in read.columns)
    refuse_bomb(source.path, n_bytes, len(source.content), MAX_BYTES)
    fields, arrays = [], []
    for at in wanted:
        field = schema.field(at)
        if at in readable:
            array = plain_cells(read.column(readable.index(at)))
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


def is_simple(kind: pa.DataType) -> bool:
    """Tell whether a cell is one value, or a list of such."""
    return not pa.types.is_nested(kind.value_type if _is_list(kind) else kind)


def plain_cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
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
