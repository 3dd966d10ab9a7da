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

_PROLOG = 1 << 16


def read_votable(source: Source) -> pa.Table:
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
    from astropy.io.votable.exceptions import VOTableSpecError
    from astropy.utils.exceptions import AstropyWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            document = parse(source.stream(), verify="ignore")
            tables = [t for t in document.iter_tables() if len(t.fields)]
    except (VOTableSpecError, ValueError, IndexError, TypeError, KeyError, OSError) as error:
        raise TableError(f"{source.path}: not a whole VOTable: {_first_line(error)}") from error
    _heed_query_status(source, document)
    if not tables:
        raise TableError(f"{source.path}: the VOTable holds no table")
    return _to_arrow(source, tables[0])


def _to_arrow(source: Source, table: Any) -> pa.Table:
    columns, fields = [], []
    for field in table.fields:
        values = np.ma.asanyarray(table.array[field.ID])
        mask = np.ma.getmaskarray(values)
        if values.ndim != 1 or (values.dtype.kind == "O" and _holds_arrays(values)):
            continue  # arrays in cells are nothing that xsift reads
        columns.append(_column(np.ma.getdata(values), mask))
        unit = str(field.unit) if field.unit is not None else ""
        fields.append(pa.field(str(field.name).strip(), columns[-1].type, metadata={"unit": unit}))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _column(values: np.ndarray, mask: np.ndarray) -> pa.Array:
    if values.dtype.kind in "OUS":
        text = [None if m else _text(v) for v, m in zip(values, mask, strict=True)]
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


def _refuse_hostile(source: Source) -> None:
    """Refuse entities (they can expand without end) and streams (they fetch other files)."""
    head = source.content[:_PROLOG]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
        raise TableError(f"{source.path}: UTF-16 XML: save the VOTable as UTF-8")
    if b"<!ENTITY" in head or re.search(rb"<!DOCTYPE[^>]*\[", head):
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
