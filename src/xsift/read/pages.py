"""What the columns of a Parquet file become, by their pages' own headers, before any is unpacked.

The footer's sums are claims that Arrow does not check; a page's header is what it sets memory
aside by. Footer and headers are Thrift structures in the compact protocol. Arrow's own view of the
footer will not do: a damaged statistic in it ends the process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, overload

__all__ = ["Content", "FileContent", "Packed", "packed", "row_counts"]

_DELTA_BYTE_ARRAY = 7
_DEEPEST = 12
_WINDOW = 4096
_Fields = dict[int, Any]


class Content(Protocol):
    """Bytes of a file: in memory, or read where they are looked at (`FileContent`)."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytes: ...


class FileContent:
    """A file's bytes, of which only those are read that are looked at, and some beside them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._window, self._start = b"", 0

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytes: ...
    def __getitem__(self, at: int | slice) -> int | bytes:
        if isinstance(at, slice):
            start, stop, _ = at.indices(self._size)
            return self._read(start, max(0, stop - start))
        if not self._start <= at < self._start + len(self._window):
            if at < 0:
                raise IndexError(at)
            self._window, self._start = self._read(at, _WINDOW), at
        return self._window[at - self._start]

    def _read(self, start: int, n: int) -> bytes:
        self._file.seek(start)
        return self._file.read(n)


@dataclass(frozen=True)
class Packed:
    """A column of a row group, as its pages declare it.

    Attributes
    ----------
    n_rows : int
        Of the row group.
    n_values : int
        Nulls included.
    n_bytes, n_largest : int
        Of all pages, and of the largest one, uncompressed.
    repeats_prefixes : bool
        Whether text is stored as differences to the text before, which expand without limit.
    """

    n_rows: int
    n_values: int
    n_bytes: int
    n_largest: int
    repeats_prefixes: bool


def packed(content: Content, wanted: list[int]) -> list[list[Packed]]:
    """Walk the page headers of the wanted leaf columns.

    Parameters
    ----------
    content : Content
        Of a Parquet file.
    wanted : list of int

    Returns
    -------
    list of list of Packed
        For each of them, its parts in the row groups.

    Raises
    ------
    ValueError, IndexError
        If a structure is not what it should be.
    """
    found: list[list[Packed]] = [[] for _ in wanted]
    for group in _row_groups(content):
        chunks = _structs(group.get(1, []))
        for at, leaf in enumerate(wanted):
            meta = _fields(chunks[leaf].get(3))
            found[at].append(_walk(content, meta, _whole(group, 3)))
    return found


def row_counts(content: Content) -> list[int]:
    """Return the number of rows of each row group, by the footer.

    Raises
    ------
    ValueError, IndexError
        If a structure is not what it should be.
    """
    return [_whole(group, 3) for group in _row_groups(content)]


def _row_groups(content: Content) -> list[_Fields]:
    """Read the row groups of the footer: 1 columns, 3 rows."""
    length = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - length
    if start < 0 or content[-4:] not in (b"PAR1", b"PARE"):
        raise ValueError("its end is not a Parquet file's: it is cut off or damaged")
    # A copy: a file of many row groups has a footer of megabytes, walked byte by byte.
    footer, _ = _struct(content[start : start + length], 0, 0)
    return _structs(footer.get(4, []))


def _walk(content: Content, meta: _Fields, n_rows: int) -> Packed:
    # ColumnMetaData: 5 values, 7 compressed size, 9 and 11 offsets of data and dictionary.
    declared, n_bytes, n_values, delta = _whole(meta, 5), 0, 0, False
    n_largest = 0
    at = _whole(meta, 9)
    if 11 in meta and 0 < _whole(meta, 11) < at:
        at = _whole(meta, 11)
    end = at + _whole(meta, 7)
    if declared and not 0 < at <= end <= len(content):
        raise ValueError("a column lies outside the file")
    while at < end and n_values < declared:
        # PageHeader: 2 and 3 uncompressed and compressed size, 5 and 8 data (1 values, 2 or 4
        # encoding).
        header, at = _struct(content, at, 0)
        n_bytes += _whole(header, 2)
        n_largest = max(n_largest, _whole(header, 2))
        at += _whole(header, 3)
        for data, encoding in ((5, 2), (8, 4)):
            if data in header:
                page = _fields(header[data])
                n_values += _whole(page, 1)
                delta |= page.get(encoding) == _DELTA_BYTE_ARRAY
    return Packed(n_rows, n_values, n_bytes, n_largest, delta)


def _whole(found: _Fields, number: int) -> int:
    value = found.get(number)
    if not isinstance(value, int) or value < 0:
        raise ValueError("a size or a number that is none")
    return value


def _fields(value: Any) -> _Fields:
    if not isinstance(value, dict):
        raise ValueError("a structure that is none, or encrypted")
    return value


def _structs(value: Any) -> list[_Fields]:
    if not isinstance(value, list):
        raise ValueError("a list that is none")
    return [_fields(one) for one in value]


def _struct(content: Content, at: int, depth: int) -> tuple[_Fields, int]:
    """Read a structure's values by field number; text is passed over."""
    if depth > _DEEPEST or at < 0:
        raise ValueError("a structure nested too deep, or outside the file")
    found: _Fields = {}
    number = 0
    while head := content[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _integer(content, at)
        if head & 15 in (1, 2):  # true and false are kinds of their own
            found[number] = head & 15 == 1
        else:
            found[number], at = _value(content, at, head & 15, depth)
    return found, at + 1


def _value(content: Content, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2, 3):
        return content[at], at + 1
    if kind in (4, 5, 6):
        return _integer(content, at)
    if kind == 7:  # a double
        return None, at + 8
    if kind == 8:
        length, at = _varint(content, at)
        return None, at + length
    if kind in (9, 10):
        return _list(content, at, depth)
    if kind == 12:
        return _struct(content, at, depth + 1)
    raise ValueError("a value of an unknown kind")


def _list(content: Content, at: int, depth: int) -> tuple[list[Any], int]:
    size, kind, at = content[at] >> 4, content[at] & 15, at + 1
    if size == 15:
        size, at = _varint(content, at)
    values = []
    for _ in range(size):
        value, at = _value(content, at, kind, depth)
        values.append(value)
    return values, at


def _integer(content: Content, at: int) -> tuple[int, int]:
    value, at = _varint(content, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(content: Content, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("an endless number")
