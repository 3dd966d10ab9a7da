"""Rows that are read anew in each visit: from Parquet files, or by a function of the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xsift.errors import TableError
from xsift.mixture.blocks import Block, Rows, StreamRows

__all__ = ["ParquetBlocks", "as_rows", "is_stream"]


class ParquetBlocks:
    """Blocks of rows of Parquet files; null is missing.

    Call it for an iterator over the rows.

    Parameters
    ----------
    path : str, Path, or sequence of these
        Of several files, their rows one after another.
    columns : sequence of str, optional
        The features. All columns of the first file where None: they must be numbers then.
    weight : str, optional
        Column with the rows' weights.
    block_size : int, default=65536
        Rows in memory at a time. It has no influence on results.

    Raises
    ------
    TableError
        If a file cannot be read, or lacks a column, or a column does not hold numbers.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        columns: Sequence[str] | None = None,
        *,
        weight: str | None = None,
        block_size: int = 65536,
    ) -> None:
        self.paths = [path] if isinstance(path, str | Path) else list(path)
        if not self.paths:
            raise TableError("no Parquet file: give one at least")
        self.weight, self.block_size = weight, block_size
        schemas = [_parquet_schema(path) for path in self.paths]
        named = schemas[0].names if columns is None else list(columns)
        self.columns = [name for name in named if name != weight]
        for path, schema in zip(self.paths, schemas, strict=True):
            for name in self._wanted:
                _refuse_other_than_numbers(path, schema, name)

    def __call__(self) -> Iterator[Block]:
        """Open the files, and read block by block."""
        import pyarrow.parquet as pq

        for path in self.paths:
            with open(path, "rb") as opened, pq.ParquetFile(opened) as file:
                for batch in file.iter_batches(self.block_size, columns=self._wanted):
                    cells = [batch.column(name) for name in self._wanted]
                    values = [
                        np.asarray(c.to_numpy(zero_copy_only=False), dtype=np.float64)
                        for c in cells
                    ]
                    X = np.column_stack(values[: len(self.columns)])
                    yield X if self.weight is None else (X, values[-1])

    @property
    def _wanted(self) -> list[str]:
        return [*self.columns, *([] if self.weight is None else [self.weight])]


def _parquet_schema(path: str | Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open(path, "rb") as file:  # a name with a colon would be read as an address
            return pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise TableError(f"{path}: cannot be read as Parquet: {error}") from error


def _refuse_other_than_numbers(path: str | Path, schema: Any, name: str) -> None:
    import pyarrow.types as types

    if name not in schema.names:
        raise TableError(f"{path}: there is no column {name}")
    kind = schema.field(name).type
    if not (types.is_floating(kind) or types.is_integer(kind)):
        raise TableError(
            f"{path}: column {name} holds {kind}, not numbers: name the features with "
            "ParquetBlocks(path, columns)"
        )


def as_rows(X: Any, weight: np.ndarray | None) -> tuple[Rows, list[str] | None]:
    """Make rows of a Parquet path or a function that opens blocks.

    Returns
    -------
    rows : Rows
    names : list of str, or None
        Of the features, where they are known.

    Raises
    ------
    TableError
        If an iterator is given, which can be visited only once.
    """
    if isinstance(X, str | Path):
        X = ParquetBlocks(X)
    names = X.columns if isinstance(X, ParquetBlocks) else None
    if isinstance(X, Iterator):
        raise TableError(
            "an iterator of blocks can be visited only once, and EM visits the rows once in each "
            "iteration: give a function without arguments that returns a new iterator"
        )
    return StreamRows(X, weight), names


def is_stream(X: Any) -> bool:
    """Say whether `X` is something to read rows from, and not rows."""
    return isinstance(X, str | Path | Iterator) or (callable(X) and not hasattr(X, "__array__"))
