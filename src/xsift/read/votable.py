"""VOTable: as TAP services, the Chandra command line and astropy write it."""

from __future__ import annotations

import re
import warnings
import xml.parsers.expat
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.errors import TableError, XsiftWarning
from xsift.read.source import Source

__all__ = ["read_votable"]

# What astropy warns of when it reads on with another value: cells that are not numbers, integers
# that do not fit, rows that are not all there.
_NOT_A_NUMBER, _WRONG_VALUES = "W30", ("W18", "W51")


def read_votable(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read the first table of a VOTable; masked cells become null.

    Columns carry the FIELD's `name`, not its ID: the Chandra command line writes IDs ``col1``,
    ``col2``. An error message of a TAP service is refused, an answer that a row limit cut off
    (OVERFLOW) is read with a warning.

    Raises
    ------
    TableError
        If the file is damaged, hostile (entities, references to other files) or has no table.
    """
    _refuse_hostile(source)
    from astropy.io.votable import parse
    from astropy.utils.exceptions import AstropyWarning

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AstropyWarning)
            document = parse(source.stream(), verify="warn", filename="line")
            tables = [t for t in document.iter_tables() if len(t.fields)]
        _heed_query_status(source, document)
        if not tables:
            raise TableError(f"{source.path}: the VOTable holds no table")
        _heed_bad_cells(source, [str(w.message) for w in caught])
        return _to_arrow(tables[0])
    except TableError:
        raise
    except Exception as error:  # whatever astropy throws at a damaged file, the user gets one line
        raise TableError(f"{source.path}: not a whole VOTable: {_first_line(error)}") from error


def _to_arrow(table: Any) -> pa.Table:
    columns, fields = [], []
    for field in table.fields:
        values = np.ma.asanyarray(table.array[field.ID])
        mask = np.ma.getmaskarray(values)
        kind = values.dtype.kind
        if values.ndim != 1 or kind == "c" or (kind == "O" and _holds_arrays(values)):
            continue  # arrays in cells and complex numbers are nothing that xsift reads
        columns.append(_column(np.ma.getdata(values), mask))
        unit = str(field.unit) if field.unit is not None else ""
        fields.append(pa.field(str(field.name).strip(), columns[-1].type, metadata={"unit": unit}))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _column(values: np.ndarray, mask: np.ndarray) -> pa.Array:
    if values.dtype.kind in "OUS":
        # A VOTable cannot tell empty text from none.
        text = [None if m else _text(v) or None for v, m in zip(values, mask, strict=True)]
        return pa.array(text, type=pa.string())
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return pa.array(native, mask=mask)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _holds_arrays(values: np.ndarray) -> bool:
    return any(isinstance(v, np.ndarray) for v in np.ma.getdata(values)[:10])


def _heed_query_status(source: Source, document: Any) -> None:
    for resource in document.resources:
        for info in resource.infos:
            if info.name != "QUERY_STATUS":
                continue
            if info.value == "ERROR":
                said = f": {_first_line(info.content)}" if info.content else ""
                raise TableError(f"{source.path}: not a table but a service's error message{said}")
            if info.value == "OVERFLOW":
                warnings.warn(
                    f"{source.path}: the service cut this table off at its row limit",
                    XsiftWarning,
                    stacklevel=2,
                )


def _heed_bad_cells(source: Source, said: list[str]) -> None:
    """Tell of cells that astropy reads as missing; refuse those that it reads as another value."""
    for line in said:
        if any(f": {code}: " in line for code in _WRONG_VALUES):
            raise TableError(f"{source.path}: not a whole VOTable: {_first_line(line)}")
    bad = [line for line in said if f": {_NOT_A_NUMBER}: " in line]
    if bad:
        warnings.warn(
            f"{source.path}: cells that are not numbers count as missing, the first: "
            f"{_first_line(bad[0])}",
            XsiftWarning,
            stacklevel=3,
        )


def _refuse_hostile(source: Source) -> None:
    """Refuse entities (they can expand without end) and streams (they fetch other files)."""
    # The whole of it: a long comment can stand before the declarations.
    if b"<!ENTITY" in source.content or re.search(rb"<!DOCTYPE[^>]*\[", source.content):
        raise TableError(f"{source.path}: the VOTable declares entities: refused as unsafe")
    if b"href" in source.content and b"STREAM" in source.content:
        _refuse_remote_streams(source)


def _refuse_remote_streams(source: Source) -> None:
    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "STREAM" and "href" in attributes:
            raise TableError(
                f"{source.path}: the VOTable's data lie in another file "
                f"({attributes['href'][:80]!r}): refused as unsafe; give that file itself"
            )

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(source.content, True)
    except xml.parsers.expat.ExpatError as error:
        raise TableError(f"{source.path}: not a whole VOTable: {error}") from error


def _first_line(error: object) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
