"""Damaged files: one error for whatever a parser throws at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from xsift.errors import TableError, first_line

__all__ = ["refuse_damage"]


@contextmanager
def refuse_damage(where: str, what: str) -> Iterator[None]:
    """Say that a file is not whole where its parser fails.

    Parameters
    ----------
    where : str
        The file, for messages.
    what : str
        What it should be: ``"FITS table"``.
    """
    try:
        yield
    except TableError:
        raise
    # Damage shows in many ways: a name that is no text, an offset outside the file.
    except (pa.ArrowException, OSError, ValueError, LookupError, ArithmeticError, MemoryError) as e:
        raise TableError(f"{where}: not a whole {what}: {first_line(e)}") from e
