"""What adds up over the parts of a table: exactly, in any order, and through JSON and back.

Sums of numbers that are not whole depend on their order in the last bits. So they are sums of whole
numbers: `fixed` gives a probability as a multiple of 2^-30.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

__all__ = ["Adding", "Array", "Histogram", "Most", "added", "fixed", "mixed", "name_keys"]

_SCALE = 2.0**30
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: its multiples spread evenly
_TYPES = ("<i8", "<u8", "<f8", "|b1")
_BYTES = 2**31  # of one array in JSON
_BITS = 38  # of the 52 of a mantissa that a bin of a histogram does not tell apart


def _packed(values: np.ndarray) -> dict[str, Any]:
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    content = base64.b64encode(zlib.compress(values.tobytes(), 1)).decode()
    return {"type": values.dtype.str, "shape": list(values.shape), "zlib": content}


def _unpacked(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, Mapping) or set(value) != {"type", "shape", "zlib"}:
        raise ValueError("an array as xsift writes it into JSON is wanted")
    kind, shape, content = value["type"], value["shape"], value["zlib"]
    if kind not in _TYPES or not isinstance(content, str) or not isinstance(shape, list):
        raise ValueError(f"an array of type {kind!r}: allowed are {', '.join(_TYPES)}")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("the shape of an array is to be whole numbers")
    n_bytes = math.prod(shape) * np.dtype(kind).itemsize
    if n_bytes > _BYTES:
        raise ValueError(f"an array of {n_bytes:,} bytes: allowed are {_BYTES:,}")
    try:
        # One byte more than wanted shows whether there are more.
        found = zlib.decompressobj().decompress(
            base64.b64decode(content, validate=True), n_bytes + 1
        )
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"an array that cannot be unpacked: {error}") from error
    if len(found) != n_bytes:
        raise ValueError(f"an array of {n_bytes:,} bytes is said to be there, and is not")
    return np.frombuffer(found, kind).reshape(shape)


Array = Annotated[Any, BeforeValidator(_unpacked), PlainSerializer(_packed, when_used="json")]
"""An array of numbers; in JSON compressed, and as text."""


class Adding(BaseModel):
    """Sums over the rows of a table: those of its parts, added in any order, are those of it.

    A field is a whole number, a dict of numbers, arrays or sums by name, an array of whole numbers,
    sums, or None where there is nothing to add.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __add__(self, other: Self) -> Self:
        both = {k: _added(getattr(self, k), getattr(other, k)) for k in type(self).model_fields}
        return self.model_copy(update=both)

    def as_dict(self) -> dict[str, Any]:
        """Return the sums as plain data, for JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Return the sums that `as_dict` returned.

        Raises
        ------
        ValueError
            If it is not that.
        """
        return cls.model_validate(given)


def _added(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, dict):
        return one | {k: _added(one.get(k), v) for k, v in other.items()}
    return one + other


Sum = TypeVar("Sum", bound=Adding)


def added(parts: Iterable[Sum]) -> Sum:
    """Add up sums, one at least: many with as many, so that few large ones are copied.

    At any time it holds as many as the number of parts has binary digits.
    """
    held: list[tuple[int, Sum]] = []
    for one in parts:
        level = 0
        while held and held[-1][0] == level:
            one, level = held.pop()[1] + one, level + 1
        held.append((level, one))
    total = held.pop()[1]
    while held:
        total = held.pop()[1] + total
    return total


def fixed(p: np.ndarray) -> np.ndarray:
    """Return the sums of the columns of `p`, values in [0, 1], as multiples of 2^-30.

    They are exact for 8e9 rows.
    """
    return np.array([np.rint(column * _SCALE).astype(np.int64).sum() for column in p.T], np.int64)


def mixed(key: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Mix values (uint64) into keys: rows sorted by their keys are as good as shuffled."""
    key = (key ^ value) * _MIXER
    return np.asarray(key ^ (key >> np.uint64(29)))


def name_keys(name: pa.Array, nameless: np.ndarray) -> np.ndarray:
    """Return a hash of each name, uint64: the same in every process and in every part of a table.

    Parameters
    ----------
    name : pyarrow.Array of str
    nameless : ndarray of uint64, shape (n,)
        What is hashed of a row without a name.
    """
    encoded = name.dictionary_encode()
    said = [zlib.crc32(text.encode()) for text in encoded.dictionary.to_pylist()]
    of = np.array([*said, 0], np.uint64)
    at = encoded.indices.fill_null(len(said)).to_numpy(zero_copy_only=False)
    key = mixed(np.zeros(len(at), np.uint64), of[at])
    return mixed(key, np.where(at == len(said), nameless, np.uint64(0)))


class Histogram(Adding):
    """Positive numbers, counted by their first 15 binary digits: 0.006 % apart.

    Attributes
    ----------
    bins, n : ndarray of int64
        Bins that hold numbers, rising, and how many.
    """

    bins: Array
    n: Array

    @classmethod
    def of(cls, values: np.ndarray) -> Histogram:
        """Count positive numbers."""
        bits = np.ascontiguousarray(values, np.float64).view(np.int64) >> _BITS
        bins, n = np.unique(bits, return_counts=True)
        return cls.model_construct(bins=bins, n=n.astype(np.int64))

    def __add__(self, other: Histogram) -> Histogram:
        bins, at = np.unique(np.concatenate([self.bins, other.bins]), return_inverse=True)
        n = np.zeros(len(bins), np.int64)
        np.add.at(n, at, np.concatenate([self.n, other.n]))
        return Histogram.model_construct(bins=bins, n=n)

    @property
    def median(self) -> float:
        """The median, each number rounded down to its bin; NaN where there are none."""
        total = int(self.n.sum())
        if not total:
            return float("nan")
        middle = np.searchsorted(np.cumsum(self.n), [(total - 1) // 2, total // 2], side="right")
        return float((self.bins[middle] << _BITS).view(np.float64).mean())


class Most(Adding):
    """Counts by text: of texts without a bound, those of a thousand, chosen by a hash.

    So a count that is there is exact: what is chosen of the whole is chosen of every part.

    Attributes
    ----------
    counts : dict of str to int
        Texts with `=` say a value: there may be as many as rows.
    """

    counts: dict[str, int]

    @classmethod
    def of(cls, counts: Mapping[str, int], most: int = 1_000) -> Most:
        """Keep the counts of all texts without a value, and of `most` with one."""
        valued = [text for text in counts if "=" in text]
        if len(valued) > most:
            of = np.array([zlib.crc32(text.encode()) for text in valued], np.uint64)
            rank = zip(mixed(np.zeros_like(of), of).tolist(), valued, strict=True)
            lost = {text for _, text in sorted(rank)[most:]}
            counts = {text: n for text, n in counts.items() if text not in lost}
        return cls.model_construct(counts=dict(counts))

    def __add__(self, other: Most) -> Most:
        return Most.of(_added(self.counts, other.counts))

    def first(self, most: int = 20) -> dict[str, int]:
        """Return the most frequent ones; of equally frequent ones, the first by their text."""
        return dict(sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:most])
