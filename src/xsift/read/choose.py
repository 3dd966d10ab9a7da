"""Which table of a file with several is read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from xsift.errors import XsiftWarning
from xsift.read.units import plain_name

__all__ = ["Offered", "assembled", "choose_table"]


@dataclass(frozen=True)
class Offered:
    """A table that a file holds.

    Attributes
    ----------
    name : str
        Its name or number in the file, for messages: ``"2 (SRCLIST)"``.
    columns : tuple of str
    n_rows : int
    """

    name: str
    columns: tuple[str, ...]
    n_rows: int


def choose_table(where: str, offered: Sequence[Offered], wanted: Sequence[str] = ()) -> int:
    """Choose the table that serves: rows first, then the most of the wanted columns, then order.

    Warns wherever another table with rows is left out.

    Parameters
    ----------
    where : str
        The file, for messages.
    offered : sequence of Offered
        One at least.
    wanted : sequence of str
        Names of columns, without regard to case or to a unit in brackets behind them.

    Returns
    -------
    int
        Place of the chosen table in `offered`.
    """
    names = {w.casefold() for w in wanted}

    def merit(at: int) -> tuple[bool, int, int]:
        table = offered[at]
        has = len(names & {plain_name(c).casefold() for c in table.columns})
        return table.n_rows > 0, has, -at

    best = max(range(len(offered)), key=merit)
    others = [t for at, t in enumerate(offered) if at != best and t.n_rows]
    if others:
        listed = ", ".join(f"{t.name} with {t.n_rows:,} rows" for t in others[:5])
        listed += ", ..." if len(others) > 5 else ""
        warnings.warn(
            f"{where}: the file holds {len(offered)} tables: {offered[best].name} with "
            f"{offered[best].n_rows:,} rows is read; not read: {listed}",
            XsiftWarning,
            stacklevel=3,
        )
    return best


def assembled(columns: Sequence[tuple[pa.Field, pa.Array]]) -> pa.Table:
    """Return columns with their fields as a table."""
    fields, arrays = zip(*columns, strict=True)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
