"""A table of Parquet files that is read in parts of so many rows, in bounded memory."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xsift.errors import TableError, XsiftWarning
from xsift.read.cursor import Cursor
from xsift.read.footers import File, opened, refuse_other
from xsift.read.layout import INDEX, files_of, is_pattern
from xsift.read.masks import hide_masked
from xsift.read.memory import InMemory
from xsift.read.parquet import wanted_fields
from xsift.read.places import is_address
from xsift.read.source import Source

__all__ = ["ROWS", "Part", "Parts", "goes_in_parts", "parts_of"]

ROWS = 65_536
"""Rows of a part."""

_LARGE, _MANY = 300_000_000, 1_000_000

_ROW = re.compile(r"\brow (\d+)\b")


@dataclass(frozen=True)
class Part:
    """Some consecutive rows of a table.

    Attributes
    ----------
    number : int
    first : int
        Its first row in the whole table.
    n_rows : int
    pieces : tuple of (int, int, int)
        Where they lie: number of the file, first row in it, rows.
    """

    number: int
    first: int
    n_rows: int
    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Parts:
    """A table in parts.

    Attributes
    ----------
    path : str
        As the user gave it, for messages.
    files : tuple
    parts : tuple of Part
    columns : tuple of str
        Of the table; that by which HATS sorts is none.
    sha256 : str
        A digest of the files' names, sizes and footers.
    """

    path: str
    files: tuple[File, ...]
    parts: tuple[Part, ...]
    columns: tuple[str, ...]
    sha256: str

    def __str__(self) -> str:
        return self.path

    @property
    def is_whole(self) -> bool:
        """Whether the table is one part."""
        return len(self.parts) == 1

    @property
    def n_rows(self) -> int:
        """Rows of the whole table."""
        return sum(part.n_rows for part in self.parts)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are on this machine."""
        return tuple(file.path for file in self.files if isinstance(file.path, Path))

    @property
    def empty_table(self) -> pa.Table:
        """The columns of the table, without rows."""
        return self.files[0].schema.empty_table().select(list(self.columns))

    def read(
        self, wanted: list[str] | None = None, numbers: Iterable[int] | None = None
    ) -> Iterator[tuple[Part, InMemory | TableError]]:
        """Read parts one after another; of the columns, those in `wanted` (all where None).

        Parameters
        ----------
        numbers : iterable of int, optional
            Of the parts, rising; where None, all.

        Yields
        ------
        part : Part
        table : InMemory or TableError
            The error where it cannot be read: others may be.
        """
        cursor: Cursor | None = None
        names = list(self.columns)
        chosen = [names[at] for at in wanted_fields(names, wanted)]
        schema = self.files[0].schema
        schema = pa.schema([schema.field(name) for name in chosen], schema.metadata)
        for number in range(len(self.parts)) if numbers is None else numbers:
            part = self.parts[number]
            try:
                tables = []
                for at, start, n in part.pieces:
                    if cursor is None or cursor.file is not self.files[at]:
                        cursor = Cursor(self.files[at], schema)
                    tables.append(cursor.read(start, n))
                table = hide_masked(_without_word_masks(pa.concat_tables(tables), self.path))
                source = Source(self.path, "memory", b"", self.sha256)
                yield part, InMemory(table, source, self.columns, part.first)
            except TableError as error:
                cursor = None
                yield part, error

    @contextmanager
    def located(self, part: Part) -> Iterator[None]:
        """Give errors about rows their place in the whole table, and their file."""
        try:
            yield
        except TableError as error:
            raise TableError(_ROW.sub(lambda m: self._said(part, int(m[1])), str(error), 1)) from (
                error
            )

    def _said(self, part: Part, row: int) -> str:
        at = row - 1
        for file, start, n in part.pieces:
            if at < n and len(self.files) > 1:
                return f"row {part.first + row} (row {start + at + 1} of {self.files[file].path})"
            at -= n
        return f"row {part.first + row}"


def parts_of(path: str | Path, rows: int = ROWS) -> Parts:
    """Find the files of a table and compare them, by their footers alone.

    Parameters
    ----------
    path : str or Path
        A Parquet file; a folder or a pattern of such; a HATS catalogue or collection; or the
        address of one of these, such as ``s3://bucket/table``.
    rows : int
        Of a part.

    Raises
    ------
    TableError
        If there is no such file, one is damaged, or two differ in their columns, types or units.
    """
    found, is_hats = files_of(path)
    files = [opened(found[0])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)  # said of the first
        files += [opened(file) for file in found[1:]]
    for file in files[1:]:
        refuse_other(files[0], file)
    columns = [n for n in files[0].schema.names if not (is_hats and n == INDEX)]
    for name in columns:
        if columns.count(name) > 1:
            raise TableError(f"{files[0].path}: two columns are called {name[:40]}: keep one")
    parts = tuple(_cut(files, rows))
    if not parts:
        raise TableError(f"{path}: the table has no rows")
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.path.name}\0{file.size}\0{file.sha256}\0".encode())
    return Parts(str(path), tuple(files), parts, tuple(columns), whole.hexdigest())


def goes_in_parts(path: str | Path) -> bool:
    """Tell whether a table is read in parts: a folder, a pattern, or a large Parquet file."""
    try:
        if is_address(path) or is_pattern(path) or Path(path).is_dir():
            return True
        with open(path, "rb") as stream:
            if stream.read(4) != b"PAR1":
                return False
        file = opened(Path(path))
    except (OSError, ValueError):  # the reader of files will say so
        return False
    return file.size > _LARGE or file.n_rows > _MANY


def _cut(files: list[File], rows: int) -> Iterator[Part]:
    number = first = held = 0
    pieces: list[tuple[int, int, int]] = []
    for at, file in enumerate(files):
        start = 0
        while start < file.n_rows:
            n = min(rows - held, file.n_rows - start)
            pieces.append((at, start, n))
            start, held = start + n, held + n
            if held == rows:
                yield Part(number, first, held, tuple(pieces))
                number, first, held, pieces = number + 1, first + held, 0, []
    if held:
        yield Part(number, first, held, tuple(pieces))


def _without_word_masks(table: pa.Table, where: str) -> pa.Table:
    # Whether a column of words is a mask, only the whole table can say.
    for field in table.schema:
        if field.name.endswith(".mask") and pa.types.is_string(field.type):
            raise TableError(
                f"{where}: column {field.name[:40]} holds text: in a table that is read in parts, "
                "a mask is true or false"
            )
    return table
