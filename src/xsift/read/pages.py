"""What the columns of a Parquet file become, by their pages' own headers, before any is unpacked.

The footer's sums are claims that Arrow does not check; a page's header is what it sets memory
aside by. Footer and headers are Thrift structures in the compact protocol. Arrow's own view of the
footer will not do: a damaged statistic in it ends the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Packed", "packed"]

_DELTA_BYTE_ARRAY = 7
_DEEPEST = 12
_Fields = dict[int, Any]


@dataclass(frozen=True)
class Packed:
    """A column of a row group, as its pages declare it.

    Attributes
    ----------
    n_rows : int
        Of the row group.
    n_values : int
        Nulls included.
    n_bytes : int
        Of all pages, uncompressed.
    repeats_prefixes : bool
        Whether text is stored as differences to the text before, which expand without limit.
    """

    n_rows: int
    n_values: int
    n_bytes: int
    repeats_prefixes: bool


def packed(content: bytes, wanted: list[int]) -> list[list[Packed]]:
    """Walk the page headers of the wanted leaf columns.

    Parameters
    ----------
    content : bytes
        A Parquet file.
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
    length = int.from_bytes(content[-8:-4], "little")
    footer, _ = _struct(content, len(content) - 8 - length, 0)
    found: list[list[Packed]] = [[] for _ in wanted]
    for group in _structs(footer.get(4, [])):  # RowGroup: 1 columns, 3 rows
        chunks = _structs(group.get(1, []))
        for at, leaf in enumerate(wanted):
            meta = _fields(chunks[leaf].get(3))
            found[at].append(_walk(content, meta, _whole(group, 3)))
    return found


def _walk(content: bytes, meta: _Fields, n_rows: int) -> Packed:
    # ColumnMetaData: 5 values, 7 compressed size, 9 and 11 offsets of data and dictionary.
    declared, n_bytes, n_values, delta = _whole(meta, 5), 0, 0, False
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
        at += _whole(header, 3)
        for data, encoding in ((5, 2), (8, 4)):
            if data in header:
                page = _fields(header[data])
                n_values += _whole(page, 1)
                delta |= page.get(encoding) == _DELTA_BYTE_ARRAY
    return Packed(n_rows, n_values, n_bytes, delta)


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


def _struct(content: bytes, at: int, depth: int) -> tuple[_Fields, int]:
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


def _value(content: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
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


def _list(content: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    size, kind, at = content[at] >> 4, content[at] & 15, at + 1
    if size == 15:
        size, at = _varint(content, at)
    values = []
    for _ in range(size):
        value, at = _value(content, at, kind, depth)
        values.append(value)
    return values, at


def _integer(content: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(content, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
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
