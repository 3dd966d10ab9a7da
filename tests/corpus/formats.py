"""One table of eight detections, and its file in every format: what the corpus is made from."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

NAMES = [f"2CXO J0042{i:02d}.3+411608" for i in (1, 2, 3, 3, 4, 5, 6)] + ["2CXO J004207.3+411608X"]
COLUMNS = {
    "name": NAMES,
    "obsid": [314, 314, 314, 2017, 314, 9526, 314, 314],
    "ra": [10.6 + i / 128 for i in range(8)],
    "dec": [41.25 - i / 256 for i in range(8)],
    "hard_hm": [0.1, -0.2, 0.3, None, 0.125, -0.5, 0.0, 0.7],
    "hard_hs": [0.3, -0.4, 0.35, 0.25, 0.2, -0.6, 0.1, 0.75],
    "hard_ms": [0.2, -0.25, 0.0625, 0.1, 0.08, -0.15, 0.1, 0.2],
    "powlaw_gamma": [1.9, 2.1, 1.7, 1.8, None, 3.1, 2.0, 0.9],
    "bb_kt": [0.5, 0.42, 0.61, 0.58, 0.5, 0.17, 0.49, 1.3],
    "var_prob_b": [0.1, 0.2, 0.95, 0.3, 0.5, 0.6, 1.0, 0.7],
    "var_ratio_b": [0.01, 0.02, 0.8, 0.03, 0.05, 0.06, 0.25, 0.07],
    "var_prob_h": [0.3, 0.1, 0.7, 0.2, 0.4, 0.5, 0.9, 0.6],
    "var_ratio_h": [0.02, 0.01, 0.3, 0.015, 0.04, 0.05, 0.125, 0.06],
    "var_prob_s": [0.2, 0.3, 0.6, 0.1, 0.5, 0.4, 0.8, 0.7],
    "var_ratio_s": [0.03, 0.02, 0.2, 0.01, 0.05, 0.04, 0.1, 0.06],
    "var_newq_b": [1.0, 1.01, 1.5, 1.0, 0.99, 1.0, 1.2, 1.0],
}
UNITS = {"ra": "deg", "dec": "deg", "bb_kt": "keV"}
KINDS = {"name": pa.string(), "obsid": pa.int64()}


def table(**changed: object) -> pa.Table:
    """The eight detections; `changed` columns replace theirs (None: left out) or are added."""
    columns = {**COLUMNS, **changed}
    arrays = {
        k: v if isinstance(v, pa.Array) else pa.array(v, KINDS.get(k) if k not in changed else None)
        for k, v in columns.items()
        if v is not None
    }
    fields = [
        pa.field(k, a.type, metadata={"unit": UNITS[k]} if k in UNITS else None)
        for k, a in arrays.items()
    ]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def astropy_table(given: pa.Table):
    """The same as astropy's Table, nulls masked."""
    from astropy.table import MaskedColumn, Table

    out = Table()
    for field in given.schema:
        values = given[field.name].to_pylist()
        mask = [v is None for v in values]
        fill = "" if pa.types.is_string(field.type) else 0
        plain = [fill if v is None else v for v in values]
        unit = (field.metadata or {}).get(b"unit", b"").decode() or None
        out[field.name] = MaskedColumn(plain, mask=mask, unit=unit)
    return out


def votable(given: pa.Table, form: str = "tabledata") -> bytes:
    from astropy.io.votable import from_table, writeto

    sink = io.BytesIO()
    document = from_table(astropy_table(given))
    writeto(document, sink, tabledata_format=form)
    return sink.getvalue()


def fits(given: pa.Table) -> bytes:
    """Text blank and numbers NaN where missing; integers carry TNULL."""
    from astropy.io import fits as io_fits

    columns = []
    for field in given.schema:
        values, unit = given[field.name], (field.metadata or {}).get(b"unit", b"").decode()
        if pa.types.is_string(field.type):
            text = np.array([v or "" for v in values.to_pylist()], dtype="S")
            columns.append(io_fits.Column(field.name, f"{text.dtype.itemsize}A", array=text))
        elif pa.types.is_integer(field.type):
            whole = values.fill_null(-99).to_numpy()
            columns.append(io_fits.Column(field.name, "K", null=-99, array=whole))
        else:
            number = values.cast(pa.float64()).to_numpy()
            columns.append(io_fits.Column(field.name, "D", unit=unit, array=number))
    sink = io.BytesIO()
    io_fits.BinTableHDU.from_columns(columns).writeto(sink)
    return sink.getvalue()


def parquet(given: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(given, sink)
    return sink.getvalue()


def text(given: pa.Table, delimiter: str = ",") -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(given, sink, pa.csv.WriteOptions(delimiter=delimiter))
    return sink.getvalue()


def by_astropy(given: pa.Table, form: str, suffix: str) -> bytes:
    """The file that astropy's own writer makes."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{suffix}"
        astropy_table(given).write(path, format=form)
        return path.read_bytes()


FORMATS = {
    "votable-tabledata": votable,
    "votable-binary": lambda t: votable(t, "binary"),
    "votable-binary2": lambda t: votable(t, "binary2"),
    "votable-utf16": lambda t: votable(t).decode().replace("utf-8", "utf-16").encode("utf-16"),
    "fits": fits,
    "parquet": parquet,
    "parquet-astropy": lambda t: by_astropy(t, "parquet", "parquet"),
    "csv": text,
    "tsv": lambda t: text(t, "\t"),
    "semicolons": lambda t: text(t, ";"),
    "ecsv": lambda t: by_astropy(t, "ascii.ecsv", "ecsv"),
    "ipac": lambda t: by_astropy(t, "ascii.ipac", "tbl"),
    "gzip": lambda t: gzip.compress(text(t)),
}
"""A writer of each kind of file that xsift reads."""
