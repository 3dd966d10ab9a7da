"""Rows of a Dask collection: read block by block, or summed where they lie, on Dask's workers.

Dask is never imported here before the user has done so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from xsift.errors import TableError
from xsift.mixture.blocks import Result, Rows, Slab, StreamRows, slab_size
from xsift.mixture.matrix import matrix_of, names_of

__all__ = ["collection_rows", "is_collection"]


def is_collection(X: Any) -> bool:
    """Tell an array or a data frame of Dask, or a catalogue of LSDB."""
    return hasattr(X, "to_delayed") and (hasattr(X, "columns") or hasattr(X, "chunks"))


def collection_rows(X: Any, weight: np.ndarray | None) -> tuple[Rows, list[str] | None]:
    """Make rows of a Dask collection.

    Parameters
    ----------
    X : dask.array.Array of shape (n, d), dask.dataframe.DataFrame or lsdb.Catalog
        Of tables, all columns are features; their index is none.
    weight : ndarray of shape (n,), optional

    Returns
    -------
    rows : Rows
        With a client of dask.distributed, those of its workers.
    names : list of str, or None
        Of the features, where they have names.

    Raises
    ------
    TableError
        If it has not two dimensions, no rows, or another number of them than weights.
    """
    names = None
    if hasattr(X, "columns"):
        names = names_of(list(X.columns))
        parts, d = X.to_delayed(), len(X.columns)
    else:
        if X.ndim != 2:
            raise TableError(f"Expected 2D array, got {X.ndim}D array instead: give n rows of d")
        d = int(X.shape[1])
        parts = X.rechunk({1: -1}).to_delayed().ravel().tolist()
    client = _client()
    if client is None:
        rows: Rows = StreamRows(lambda: (_matrix(part.compute()) for part in parts), weight)
    else:
        rows = _WorkersRows(parts, d, weight, client)
    return rows, None if names is None else list(names)


def _client() -> Any:
    """Return the client of dask.distributed that the user has started; None where there is none."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None


def _matrix(part: Any) -> np.ndarray:
    return part if isinstance(part, np.ndarray) else matrix_of(part)[0]


class _WorkersRows(Rows):
    """Rows on the workers of dask.distributed: only what a function says of a slab comes here.

    The parts are cut anew into slabs, each on one worker: of a part only what another worker's
    slab needs travels. They are made again in each visit, unless the user has them persisted.
    """

    def __init__(
        self, parts: list[Any], n_features: int, weight: np.ndarray | None, client: Any
    ) -> None:
        import dask.array
        from dask.delayed import delayed

        da: Any = dask.array  # partly without types
        self.n_features, self._client, self._weight = n_features, client, weight
        lengths = client.gather(client.compute([delayed(len)(part) for part in parts]))
        n = sum(lengths)
        if not n:
            raise TableError("no blocks of rows: there is nothing to fit")
        if weight is not None and len(weight) != n:
            raise TableError(f"{len(weight)} weights for {n} rows: give one for each")
        matrices = [
            da.from_delayed(delayed(_matrix)(part), (length, n_features), np.float64)
            for part, length in zip(parts, lengths, strict=True)
            if length
        ]
        # Not by a shuffle through files, which pays off only where all parts mix.
        slabs = da.concatenate(matrices).rechunk((slab_size(n_features), -1), method="tasks")
        self._slabs = slabs.to_delayed().ravel().tolist()

    def slabs(self) -> Iterator[Slab]:
        """Visit all rows in order: here, not on the workers."""
        return self.each(_itself)

    def each(
        self, function: Callable[..., Result], *args: Any, wide: bool = False, **here: Any
    ) -> Iterator[Result]:
        """Give what a function says of every slab, in their order; it is called on the workers."""
        from dask.delayed import delayed

        # One node of the graph that all tasks share, and not one copy in each of them.
        given = [delayed(arg, traverse=False) for arg in args]
        call, size = delayed(_on_slab), slab_size(self.n_features)
        tasks = []
        for number, X in enumerate(self._slabs):
            first = number * size
            weight = None if self._weight is None else self._weight[first : first + size]
            tasks.append(call(function, X, weight, first, *given))
        futures = self._client.compute(tasks)
        try:
            for at in range(len(futures)):
                yield futures[at].result()
                futures[at] = None  # the workers need not keep it
        finally:
            self._client.cancel([future for future in futures if future is not None])


def _on_slab(
    function: Callable[..., Result],
    X: np.ndarray,
    weight: np.ndarray | None,
    first: int,
    *args: Any,
) -> Result:
    # What comes from another worker is read-only, and kernels would be compiled again for it.
    X = np.require(X, np.float64, ["C", "W"])
    weight = np.ones(len(X)) if weight is None else np.array(weight)
    return function(Slab(X, weight, first), *args)


def _itself(slab: Slab) -> Slab:
    return slab
