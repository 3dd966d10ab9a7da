"""The operating system's wall around what reads a foreign file: no file, no network, no delay.

The readers refuse what names other files and addresses. This is the second wall, for what they
overlook: behind it a process cannot open anything, whatever code asks for it.
"""

from __future__ import annotations

import codecs
import ctypes
import encodings.aliases
import errno
import io
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa
import pyarrow.parquet as pq

from xsift.errors import XsiftError
from xsift.read import read_table
from xsift.read.source import source_of

__all__ = ["cut_network", "prepare", "wall", "was_refused"]

_NEWUSER, _NEWNET = 0x10000000, 0x40000000


def cut_network() -> bool:
    """Take the network from this process for good, where the system lets us; say whether it did.

    To be called before there are threads.
    """
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    # Root needs no user namespace, in which it could not read other users' files.
    return unshare is not None and any(unshare(f) == 0 for f in (_NEWNET, _NEWUSER | _NEWNET))


@contextmanager
def wall(seconds: float) -> Iterator[None]:
    """Open neither file nor socket meanwhile; after so many seconds the process ends (SIGALRM)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, left)


def prepare(form: str) -> None:
    """Import all that reading a format takes: behind the wall no module can be opened.

    A table of one row is read, since the readers and their libraries import late.
    """
    for name in {*encodings.aliases.aliases.values(), "unicode_escape", "idna"}:
        with suppress(LookupError, ImportError):  # those of other systems
            codecs.lookup(name)
    sample = {"votable": _votable, "fits": _fits, "parquet": _parquet}.get(form, _text)
    with suppress(XsiftError):
        read_table(source_of("sample", sample()))


def _text() -> bytes:
    return b"a,b\n1,x\n"


def _votable() -> bytes:
    return b"""<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="a" datatype="double" unit="deg"/><FIELD name="b" datatype="char" arraysize="*"/>
<DATA><TABLEDATA><TR><TD>1</TD><TD>x</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


def _fits() -> bytes:
    from astropy.io import fits

    columns = [
        fits.Column("a", "D", unit="deg", array=[1.0]),
        fits.Column("b", "3A", array=["x"]),
        fits.Column("c", "PD()", array=[[1.0]]),
    ]
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(file)
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0], "b": ["x"]}), file)
    return file.getvalue()


def was_refused(error: BaseException) -> bool:
    """Tell whether an error comes from the wall."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno == errno.EMFILE:
            return True
        at = at.__cause__ or at.__context__
    return os.strerror(errno.EMFILE) in str(error)
