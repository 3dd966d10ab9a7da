"""The operating system's wall around what reads a foreign file: no file, no network, no delay.

The readers refuse what names other files and addresses. This is the second wall, for what they
overlook: behind it a process cannot open anything, whatever code asks for it.
"""

from __future__ import annotations

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

    Small tables are read, since the readers and their libraries import late.
    """
    for name in {*encodings.aliases.aliases.values(), "unicode_escape", "idna"}:
        with suppress(LookupError, ImportError):  # those of other systems
            codecs.lookup(name)
    for sample in {"votable": _votable, "fits": _fits, "parquet": _parquet}.get(form, _text)():
        with warnings.catch_warnings(), suppress(XsiftError):
            warnings.simplefilter("ignore")
            read_table(source_of("sample", sample))


def _text() -> list[bytes]:
    return [b"a,b\n1,x\n"]


def _votable() -> list[bytes]:
    import astropy.units as u
    from astropy.io.votable.tree import CooSys

    # astropy opens its list of frames anew at every COOSYS.
    if hasattr(CooSys, "reference_frames"):
        CooSys.reference_frames = CooSys(ID="c", system="ICRS").reference_frames
    # The version decides how units are written; a wrong one is tried as each of these.
    for grammar in ("generic", "cds", "fits", "ogip", "vounit"):
        for text in ("km/s", "not a unit"):
            u.Unit(text, format=grammar, parse_strict="silent")
    return [
        f'''<VOTABLE version="{version}"><RESOURCE><TABLE>
<FIELD name="a" datatype="double" unit="{unit}" ucd="{ucd}"/>
<FIELD name="b" datatype="char" arraysize="*"/><DATA><TABLEDATA>
<TR><TD>1</TD><TD>x</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>'''.encode()
        for version in ("1.1", "1.4")
        for unit, ucd in (("deg", "pos.eq.ra"), ("no unit", "POS_EQ_RA_MAIN"))
    ]


def _fits() -> list[bytes]:
    from astropy.io import fits

    columns = [
        fits.Column("a", "D", unit="deg", array=[1.0]),
        fits.Column("b", "3A", array=["x"]),
        fits.Column("c", "PD()", array=[[1.0]]),
    ]
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(file)
    return [file.getvalue()]


def _parquet() -> list[bytes]:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0], "b": ["x"]}), file)
    return [file.getvalue()]


def was_refused(error: BaseException) -> bool:
    """Tell whether an error comes from the wall."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno == errno.EMFILE:
            return True
        at = at.__cause__ or at.__context__
    return os.strerror(errno.EMFILE) in str(error)
