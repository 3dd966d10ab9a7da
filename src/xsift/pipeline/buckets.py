"""Detections of a table in parts, gathered by ranges of source names, in the order of the names."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from xsift.read import Look

__all__ = ["Ballots", "Ranges", "empty_ballots", "read_bucket", "write_ballots"]

Ballots = tuple[Path, np.ndarray]
"""A file of a part's ballots, and the buckets of its batches, rising: int32 of shape (n,)."""

_OPTIONS = pyarrow.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Ranges:
    """Ranges of names, one for each bucket: all names of one come before those of the next.

    Attributes
    ----------
    bounds : tuple of str or of int
        The first name of each bucket but the first.
    whole : bool
        Whether names are whole numbers, and sort as such.
    """

    bounds: tuple[str, ...] | tuple[int, ...]
    whole: bool

    @classmethod
    def of(cls, look: Look, rows: int) -> Ranges:
        """Choose ranges of about so many rows each, by the look's sample of names."""
        found = sorted(
            (int(n) if look.names_are_whole else n, k) for n, (_, k) in look.names.items()
        )
        total = sum(k for _, k in found)
        named = look.columns["name"].n_values
        n_buckets = max(1, -(-named // rows))
        ends = np.cumsum([k for _, k in found]) if found else np.zeros(0)
        at = np.searchsorted(ends, total * np.arange(1, n_buckets) / n_buckets, side="right")
        bounds = dict.fromkeys(found[int(i)][0] for i in at if 0 < i < len(found))
        return cls(tuple(bounds), look.names_are_whole)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.bounds) + 1

    def of_names(self, names: pa.ChunkedArray) -> np.ndarray:
        """Return the bucket of each name; there is none that is null."""
        encoded = pc.dictionary_encode(names.combine_chunks())
        distinct = encoded.dictionary.to_pylist()
        # Python sorts text by code point, Arrow by its bytes in UTF-8: the same order.
        keys = map(int, distinct) if self.whole else distinct
        bucket = np.array([bisect_right(self.bounds, key) for key in keys], dtype=np.int64)
        return bucket[np.asarray(encoded.indices)] if len(bucket) else bucket


def write_ballots(ballots: pa.Table, ranges: Ranges, path: Path) -> list[int]:
    """Write the ballots of a part, one batch for each bucket that has some; return these."""
    bucket = ranges.of_names(ballots["name"])
    order = np.argsort(bucket, kind="stable")
    found, starts = np.unique(bucket[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    with (
        open(path, "wb") as file,
        pyarrow.ipc.new_file(file, ballots.schema, options=_OPTIONS) as writer,
    ):
        for start, end in zip(starts, ends, strict=True):
            some = ballots.take(pa.array(order[start:end])).combine_chunks()
            writer.write_batch(some.to_batches()[0])
    return [int(k) for k in found]


def read_bucket(number: int, parts: Iterable[Ballots]) -> pa.Table | None:
    """Read the ballots of a bucket, in the order of the parts; None where there are none."""
    batches = list(_batches(number, parts))
    return pa.Table.from_batches(batches) if batches else None


def empty_ballots(path: Path) -> pa.Table:
    """Return a table of no ballots, with the columns of a part's."""
    with open(path, "rb") as file, pyarrow.ipc.open_file(file) as reader:
        return reader.schema.empty_table()


def _batches(number: int, parts: Iterable[Ballots]) -> Iterator[pa.RecordBatch]:
    for path, buckets in parts:
        at = int(np.searchsorted(buckets, number))
        if at < len(buckets) and buckets[at] == number:
            with open(path, "rb") as file, pyarrow.ipc.open_file(file) as reader:
                yield reader.get_batch(at)
