"""The rows of a text table, through Arrow: every cell as text."""

from __future__ import annotations

import codecs
import re
import warnings
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from xsift.errors import TableError, XsiftWarning, first_line
from xsift.read.limits import refuse_long_cells

__all__ = ["Layout", "read_cells"]

# The longest row that is read.
_BLOCK = 1 << 24
# Stands for a blank within quotation marks while blanks part the cells; no text table holds it.
_KEPT = b"\0"
_QUOTED = re.compile(rb'(?<![^ \t\r\n])"(?:[^"\r\n]|"")*"(?![^ \t\r\n])')


@dataclass(frozen=True)
class Layout:
    """How a text is cut into cells.

    Attributes
    ----------
    names : tuple of str
        As the header has them, doubled ones too.
    delimiter : str
        One character; empty where any number of blanks and tabs parts the cells.
    start : int
        The byte where the header begins.
    taken : int
        The lines that it takes.
    units : dict of str
        Of the columns that the text declares one for.
    """

    names: tuple[str, ...]
    delimiter: str
    start: int
    taken: int
    units: dict[str, str] = field(default_factory=dict)


def read_cells(where: str, content: bytes, layout: Layout) -> pa.Table:
    """Read the rows of a text of known layout.

    Raises
    ------
    TableError
        If a row has another number of cells, a cell is too long, or the text is not UTF-8.
    """
    content = _without_comments(where, content, layout.start)
    body = pa.py_buffer(content)[layout.start :]
    if not layout.delimiter:
        body = pa.py_buffer(_single_blanks(body.to_pybytes()))
    table = _read(where, content, body, layout)
    _refuse_open_quote(where, table, content)
    refuse_long_cells(table.rename_columns(list(layout.names)), where)
    arrays, fields = [], []
    for name, column in zip(layout.names, table.columns, strict=True):
        if not layout.delimiter:
            column = pc.replace_substring(column, _KEPT.decode(), " ")
        column = pc.utf8_trim_whitespace(column)
        blank = pc.equal(column, "")
        if pc.any(blank).as_py():
            column = pc.if_else(blank, pa.scalar(None, pa.string()), column)
        if not name and column.null_count == len(column):
            continue  # what follows the last delimiter of a row
        unit = layout.units.get(name)
        arrays.append(column)
        fields.append(pa.field(name, pa.string(), metadata={"unit": unit} if unit else None))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _read(where: str, content: bytes, body: pa.Buffer, layout: Layout) -> pa.Table:
    numbers = [str(i) for i in range(len(layout.names))]
    odd: list[pa.csv.InvalidRow] = []

    def stop(row: pa.csv.InvalidRow) -> str:
        if not row.text.strip():  # blanks, where nothing is meant to be
            return "skip"
        odd.append(row)
        return "error"

    try:
        return pa.csv.read_csv(
            pa.BufferReader(body),
            # Arrow's threads would still run where a refused table ends the process at once.
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                skip_rows=layout.taken,
                column_names=numbers,
                block_size=_BLOCK,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.delimiter or " ", newlines_in_values=True, invalid_row_handler=stop
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(numbers, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, ValueError) as error:
        said = first_line(error)
        if said.startswith("Could not skip"):  # a header without a line end, and nothing more
            return pa.table({n: pa.array([], pa.string()) for n in numbers})
        if "UTF8" in said:
            said = f"line {_no_utf8(content)} is not UTF-8 text: save the file as UTF-8"
            raise TableError(f"{where}: {said}") from error
        if "straddling" in said:
            said = f"a row of more than {_BLOCK >> 20} MiB, or a quotation mark that nothing closes"
        elif odd:
            row = odd[0]
            said = (
                f"row {row.number - layout.taken}: {row.actual_columns} "
                f"cell{'s'[: row.actual_columns != 1]}, and the header has {row.expected_columns}"
            )
        raise TableError(f"{where}: not a table of values: {said}") from error


def _without_comments(where: str, content: bytes, start: int) -> bytes:
    """Leave out the lines among the rows that begin with ``#``, and say how many they are."""
    end = b"\n" if b"\n" in content[: start + _BLOCK] else b"\r"
    parts, at, kept, quotes = [], start, 0, 0
    while (found := content.find(end + b"#", at)) >= 0:
        quotes += content.count(b'"', at, found)
        at = found + 1
        if quotes % 2:  # within a cell
            continue
        stop = content.find(end, at)
        stop = len(content) if stop < 0 else stop
        parts.append(content[kept:at])
        kept = at = stop  # its line end is left, to make an empty line
    if not parts:
        return content
    warnings.warn(
        f"{where}: {len(parts):,} line{'s'[: len(parts) != 1]} that begin{'s'[: len(parts) == 1]} "
        "with '#' among the rows: left out as comments",
        XsiftWarning,
        stacklevel=4,
    )
    return b"".join([*parts, content[kept:]])


def _single_blanks(body: bytes) -> bytes:
    """Leave one blank between cells that any number of blanks and tabs part."""
    if b'"' in body:
        body = _QUOTED.sub(lambda m: re.sub(rb"[ \t]", _KEPT, m[0]), body)
    body = re.sub(rb"[ \t]+", b" ", body)
    return re.sub(rb"(?<=[\r\n]) | (?=[\r\n]|\Z)", b"", body).removeprefix(b" ")


def _refuse_open_quote(where: str, table: pa.Table, content: bytes) -> None:
    # Arrow takes all that follows an opening quotation mark for one cell, to the end of the file.
    last = table.column(-1)[-1].as_py() if table.num_rows else None
    if last and "\n" in last and not content[-100:].rstrip().endswith(b'"'):
        raise TableError(
            f"{where}: not a table of values: row {table.num_rows:,} opens a quotation mark "
            "that nothing closes"
        )


def _no_utf8(content: bytes) -> int:
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    for at in range(0, len(content), _BLOCK):
        part = content[at : at + _BLOCK]
        try:
            decoder.decode(part, at + _BLOCK >= len(content))
        except UnicodeDecodeError as error:
            return line + part.count(b"\n", 0, error.start)
        line += part.count(b"\n")
    return line
