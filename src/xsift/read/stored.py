"""Numbers and text stored as bytes, in FITS binary tables and VOTables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xsift.read.written import stripped

__all__ = ["logical", "number", "text_of", "texts"]

_TRUE, _FALSE, _UNKNOWN = b"Tt1", b"Ff0", b"\0? "


def number(values: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Return numbers of any byte order; NaN and `missing` become null.

    Parameters
    ----------
    values, missing : ndarray, shape (n,)
    """
    native = values.astype(values.dtype.newbyteorder("="))
    if native.dtype.kind == "f":
        nan = np.isnan(native)
        missing = nan if missing is None else missing | nan
    return pa.array(native, mask=missing)


def logical(codes: np.ndarray, missing: np.ndarray | None = None) -> pa.Array | None:
    """Return truth values from their letters; None where one is neither true nor false nor unknown.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n,)
    missing : ndarray of bool, shape (n,)
    """
    true, false, unknown = (np.isin(codes, list(of)) for of in (_TRUE, _FALSE, _UNKNOWN))
    if missing is not None:
        unknown |= missing
    if not (true | false | unknown).all():
        return None
    return pa.array(true, mask=unknown)


def text_of(cells: np.ndarray) -> pa.ChunkedArray:
    """Return text from cells of one width; see `texts`.

    Parameters
    ----------
    cells : ndarray of uint8, shape (n, width)
    """
    n, width = cells.shape
    if width == 0 or n == 0:
        return pa.chunked_array([pa.nulls(n, pa.string())])
    ends = np.logical_or.accumulate(cells == 0, axis=1)
    whole = np.where(ends, 0, cells) if ends.any() else np.ascontiguousarray(cells)
    return _decoded(pa.array(whole.view(f"S{width}").ravel(), type=pa.binary()))


def texts(cells: Sequence[bytes | None]) -> pa.ChunkedArray:
    """Return text: up to the first NUL, where it ends by the standards; null where blank.

    A column that is not UTF-8 throughout is read as Latin-1 throughout, which has a character for
    every byte: no two names become one.
    """
    ended = [None if c is None else c.partition(b"\0")[0] for c in cells]
    return _decoded(pa.array(ended, type=pa.binary()))


def _decoded(cells: pa.Array) -> pa.ChunkedArray:
    try:
        text = pa.chunked_array([cells]).cast(pa.string())
    except pa.ArrowInvalid:
        latin = [None if c is None else c.decode("latin-1") for c in cells.to_pylist()]
        text = pa.chunked_array([pa.array(latin, type=pa.string())])
    return stripped(text)
