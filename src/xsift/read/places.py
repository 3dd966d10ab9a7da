"""Where a file is: a path here, or an address that fsspec knows (``s3://bucket/table``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.errors import TableError, XsiftError, first_line, need, refuse_path

__all__ = ["Place", "arrow_file", "is_address", "place_of", "reached"]

Place = Any
"""A Path; or, of an address, a UPath, which does what a Path does."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_address(path: str | Path) -> bool:
    """Tell whether this is an address such as ``s3://bucket/table``; a Path is none."""
    return isinstance(path, str) and bool(_ADDRESS.match(path))


def place_of(path: str | Path) -> Place:
    """Return where a path or an address points to.

    Raises
    ------
    MissingPackageError
        If it is an address, and the extra `cluster` is not installed.
    TableError
        If it is an address of a kind that no installed package reads.
    """
    if not is_address(path):
        return Path(path)
    need("lsdb", f"{path}: cannot read addresses")  # it brings fsspec
    from upath import UPath

    with reached(str(path)):
        return UPath(str(path).rstrip("/"))


@contextmanager
def reached(where: str) -> Iterator[None]:
    """Raise a TableError where a file or an address cannot be read."""
    with refuse_path(TableError, where, "read"):
        try:
            yield
        except (XsiftError, OSError, pa.ArrowException, MemoryError):
            raise
        except Exception as error:
            # What reads addresses raises errors of its own kinds, of other packages.
            if not is_address(where):
                raise
            raise TableError(f"{where}: cannot be read: {first_line(error)}") from error


def arrow_file(place: Place) -> pa.NativeFile:
    """Open a file for pyarrow."""
    if isinstance(place, Path):
        return pa.OSFile(str(place))
    try:
        return pa.PythonFile(place.open("rb"), mode="r")
    except FileNotFoundError as error:  # else taken for damage: it has no number, as Arrow's have
        raise TableError(f"{place}: cannot be read: No such file") from error
