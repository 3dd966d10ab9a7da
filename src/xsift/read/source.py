"""From a path to bytes of a known format: what the file is, whatever it is called."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from xsift.errors import TableError, refuse_path
from xsift.read.markup import DeclaresEntitiesError, root_of

__all__ = ["MAX_BYTES", "Source", "open_source", "source_of"]

MAX_BYTES = 4 * 1024**3
"""Largest table, uncompressed, that is read."""

_BLOCK = 1 << 20
# No table packs better than this; a gzip bomb does.
_BOMB_RATIO, _BOMB_BYTES = 200, 1 << 28
_GZIP = b"\x1f\x8b"
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\r\n"


@dataclass(frozen=True)
class Source:
    """A table file in memory.

    Attributes
    ----------
    path : str
        As the user wrote it, for messages.
    format : {"votable", "fits", "parquet", "text"}
        Found in the content, not in the name.
    content : bytes
        Uncompressed.
    sha256 : str
        Of the file as it lies on the disk.
    """

    path: str
    format: str
    content: bytes
    sha256: str

    def __str__(self) -> str:
        return self.path

    def stream(self) -> io.BytesIO:
        """Open the content as a binary file."""
        return io.BytesIO(self.content)


def open_source(path: str | Path) -> Source:
    """Read a file, uncompress it where it is gzip, and find out what it is.

    Raises
    ------
    TableError
        If there is no such file, it cannot be read, is too large, or is no table.
    """
    where = str(path)
    return source_of(where, _read(where, path))


def source_of(where: str, raw: bytes) -> Source:
    """Uncompress a file's bytes where they are gzip, and find out what they are.

    Raises
    ------
    TableError
        If they are too many, damaged or no table.
    """
    content = _gunzip(where, raw) if raw.startswith(_GZIP) else raw
    return Source(where, _format(where, content), content, hashlib.sha256(raw).hexdigest())


def _read(where: str, path: str | Path) -> bytes:
    with refuse_path(TableError, where, "read"):
        status = Path(path).stat()
        kind = status.st_mode
        if stat.S_ISDIR(kind):
            raise TableError(f"{where} is a directory: give a table file")
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):  # a device may have no end
            raise TableError(f"{where} is not a file: give a table file")
        with open(path, "rb") as file:
            # Asked for a number of bytes, Python sets aside that many, whatever the file holds.
            is_small = stat.S_ISREG(kind) and status.st_size <= MAX_BYTES
            raw = file.read() if is_small else file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise TableError(f"{where}: more than {MAX_BYTES // 1024**3} GiB: split it")
    return raw


def _gunzip(where: str, raw: bytes) -> bytes:
    parts, size = [], 0
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            while part := stream.read(_BLOCK):
                size += len(part)
                if size > MAX_BYTES:
                    raise TableError(f"{where}: more than {MAX_BYTES // 1024**3} GiB uncompressed")
                if size > _BOMB_BYTES and size > _BOMB_RATIO * len(raw):
                    raise TableError(
                        f"{where}: expands to more than {_BOMB_RATIO} times its size: "
                        "refused as unsafe; uncompress it yourself if you trust it"
                    )
                parts.append(part)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TableError(f"{where}: the gzip file is damaged or cut off: {error}") from error
    return b"".join(parts)


def _format(where: str, content: bytes) -> str:
    if not content.strip(b"\0 \t\r\n"):
        raise TableError(f"{where}: the file is empty")
    if content.startswith(b"SIMPLE  ="):
        return "fits"
    if content.startswith((b"PAR1", b"PARE")):  # plain, encrypted
        return "parquet"
    if _is_markup(content):
        return _markup_format(where, content)
    head = content[:65536]
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        if head.count(b"\0") > len(head) // 3 and not head.translate(None, _PLAIN + b"\0"):
            raise TableError(f"{where}: UTF-16 or UTF-32 text: save the file as UTF-8")
        raise TableError(
            f"{where}: not a table that xsift reads: give a VOTable, FITS, Parquet or CSV table"
        )
    return "text"


def _is_markup(content: bytes) -> bool:
    """Whether the first character is ``<``, in UTF-8, UTF-16 or UTF-32."""
    head = content[:1024].removeprefix(b"\xef\xbb\xbf")
    if head.lstrip(b" \t\r\n").startswith(b"<"):
        return True
    wide = head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return b"\0" in wide[:4] and wide.strip(b"\0 \t\r\n").startswith(b"<")


def _markup_format(where: str, content: bytes) -> str:
    try:
        root = root_of(content)
    except DeclaresEntitiesError as error:
        raise TableError(f"{where}: {error}") from error
    head = content[:65536].replace(b"\0", b"")
    if root == "VOTABLE" or (root is None and b"VOTABLE" in head):  # the reader says what is wrong
        return "votable"
    is_page = (root or "").lower() == "html" or b"<html" in head.lower()
    kind = "an HTML page" if is_page else "XML, but not a VOTable"
    raise TableError(f"{where}: {kind}: give a VOTable, FITS, Parquet or CSV table")
