"""What the pages of a Parquet column become, by their own headers, before any is unpacked.

The footer's sums are claims that Arrow does not check; a page's header is what it sets memory
aside by. The headers are Thrift structures in the compact protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Packed", "packed"]

_DELTA_BYTE_ARRAY = 7
_STRUCT, _LIST, _SET, _MAP = 12, 9, 10, 11
_DEEPEST = 8


@dataclass(frozen=True)
class Packed:
    """A column chunk as its pages declare it.

    Attributes
    ----------
    n_bytes : int
        Of all pages, uncompressed.
    n_values : int
        Nulls included.
    repeats_prefixes : bool
        Whether text is stored as differences to the text before, which expand without limit.
    """

    n_bytes: int
    n_values: int
    repeats_prefixes: bool


def packed(content: bytes, chunk: Any) -> Packed:
    """Walk the page headers of a column chunk.

    Parameters
    ----------
    content : bytes
        The file.
    chunk : pyarrow.parquet.ColumnChunkMetaData

    Raises
    ------
    ValueError
        If there is no header where one should be.
    """
    if chunk.num_values == 0:
        return Packed(0, 0, False)
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    if not 0 < at <= end <= len(content):
        raise ValueError("a column lies outside the file")
    n_bytes = n_values = 0
    delta = False
    while at < end and n_values < chunk.num_values:
        header, at = _struct(content, at, 0)
        size, compressed = header.get(2, -1), header.get(3, -1)
        if size < 0 or compressed < 0:
            raise ValueError("a page of negative size")
        data = header.get(5) or header.get(8) or {}
        n_bytes += size
        n_values += data.get(1, 0)
        delta |= data.get(2 if 5 in header else 4) == _DELTA_BYTE_ARRAY
        at += compressed
    return Packed(n_bytes, n_values, delta)


def _struct(content: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """Read the integers and structures of a structure, by field number."""
    if depth > _DEEPEST:
        raise ValueError("a page header nested too deep")
    found: dict[int, Any] = {}
    number = 0
    while head := content[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _integer(content, at)
        found[number], at = _value(content, at, head & 15, depth)
    return found, at + 1


def _value(content: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, at
    if kind == 3:
        return content[at], at + 1
    if kind in (4, 5, 6):
        return _integer(content, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        length, at = _varint(content, at)
        return None, at + length
    if kind == _STRUCT:
        return _struct(content, at, depth + 1)
    raise ValueError("a page header with a field of an unknown kind")


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
            raise ValueError("a page header with an endless number")
