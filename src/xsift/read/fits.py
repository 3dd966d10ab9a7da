"""FITS binary and ASCII tables."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.errors import TableError
from xsift.read.source import Source

__all__ = ["read_fits"]


def read_fits(source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read the first table of a FITS file; NaN, TNULL and blank text become null.

    Raises
    ------
    TableError
        If the file is cut off or damaged, or has no table.
    """
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning
    from astropy.utils.exceptions import AstropyWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            warnings.simplefilter("ignore", VerifyWarning)
            # astropy only warns of a file that is cut off, and would read what is left of it.
            warnings.filterwarnings("error", message=".*truncated.*")
            with fits.open(source.stream(), memmap=False) as hdus:
                kinds = (fits.BinTableHDU, fits.TableHDU)
                table = next((h for h in hdus if isinstance(h, kinds)), None)
                if table is None:
                    raise TableError(f"{source.path}: the FITS file holds no table, only images")
                return _to_arrow(table)
    except TableError:
        raise
    except Exception as error:  # whatever astropy throws at a damaged file, the user gets one line
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TableError(f"{source.path}: not a whole FITS table: {line[:300]}") from error


def _to_arrow(hdu: Any) -> pa.Table:
    arrays, fields = [], []
    for column in hdu.columns:
        values = np.asarray(hdu.data[column.name])
        if values.ndim != 1 or values.dtype.kind in "Oc":
            continue  # arrays in cells and complex numbers are nothing that xsift reads
        arrays.append(_column(values, column.null))
        metadata = {"unit": (column.unit or "").strip()}
        fields.append(pa.field(column.name.strip(), arrays[-1].type, metadata=metadata))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _column(values: np.ndarray, null: Any) -> pa.Array:
    if values.dtype.kind in "US":
        text = np.char.strip(values.astype(str))
        return pa.array(text, type=pa.string(), mask=text == "")
    native = values.astype(values.dtype.newbyteorder("="))
    if native.dtype.kind == "f":
        return pa.array(native, mask=np.isnan(native))
    mask = None if null in (None, "") else native == int(null)
    return pa.array(native, mask=mask)
