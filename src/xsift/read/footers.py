"""The footers of the Parquet files of one table: their rows, fields and units, compared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet

from xsift.errors import TableError
from xsift.read import pages
from xsift.read.cells import is_text
from xsift.read.damage import refuse_damage
from xsift.read.parquet import is_simple, with_units
from xsift.read.places import Place, arrow_file, reached
from xsift.read.unreadable import unreadable

__all__ = ["File", "opened", "refuse_other"]


@dataclass(frozen=True)
class File:
    """A file of the table: its rows by row group, its fields, and a digest of its footer.

    Messages name its `path`, as the user gave it; processes elsewhere find it at its `place`.
    """

    path: Place
    place: Place
    row_groups: tuple[int, ...]
    schema: pa.Schema
    size: int
    sha256: str

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return sum(self.row_groups)


def opened(path: Place) -> File:
    """Read the footer of a file.

    Raises
    ------
    TableError
        If it is no Parquet file, is encrypted, cut off or damaged.
    """
    where = str(path)
    with reached(where), path.open("rb") as stream:
        start = stream.read(4)
        if start == b"PARE":
            raise TableError(f"{where}: an encrypted Parquet file: decrypt it")
        if start != b"PAR1":
            raise TableError(f"{where}: not a Parquet file: tables in parts are of Parquet files")
        with refuse_damage(where, "Parquet file"):
            content = pages.FileContent(stream)
            row_groups = pages.row_counts(content)
            length = int.from_bytes(content[-8:-4], "little")
            digest = hashlib.sha256(content[len(content) - 8 - length :]).hexdigest()
            schema = pa.parquet.read_schema(arrow_file(path))
            plain = pa.schema([_plain(field) for field in schema], schema.metadata)
            schema = with_units(where, plain.empty_table()).schema
    return File(path, path.absolute(), tuple(row_groups), schema, len(content), digest)


def _plain(field: pa.Field) -> pa.Field:
    """Return a field as its cells are read: text is text, however it is stored."""
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_words = is_text(kind) and not (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
    if is_words:
        kind = pa.string()
    if not is_simple(field.type) or pa.types.is_nested(kind):
        # Whether lists hold one value each, only the whole table can say.
        what = "structures" if pa.types.is_struct(kind) else "lists of several values"
        return unreadable(field.name, 0, what)[0]
    return field.with_type(kind).with_nullable(True)


def refuse_other(one: File, other: File) -> None:
    """Refuse a file whose columns, types or units are not those of the first one.

    Raises
    ------
    TableError
    """
    mine = {field.name: field for field in one.schema}
    its = {field.name: field for field in other.schema}
    for names, has, has_not in ((mine, one, other), (its, other, one)):
        lacks = [name for name in names if name not in (its if names is mine else mine)]
        if lacks:
            raise TableError(
                f"{other.path} and {one.path} are no parts of one table: {has.path.name} has a "
                f"column {lacks[0][:40]}, and {has_not.path.name} has none"
            )
    for name, field in mine.items():
        for what, a, b in (
            ("holds", str(field.type), str(its[name].type)),
            ("is declared in", _unit(field), _unit(its[name])),
        ):
            if a != b:
                raise TableError(
                    f"{other.path} and {one.path} are no parts of one table: column {name[:40]} "
                    f"{what} {b[:40] or 'no unit'} in {other.path.name}, and {a[:40] or 'no unit'} "
                    f"in {one.path.name}"
                )


def _unit(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace").strip())
