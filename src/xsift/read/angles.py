"""Positions written as hours or degrees, minutes and seconds."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.classes import DASHES
from xsift.errors import TableError, XsiftWarning

__all__ = ["is_sexagesimal", "sexagesimal"]

# Two or three numbers with blanks, colons or letters between them; read by Arrow, too.
_SEXAGESIMAL = (
    r"^[+-]?\d{1,3}(\s+|\s*:\s*|\s*[hd]\s*)\d{1,2}"
    r"((\s+|\s*:\s*|\s*m\s*)\d{1,2}(\.\d*)?\s*s?|(\.\d*)?\s*m?)$"
)
_SPELLED = (
    (DASHES, "-"),
    ("\N{DEGREE SIGN}", "d"),
    ("\u2032'", "m"),
    ('\u2033"', "s"),
)
_PLAIN = str.maketrans({c: letter for signs, letter in _SPELLED for c in signs})


def is_sexagesimal(cells: pa.Array) -> bool:
    """Tell whether a column of text has a cell such as ``00 42 44.3`` or ``-21:01:53``."""
    plain = cells
    for signs, letter in _SPELLED:
        plain = pc.replace_substring_regex(plain, f"[{signs}]", letter)
    return bool(pc.any(pc.match_substring_regex(plain, _SEXAGESIMAL)).as_py())


def sexagesimal(cells: pa.Array, unit: str, where: str, name: str, axis: str) -> np.ndarray:
    """Return sexagesimal positions in degrees, NaN where a cell is null; warns that it did.

    Parameters
    ----------
    cells : pyarrow.Array
        Text.
    unit : str
        As the file declares it: right ascensions are hours, unless it begins with ``d:``.
    where, name : str
        File and column, for messages.
    axis : {"ra", "dec"}

    Raises
    ------
    TableError
        If a cell is not sexagesimal, or not possible; names the row.
    """
    from astropy.coordinates import Angle

    is_hours = axis == "ra" and not unit.strip("\"'").casefold().startswith(("d:", "d m", "dms"))
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells.to_pylist()):
        if cell is None:
            continue
        plain = cell.translate(_PLAIN)
        if not re.fullmatch(_SEXAGESIMAL, plain):
            raise TableError(
                f"{where}: column {name}, row {row + 1}: {cell[:40]!r} is not sexagesimal, as "
                "other cells of the column are: write all in one way"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # 60 minutes
                angle = Angle(plain, unit="hourangle" if is_hours else "deg")
            values[row] = angle.deg
        except (ValueError, Warning) as error:
            raise TableError(
                f"{where}: column {name}, row {row + 1}: {cell[:40]!r} is no position"
            ) from error
    says_itself = pc.all(pc.match_substring_regex(cells.drop_null(), "[hd\N{DEGREE SIGN}]")).as_py()
    read_as = "hours, minutes and seconds" if is_hours else "degrees, minutes and seconds"
    if says_itself and axis == "ra":
        read_as = "the letters in its cells say"
    warnings.warn(
        f"{where}: column {name} is sexagesimal: read as {read_as}", XsiftWarning, stacklevel=4
    )
    return values
