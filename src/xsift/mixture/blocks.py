"""Rows from memory or from a function that reads them, always in the same slabs.

Whatever the size of the blocks in which rows arrive, they are worked on in slabs of a size that
depends on the number of features alone. So a result has the same bits wherever its rows came from,
and memory is bounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

from xsift.errors import TableError
from xsift.mixture.missing import group_by_pattern

__all__ = [
    "PIECES_PER_SLAB",
    "ArrayRows",
    "Group",
    "Order",
    "Orders",
    "Rows",
    "Slab",
    "StreamRows",
    "cut_anew",
    "piece_size",
    "slab_size",
]

PIECES_PER_SLAB = 16
_AT_ONCE = 16  # slabs
_REMEMBERED = 24 << 20  # bytes: 25 million rows with less than 256 patterns in a slab

Block = np.ndarray | tuple[np.ndarray, np.ndarray]
Result = TypeVar("Result")


class Order(NamedTuple):
    """The rows of a slab that take part, ordered by what they lack.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Their positions in the slab.
    ends : ndarray of int
        Where each pattern of missing features ends in `rows`.
    """

    rows: np.ndarray
    ends: np.ndarray


class Group(NamedTuple):
    """Rows ordered by what they lack: shapes (m, d) and (m,), and where each pattern ends."""

    X: np.ndarray
    weight: np.ndarray
    ends: np.ndarray


class Orders:
    """The orders of the slabs visited so far, in a byte or two a row and in bounded memory.

    Kept is the number of each row's pattern; sorting by it gives the order again, in a sixth of the
    time that it takes to find the patterns.
    """

    def __init__(self) -> None:
        self._patterns: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._room = _REMEMBERED

    def of(self, slab: Slab) -> Order:
        """Return the order of a slab, and remember it while there is room."""
        if slab.first in self._patterns:
            pattern, ends = self._patterns[slab.first]
            rows = np.argsort(pattern, kind="stable")  # of 8 or 16 bits: numpy's radix sort
            return Order(rows[: ends[-1] if len(ends) else 0], ends)
        order = slab.order()
        left_out = len(order.ends)
        pattern = np.full(len(slab.X), left_out, np.min_scalar_type(left_out))
        pattern[order.rows] = np.repeat(np.arange(left_out), np.diff(order.ends, prepend=0))
        if pattern.nbytes <= self._room:
            self._room -= pattern.nbytes
            self._patterns[slab.first] = pattern, order.ends
        return order


class Slab(NamedTuple):
    """Consecutive rows.

    Attributes
    ----------
    X : ndarray of float64, shape (m, d)
        NaN is missing.
    weight : ndarray of shape (m,)
    first : int
        Position of the first row among all.
    """

    X: np.ndarray
    weight: np.ndarray
    first: int

    def check(self) -> None:
        """Raise `TableError` if a value is infinite, or a weight cannot be one."""
        if np.isinf(self.X).any():
            row, j = np.argwhere(np.isinf(self.X))[0]
            raise TableError(
                f"row {self.first + row} has an infinite value in feature {j}: give a finite one, "
                "or NaN for missing"
            )
        is_wrong = ~((self.weight >= 0) & (self.weight < np.inf))
        if is_wrong.any():
            row = int(np.argmax(is_wrong))
            raise TableError(
                f"row {self.first + row} has the weight {self.weight[row]}: weights are finite and "
                "not negative"
            )

    def takes_part(self) -> np.ndarray | None:
        """Tell which rows have a value, bool of shape (m,); None where all have."""
        if not np.isnan(self.X[:, 0]).any():
            return None
        return np.asarray(~np.isnan(self.X).all(axis=1))

    def order(self, keep_all: bool = False) -> Order:
        """Order the rows by what they lack: `xsift.mixture.missing.group_by_pattern`."""
        rows, ends = group_by_pattern(self.X, self.weight, keep_all)
        return Order(rows, ends)

    def cut(self) -> list[Slab]:
        """Cut slabs that lie side by side in memory into single ones."""
        size = slab_size(self.X.shape[1])
        return [
            Slab(self.X[at : at + size], self.weight[at : at + size], self.first + at)
            for at in range(0, len(self.X), size)
        ]

    def grouped(self, order: Order, first: int = 0, last: int | None = None) -> Group:
        """Copy the rows in an order, or those from `first` to before `last` of it."""
        rows = order.rows[first:last]
        ends = order.ends[np.searchsorted(order.ends, first, side="right") :] - first
        X = np.take(self.X, rows, axis=0, mode="clip")
        return Group(X, self.weight.take(rows), np.minimum(ends, len(rows)))

    def ungrouped(self) -> Group:
        """Take the rows as they are: none lacks anything."""
        return Group(self.X, self.weight, np.array([len(self.X)]))


class Rows(ABC):
    """Rows that can be visited again and again.

    Attributes
    ----------
    n_features : int
    """

    n_features: int

    @abstractmethod
    def slabs(self) -> Iterator[Slab]:
        """Visit all rows in order."""

    def wide_slabs(self) -> Iterator[Slab]:
        """Visit all rows in order, several slabs at a time where they are in memory."""
        return self.slabs()

    def each(
        self, function: Callable[..., Result], *args: Any, wide: bool = False, **here: Any
    ) -> Iterator[Result]:
        """Give what a function says of every slab, in their order.

        Parameters
        ----------
        function : callable
            Takes a slab, `args` and `here`; one of a module, where slabs lie on other machines.
        *args
        wide : bool, default=False
            Whether the function takes several slabs in one, from `wide_slabs`.
        **here
            What is of use in this process alone: threads, orders.
        """
        for slab in self.wide_slabs() if wide else self.slabs():
            yield function(slab, *args, **here)


def piece_size(n_features: int) -> int:
    """Return the number of rows whose sums one thread takes: half a mebibyte of them, or near."""
    return min(8192, max(1024, 65536 // n_features // 128 * 128))


def slab_size(n_features: int) -> int:
    """Return the number of rows in memory at a time where they come from a stream."""
    return PIECES_PER_SLAB * piece_size(n_features)


class ArrayRows(Rows):
    """Rows in memory. They are not copied where they are float64 and C-contiguous.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weight : ndarray of shape (n,), optional
    """

    def __init__(self, X: np.ndarray, weight: np.ndarray | None = None) -> None:
        self.X, self.weight, self.n_features = X, weight, X.shape[1]
        self._ones = np.empty(0)

    def slabs(self) -> Iterator[Slab]:
        """Visit all rows in order."""
        return self._visit(1)

    def wide_slabs(self) -> Iterator[Slab]:
        """Visit all rows in order, several slabs at a time where none has to be copied."""
        return self._visit(_AT_ONCE if _is_ready(self.X) else 1)

    def _visit(self, at_once: int) -> Iterator[Slab]:
        size = at_once * slab_size(self.n_features)
        if self.weight is None and len(self._ones) < min(size, len(self.X)):
            self._ones = np.ones(min(size, len(self.X)))  # once for all visits
        for first in range(0, len(self.X), size):
            X = self.X[first : first + size]
            if not _is_ready(X):
                X = np.require(X, np.float64, ["C", "W"])
            own = self._ones if self.weight is None else self.weight[first : first + size]
            yield Slab(X, own[: len(X)], first)


def _is_ready(X: np.ndarray) -> bool:
    """Tell whether kernels take an array as it is: for another type they are compiled again."""
    return X.dtype == np.float64 and X.flags.c_contiguous and X.flags.writeable


def cut_anew(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]], size: int, n_features: int
) -> Iterator[Slab]:
    """Fill slabs of `size` rows from blocks of any; each is in the memory of the one before."""
    X, weight = np.empty((size, n_features)), np.empty(size)
    first = filled = 0
    for block, block_weight in blocks:
        done = 0
        while done < len(block):
            take = min(size - filled, len(block) - done)
            X[filled : filled + take] = block[done : done + take]
            weight[filled : filled + take] = block_weight[done : done + take]
            filled, done = filled + take, done + take
            if filled == size:
                yield Slab(X, weight, first)
                first, filled = first + size, 0
    if filled:
        yield Slab(X[:filled], weight[:filled], first)


class StreamRows(Rows):
    """Rows in blocks of any size, opened anew for every visit.

    Parameters
    ----------
    open_blocks : callable
        Without arguments; returns an iterator of blocks: arrays of shape (m, d), or pairs of such
        an array and the weights of its rows, shape (m,).
    weight : ndarray of shape (n,), optional
        Where the blocks have none.

    Raises
    ------
    TableError
        If blocks do not fit together.
    """

    def __init__(
        self, open_blocks: Callable[[], Iterable[Block]], weight: np.ndarray | None = None
    ) -> None:
        self._open, self._weight = open_blocks, weight
        first = next(iter(self._blocks()), None)
        if first is None:
            raise TableError("no blocks of rows: there is nothing to fit")
        self.n_features = first[0].shape[1]

    def slabs(self) -> Iterator[Slab]:
        """Visit all rows in order."""
        n = 0
        for slab in cut_anew(self._alike(), slab_size(self.n_features), self.n_features):
            n = slab.first + len(slab.X)
            yield slab
        if self._weight is not None and len(self._weight) != n:
            raise TableError(f"{len(self._weight)} weights for {n} rows: give one for each")

    def _alike(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        row, d = 0, self.n_features
        for block, weight in self._blocks():
            if block.shape[1] != d:
                raise TableError(
                    f"block with {block.shape[1]} features after blocks with {d}, before row "
                    f"{row}: all blocks need the same features"
                )
            yield block, weight
            row += len(block)

    def _blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        row = 0
        for given in self._open():
            block, weight = given if isinstance(given, tuple) else (given, None)
            block = np.asarray(block)
            if block.ndim != 2 or block.dtype.kind not in "fiub":
                raise TableError(
                    f"block of shape {block.shape} and type {block.dtype} at row {row}: give "
                    "two-dimensional arrays of numbers"
                )
            if weight is not None and self._weight is not None:
                raise TableError("weights in the blocks and as sample_weight: give only one")
            if self._weight is not None:
                weight = self._weight[row : row + len(block)]
            if weight is None:
                weight = np.ones(len(block))
            if np.shape(weight) != (len(block),):
                raise TableError(
                    f"weights of shape {np.shape(weight)} for {len(block)} rows from row {row}: "
                    "give one for each"
                )
            yield block, np.asarray(weight)
            row += len(block)
