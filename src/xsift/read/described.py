"""IPAC and AAS/CDS machine-readable tables: columns of fixed width that a header describes."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.errors import TableError
from xsift.read.limits import refuse_long_cells

__all__ = ["is_described", "read_described"]

# astropy reads these formats cell by cell: some 10 MB a second, and ten times their size in memory.
_LONGEST = 1 << 26
_MRT = re.compile(rb"^Byte-by-byte Description of file", re.MULTILINE)


def is_described(head: bytes) -> bool:
    """Tell whether a text that begins so is an IPAC or a machine-readable table."""
    return bool(_MRT.search(head)) or _is_ipac(head)


def _is_ipac(head: bytes) -> bool:
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines:
        return False
    rows = (at for at, line in enumerate(lines) if not line.startswith((b"|", b"\\")))
    first = next(rows, len(lines))
    names = lines[first - 1] if first else b""
    if first < len(lines) and b"|" in lines[first]:
        return False  # a bar between the cells of the rows, too
    is_marked = lines[0].startswith(b"\\") or (first < len(lines) and first <= 4)
    return is_marked and names.startswith(b"|") and names.rstrip().endswith(b"|")


def read_described(where: str, content: bytes) -> pa.Table:
    """Read an IPAC or AAS/CDS machine-readable table: text, with declared units and nulls.

    Raises
    ------
    TableError
        If it is larger than 64 MiB, not UTF-8, or does not fit its own description.
    """
    if len(content) > _LONGEST:
        raise TableError(
            f"{where}: more than {_LONGEST >> 20} MiB of fixed-width text: save it as CSV"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise TableError(f"{where}: line {row} is not UTF-8 text: save the file as UTF-8") from None
    form = "mrt" if _MRT.search(content[: 1 << 20]) else "ipac"
    if form == "ipac":
        _refuse_shifted(where, text)
    table = _by_astropy(where, text, form)
    refuse_long_cells(table, where)
    return table


def _refuse_shifted(where: str, text: str) -> None:
    """Refuse an IPAC table with a character below a bar: astropy would drop it, and read 1 of 12.

    Raises
    ------
    TableError
        Names the line.
    """
    bars: list[int] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.startswith("|"):
            bars = [at for at, character in enumerate(line) if character == "|"]
        elif not line.startswith("\\") and any(line[at : at + 1].strip() for at in bars):
            raise TableError(
                f"{where}: line {number}: a cell stands below a bar of the IPAC header: widen the "
                "column"
            )


def _by_astropy(where: str, text: str, form: str) -> pa.Table:
    from astropy.io import ascii

    class AsRead(ascii.TableOutputter):
        """Gives the columns before astropy makes numbers of them."""

        def __call__(self, cols: list[Any], meta: Any) -> list[Any]:
            return cols

    name, kind = {"mrt": ("AAS/CDS", ascii.Cds), "ipac": ("IPAC", ascii.Ipac)}[form]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units that it does not know: ours to judge
            reader = ascii.get_reader(kind, outputter_cls=AsRead)
            columns = reader.read([row for row in re.split(r"\r\n|\r|\n", text) if row.strip()])
        nulls = {name: null for null, _, name, *_ in reader.data.fill_values[1:]}
        arrays = [_cells(column, nulls.get(column.name, "")) for column in columns]
        # A table without a line of units has columns without the attribute.
        units = [str(getattr(c, "unit", None) or "") for c in columns]
    # Of a text that does not fit its own description astropy complains by whatever comes up.
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise TableError(f"{where}: not a whole {name} table: {said}") from error
    fields = [
        pa.field(column.name, pa.string(), metadata={"unit": unit} if unit else None)
        for column, unit in zip(columns, units, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _cells(column: Any, declared: str) -> pa.Array:
    mask = np.broadcast_to(getattr(column, "mask", False), len(column.str_vals))
    null = _number(declared)
    cells = [
        # A null of -9.99 is meant by -9.990, too.
        None
        if hidden or not cell.strip() or (null is not None and _number(cell) == null)
        else cell.strip()
        for cell, hidden in zip(column.str_vals, mask, strict=True)
    ]
    return pa.array(cells, pa.string())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
