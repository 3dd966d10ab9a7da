"""A column that xsift cannot read: known by name, refused only where it is used."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["unreadable", "why_unreadable"]

_KEY = b"unreadable"


def unreadable(name: str, n_rows: int, why: str) -> tuple[pa.Field, pa.Array]:
    """Return an empty column that stands for one whose cells cannot be read.

    Parameters
    ----------
    name : str
    n_rows : int
    why : str
        What it holds, to follow "holds": ``"arrays of 4 numbers"``.
    """
    field = pa.field(name, pa.null(), metadata={_KEY: why.encode()})
    return field, pa.nulls(n_rows)


def why_unreadable(field: pa.Field) -> str:
    """Return what the column holds that cannot be read; empty text where it is a plain column."""
    return str((field.metadata or {}).get(_KEY, b"").decode("utf-8", "replace"))
