"""The operating system's wall around what reads a foreign file: no file, no network, no delay.

The readers refuse what names other files and addresses. This is the second wall, for what they
overlook: behind it a process cannot open anything, whatever code asks for it.
"""

from __future__ import annotations

import base64
import codecs
import encodings.aliases
import errno
import io
import os
import resource
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa
import pyarrow.parquet as pq

from xsift.errors import XsiftError
from xsift.read import read_table
from xsift.read.source import source_of

__all__ = ["prepare", "wall", "was_refused"]


@contextmanager
def wall(seconds: float) -> Iterator[None]:
    """Forbid opening files and sockets in a block. The process ends at the time limit (SIGALRM)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, left)


def prepare(form: str) -> None:
    """Import everything that reading a format needs. No module can be imported behind the wall.

    This function reads small tables, because the readers and their libraries import late.
    """
    for name in {*encodings.aliases.aliases.values(), "unicode_escape", "idna"}:
        with suppress(LookupError, ImportError):  # those of other systems
            codecs.lookup(name)
    for sample in {"votable": _votable, "fits": _fits, "parquet": _parquet}.get(form, _text)():
        with warnings.catch_warnings(), suppress(XsiftError):
            warnings.simplefilter("ignore")
            read_table(source_of("sample", sample))


def _text() -> list[bytes]:
    ecsv = b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n1\n"
    ipac = b"|   a|   b|\n| int|char|\n    1    x\n"
    aas = b"""Title: sample
Authors: A
Table: sample
================================================================================
Byte-by-byte Description of file: t.txt
--------------------------------------------------------------------------------
   Bytes Format Units  Label  Explanations
--------------------------------------------------------------------------------
   1-  3 F3.1   keV    a      number
   5-  5 A1     ---    b      text
--------------------------------------------------------------------------------
1.0 x
"""
    return [b"a,b\n1,x\n", ecsv, ipac, aas]


def _votable() -> list[bytes]:
    fields = '<FIELD name="a" datatype="double"/><FIELD name="b" datatype="char" arraysize="*"/>'
    stream = base64.b64encode(_fits()[0]).decode()
    return [
        f"<VOTABLE><RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>".encode()
        for data in (
            "<TABLEDATA><TR><TD>1</TD><TD>x</TD></TR></TABLEDATA>",
            '<BINARY><STREAM encoding="base64">P/AAAAAAAAAAAAABeA==</STREAM></BINARY>',
            f'<FITS><STREAM encoding="base64">{stream}</STREAM></FITS>',
        )
    ]


def _fits() -> list[bytes]:
    from astropy.io import fits

    columns = [
        fits.Column("a", "D", unit="deg", array=[1.0]),
        fits.Column("b", "3A", array=["x"]),
    ]
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(file)
    return [file.getvalue()]


def _parquet() -> list[bytes]:
    described = {"table_meta_yaml": "datatype:\n- {name: a, datatype: float64}\n"}
    described["IVOA.VOTable-Parquet.content"] = _votable()[0].decode()
    file = io.BytesIO()
    table = pa.table({"a": [1.0], "b": ["x"]}).replace_schema_metadata(described)
    pq.write_table(table, file)
    return [file.getvalue()]


def was_refused(error: BaseException) -> bool:
    """Tell whether an error comes from the wall."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno == errno.EMFILE:
            return True
        at = at.__cause__ or at.__context__
    return os.strerror(errno.EMFILE) in str(error)
