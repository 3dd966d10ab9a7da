"""Text tables: which layout a text has, and what its header says.

Every cell stays text, so that a name of digits keeps its zeros and a number its digits. Whether a
column holds numbers is decided where it is used.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import pyarrow as pa

from xsift.errors import TableError
from xsift.read.delimited import Layout, read_cells
from xsift.read.described import is_described, read_described
from xsift.read.ecsv import read_ecsv
from xsift.read.source import Source

__all__ = ["read_text"]

# The header, comments before it included, ends within the first so many bytes.
_HEAD = 1 << 20
# The rows that a delimiter is tried on.
_TRIED = 20
# Excel's "sep=;" says what is found without it.
_COMMENTS = re.compile(
    rb"(?:[ \t]*(?:#[^\r\n]*|sep=[,;|\t])?(?:\r\n|\r|\n))*(?:[ \t]*#[^\r\n]*\Z)?"
)
_DELIMITERS = {
    ",": "commas",
    "\t": "tabs",
    ";": "semicolons",
    "|": "bars",
    "": "blanks: save it as CSV",
}
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Arrow counts lines, not str.splitlines
_GIVE = "give a VOTable, FITS, Parquet or CSV table"
# Files that are no text tables, by how they begin.
_NO_TABLES = {
    rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])': f"JSON: {_GIVE}",
    rb"\\(?:begin|documentclass)\b": f"LaTeX: {_GIVE}",
    rb"#ASDF": f"an ASDF file: {_GIVE}",
    rb"%PDF": f"a PDF file: {_GIVE}",
    rb"\{\\rtf": f"an RTF document: {_GIVE}",
    rb"BZh\d|\xfd7zXZ|\x28\xb5\x2f\xfd": "compressed, but not with gzip: uncompress it",
}


def read_text(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read a text table with a header line, in UTF-8.

    The cells stand between commas, tabs, semicolons, bars or blanks. ECSV, IPAC and AAS/CDS
    machine-readable tables are known by their first lines. All columns are read, as text without
    blanks around it; an empty cell is null.

    Raises
    ------
    TableError
        If the text is not UTF-8, is no table, has no header, or its rows have unequal numbers of
        cells.
    """
    where, content = source.path, source.content.removeprefix(b"\xef\xbb\xbf")
    _refuse_no_text(where, content)
    if content.startswith(b"# %ECSV"):
        return read_ecsv(where, content)
    if is_described(content[:_HEAD]):
        return read_described(where, content)
    start = _COMMENTS.match(content, 0, _HEAD).end()  # type: ignore[union-attr]
    lines = _lines(where, content, start)
    comments = _LINE_END.split(content[:start].decode("utf-8", "replace"))
    if _is_headless(lines):
        lines, start = _commented_header(where, content, start, lines)
    return read_cells(where, content, _layout(where, lines, start, comments))


def _refuse_no_text(where: str, content: bytes) -> None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableError(f"{where}: UTF-16 text: save the file as UTF-8")
    for begin, what in _NO_TABLES.items():
        if re.match(begin, content):
            raise TableError(f"{where}: {what}")
    if (at := content.find(b"\0")) >= 0:
        row = content.count(b"\n", 0, at) + 1
        raise TableError(f"{where}: line {row} holds a null character: not a text table")


def _lines(where: str, content: bytes, start: int) -> list[str]:
    """Return the first whole lines from the header on."""
    part = content[start : start + _HEAD]
    is_whole = start + _HEAD >= len(content)
    try:
        lines = _LINE_END.split(part.decode("utf-8", "strict" if is_whole else "ignore"))
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, start + error.start) + 1
        raise TableError(f"{where}: line {row} is not UTF-8 text: save the file as UTF-8") from None
    if not is_whole:
        lines.pop()
        if not lines:
            raise TableError(f"{where}: the header line is longer than {_HEAD:,} characters")
    if lines[0].lstrip().startswith("#"):
        raise TableError(f"{where}: comments of more than {_HEAD:,} characters before the header")
    if not "".join(lines).strip():
        raise TableError(f"{where}: no header line: the first line must name the columns")
    return lines[: 10 * _TRIED]


def _commented_header(
    where: str, content: bytes, start: int, lines: list[str]
) -> tuple[list[str], int]:
    """Take the last comment for the header, as in ``# name ra dec``, where it fits the rows."""
    before = content[:start].rstrip(b"\r\n")
    at = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    header = before[at:].decode("utf-8", "replace").strip()
    if header.startswith("#"):
        tried = [header.lstrip("#").strip(), *lines]
        if _delimiter(where, tried) is not None and not _is_headless(tried):
            return tried, at
    number = next(n for n in _cells(lines[0]) if _is_number(n))
    raise TableError(
        f"{where}: the first line must name the columns, but holds {number.strip()[:40]!r}"
    )


def _layout(where: str, lines: list[str], start: int, comments: Sequence[str]) -> Layout:
    delimiter = _delimiter(where, lines)
    if delimiter is None:
        _refuse_uneven(where, lines)
    names, rows, taken = _cut(where, lines, delimiter)
    if rows and len(rows[0]) == len(names) + 1 and not rows[0][-1].strip():
        names.append("")  # each row ends with a delimiter
    units = _units_of_archive(comments)
    if delimiter == "\t" and len(rows) > 1 and _is_rule(rows[1], len(names)):
        # VizieR's: a line of units and a line of dashes follow the names.
        units = {n: u.strip() for n, u in zip(names, rows[0], strict=True) if u.strip()}
        taken += 2
    elif rows and _is_rule(rows[0], len(names)):
        taken += 1
    return Layout(tuple(names), delimiter, start, taken, units)


def _delimiter(where: str, lines: list[str]) -> str | None:
    """Find what cuts header and rows alike, into the most cells.

    Empty for any number of blanks, None where nothing does.
    """
    found, best = None, 1
    for delimiter in "\t,;|":
        names, rows, _ = _cut(where, lines, delimiter)
        if len(names) > best and _fits(names, rows):
            found, best = delimiter, len(names)
    if found:
        return found
    for delimiter in (" ", ""):
        names, rows, _ = _cut(where, lines, delimiter)
        if len(names) > 1 and "" not in names[:-1] and _fits(names, rows):
            return delimiter
    is_one_column = len(names) == 1 and not re.search(r"[\t,;|]", lines[0])
    return "," if is_one_column else None


def _refuse_uneven(where: str, lines: list[str]) -> NoReturn:
    names, by = [""], ""
    for delimiter, called in _DELIMITERS.items():
        cut, rows, _ = _cut(where, lines, delimiter)
        odd = [(i, len(row)) for i, row in enumerate(rows, 1) if not _fits(cut, [row])]
        if odd and len(cut) > len(names):
            names, by, (row, n) = cut, called, odd[0]
    if not by:
        raise TableError(f"{where}: not a table of values: found no delimiter: save it as CSV")
    raise TableError(
        f"{where}: not a table of values: row {row}: {n} cell{'s'[: n != 1]}, and the header has "
        f"{len(names)}, parted by {by}"
    )


def _fits(names: list[str], rows: list[list[str]]) -> bool:
    """Tell whether the rows have the header's cells, and perhaps a delimiter at the end."""
    return all(
        len(row) == len(names) or (len(row) == len(names) + 1 and not row[-1].strip())
        for row in rows
    )


def _cut(where: str, lines: list[str], delimiter: str) -> tuple[list[str], list[list[str]], int]:
    """Return the names, the first rows, and the number of lines that the names take."""
    if not delimiter:
        cut = [_words(line) for line in lines if line.strip() and not line.startswith("#")]
        return cut[0], cut[1 : _TRIED + 1], 1
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        names = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise TableError(f"{where}: the line that names the columns: {error}") from error
    taken = reader.line_num
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a cell too long for it: the reading proper will tell
        for row in reader:
            if reader.line_num >= len(lines) > _TRIED or len(rows) == _TRIED:
                break  # this row may be cut short
            if row and not row[0].startswith("#") and (len(row) > 1 or row[0].strip()):
                rows.append(row)
    return names, rows, taken


def _words(line: str) -> list[str]:
    found = re.findall(r'"([^"]*)"(?!\S)|(\S+)', line)
    return [quoted or plain for quoted, plain in found]


def _cells(line: str) -> list[str]:
    return re.split(r"[\t,;|]", line) if re.search(r"[\t,;|]", line) else _words(line)


def _is_headless(lines: list[str]) -> bool:
    cells = _cells(lines[0])
    numbers = [c for c in cells if _is_number(c)]
    return len(numbers) > 0 and len(numbers) >= len(cells) / 2


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().casefold() not in ("nan", "inf", "infinity")


def _is_rule(row: list[str], n: int) -> bool:
    """Tell whether a row is a line that is drawn under the names."""
    cells = [cell.strip() for cell in row]
    return len(cells) == n and all(c and not c.strip("-") for c in cells) and len(max(cells)) >= 3


def _units_of_archive(comments: Sequence[str]) -> dict[str, str]:
    """Read the units that the archive's own tables declare in lines of ``#Column``."""
    units = {}
    for line in comments:
        parts = line.split("\t")
        if parts[0] == "#Column" and len(parts) > 5:
            unit = re.fullmatch(r'\["(.*)"\]', parts[5].strip())
            if unit and unit[1].strip():
                units[parts[1].strip()] = unit[1].strip()
    return units
