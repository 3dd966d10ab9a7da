"""A digest of what a table holds: the same for the same content, however it lies in memory."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["digest_of"]


def digest_of(table: pa.Table) -> str:
    """Return the SHA-256 of names, units and cells.

    Chunks, offsets, and what lies in memory under a null do not matter.
    """
    whole = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        unit = (field.metadata or {}).get(b"unit", b"")
        name = field.name.encode("utf-8", "surrogatepass")
        for part in (name, unit, str(field.type).encode(), *_parts(column)):
            whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def _parts(column: pa.ChunkedArray) -> list[bytes]:
    """Return digests of the nulls, the values and, of text, the lengths."""
    nulls, values, lengths = (hashlib.sha256() for _ in range(3))
    for chunk in column.chunks:
        nulls.update(_bytes_of(chunk.is_null()))
        kind = chunk.type
        if pa.types.is_null(kind):
            continue
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            zero = pa.scalar(0, pa.int8()).cast(kind)
            plain = pc.fill_null(chunk, zero) if chunk.null_count else chunk
            values.update(_bytes_of(plain))
            continue
        is_bytes = pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)
        text = chunk.cast(pa.large_binary() if is_bytes else pa.large_string())
        text = pc.fill_null(text, b"" if is_bytes else "")
        lengths.update(_bytes_of(pc.binary_length(text)))
        values.update(_joined(text))
    return [part.digest() for part in (nulls, values, lengths)]


def _bytes_of(numbers: pa.Array) -> memoryview:
    return np.ascontiguousarray(numbers.to_numpy(zero_copy_only=False)).data


def _joined(text: pa.Array) -> memoryview:
    """Return the bytes of all cells, one after another; the array has no null."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    return memoryview(data)[ends[0] : ends[-1]]
