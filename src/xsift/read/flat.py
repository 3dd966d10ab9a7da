"""Parquet and delimited text, both through Arrow."""

from __future__ import annotations

import csv as stdlib_csv
import re

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from xsift.errors import TableError
from xsift.read.source import MAX_BYTES, Source

__all__ = ["column_names", "read_parquet", "read_text"]

# The longest line that is read.
_BLOCK = 1 << 24
_NULLS = ["", "nan", "NaN", "NAN", "null", "NULL", "None", "N/A", "NA", "--", "<NA>"]


def read_parquet(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table; of the columns, those in `columns` that it has (all where None).

    Raises
    ------
    TableError
        If the file is damaged or cut off.
    """
    try:
        file = pa.parquet.ParquetFile(pa.BufferReader(source.content))
        flat = [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type)]
        wanted = flat if columns is None else _present(columns, flat)
        # A few bytes of Parquet can stand for any number of rows.
        if file.metadata.num_rows * max(1, len(wanted)) * 8 > MAX_BYTES:
            raise TableError(
                f"{source.path}: {file.metadata.num_rows:,} rows of {len(wanted)} columns are more "
                f"than {MAX_BYTES // 1024**3} GiB: split it"
            )
        return file.read(columns=wanted)
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{source.path}: not a whole Parquet file: {_line(error)}") from error


def column_names(source: Source) -> list[str]:
    """List the columns of a Parquet file, without reading them."""
    return list(pa.parquet.read_schema(pa.BufferReader(source.content)).names)


def read_text(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a table of comma, tab or semicolon separated values with a header line, in UTF-8.

    Comment lines (``#``) before the header are passed over. Empty cells and ``NaN`` are null.

    Raises
    ------
    TableError
        If the text is not UTF-8, has no header, or its lines have unequal numbers of cells.
    """
    content = source.content.removeprefix(b"\xef\xbb\xbf")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableError(f"{source.path}: UTF-16 text: save the file as UTF-8")
    try:
        head = content[: 1 << 20].decode("utf-8", "strict" if len(content) < 1 << 20 else "ignore")
    except UnicodeDecodeError as error:
        raise TableError(_encoding(source, content, error.start)) from error
    comments = 0
    for line in re.split(r"\r\n|\r|\n", head):  # as Arrow counts lines, not str.splitlines
        if line.strip() and not line.startswith("#"):
            break
        comments += 1
    else:
        raise TableError(f"{source.path}: no header line: the first line must name the columns")
    delimiter = max(",\t;", key=line.count)
    _refuse_headless(source, next(stdlib_csv.reader([line], delimiter=delimiter)))
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(content),
            read_options=pa.csv.ReadOptions(skip_rows=comments, block_size=_BLOCK),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(null_values=_NULLS, strings_can_be_null=True),
        )
    except (pa.ArrowException, ValueError) as error:
        raise TableError(f"{source.path}: not a table of values: {_line(error)}") from error
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_binary(column.type):  # Arrow's way to say that it is not UTF-8
            raise TableError(f"{source.path}: column {name} is not UTF-8: save the file as UTF-8")
    return table.rename_columns([name.strip() for name in table.column_names])


def _refuse_headless(source: Source, names: list[str]) -> None:
    numbers = [n for n in names if n.strip() and _is_number(n)]
    if numbers and len(numbers) >= len(names) / 2:
        raise TableError(
            f"{source.path}: the first line must name the columns, but holds {numbers[0].strip()!r}"
        )
    seen: set[str] = set()
    for name in (n.strip() for n in names if n.strip()):
        if name in seen:
            raise TableError(f"{source.path}: two columns are called {name!r}: rename one")
        seen.add(name)


def _present(columns: list[str], available: list[str]) -> list[str]:
    wanted = {c.casefold() for c in columns}
    return [a for a in available if a.strip().casefold() in wanted]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().casefold() not in ("nan", "inf", "infinity")


def _encoding(source: Source, content: bytes, at: int) -> str:
    row = content[:at].count(b"\n") + 1
    return f"{source.path}: line {row} is not UTF-8 text: save the file as UTF-8"


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
