"""What a service answered: a whole table, a part of one, an error, or something else."""

from __future__ import annotations

import re
import xml.parsers.expat
from html import unescape

from xsift.errors import RowLimitError, ServiceError
from xsift.fetch.client import PassingFault, Reply

__all__ = ["heed", "refusal"]


def heed(reply: Reply, where: str, needs_status: bool = True) -> bytes:
    """Take an answer that is a whole VOTable, and nothing else.

    Parameters
    ----------
    reply : Reply
    where : str
        The service, for messages.
    needs_status : bool
        TAP says OK before the table, and again OVERFLOW or ERROR after it where the rows are not
        all there (DALI 4.4); other services say nothing.

    Returns
    -------
    bytes
        The VOTable.

    Raises
    ------
    PassingFault
        If it is cut off, or no VOTable (an HTML page, for example).
    RowLimitError
        If the service cut it off at a row limit.
    ServiceError
        If it is an error message, or unsafe.
    """
    try:
        said = _read(reply.content, where)
    except xml.parsers.expat.ExpatError as error:
        _refuse_status(reply, where)
        raise PassingFault(_what(reply.content, error)) from error
    if said is None:
        _refuse_status(reply, where)
        raise PassingFault(_what(reply.content, None))
    for status, message in said:
        if status == "ERROR":
            raise ServiceError(f"{where}: the service refuses the query: {message or 'no reason'}")
    _refuse_status(reply, where)
    if any(status == "OVERFLOW" for status, _ in said):
        raise RowLimitError(f"{where}: the service cut its answer off at its row limit")
    if needs_status and not any(status == "OK" for status, _ in said):
        raise PassingFault("the answer does not say that it is whole (no QUERY_STATUS)")
    return reply.content


def refusal(reply: Reply, where: str) -> ServiceError:
    """Make an error of an answer that should not have been one of HTTP status 4xx."""
    try:
        heed(reply, where)
    except ServiceError as error:
        return error
    except PassingFault as fault:
        return ServiceError(f"{where}: {fault}")
    return ServiceError(f"{where}: a table where none was expected")


def _refuse_status(reply: Reply, where: str) -> None:
    if reply.status >= 400:
        page = _title(reply.content)
        said = f" ({page})" if page else ""
        raise ServiceError(
            f"{where}: the service answers {reply.status}{said}: is this its base address?"
        )


def _read(content: bytes, where: str) -> list[tuple[str, str]] | None:
    """Parse all of it; return each QUERY_STATUS with its text, None where it is no VOTable."""
    said: list[tuple[str, str]] = []
    roots: list[str] = []
    text: list[str] = []
    parser = xml.parsers.expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not roots:
            roots.append(name)
        if name == "INFO" and attributes.get("name") == "QUERY_STATUS":
            said.append((attributes.get("value", "").upper(), ""))
            text.clear()
            parser.CharacterDataHandler = text.append
        elif name == "STREAM" and "href" in attributes:
            raise ServiceError(f"{where}: the answer's data lie in another file: refused as unsafe")

    def end(name: str) -> None:
        if name.rpartition(":")[2] == "INFO" and parser.CharacterDataHandler is not None:
            said[-1] = (said[-1][0], " ".join("".join(text).split())[:300])
            parser.CharacterDataHandler = None

    def entity(*_: object) -> None:
        raise ServiceError(f"{where}: the answer declares entities: refused as unsafe")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = entity
    parser.Parse(content, True)
    return said if roots == ["VOTABLE"] else None


def _what(content: bytes, error: Exception | None) -> str:
    """Say in words what came instead of a whole VOTable."""
    head = content[:4096].lstrip().lower()
    if not head:
        return "the answer is empty"
    if b"<votable" in head:
        return f"the VOTable breaks off or is damaged: {error}"
    if b"<html" in head or head.startswith(b"<!doctype html"):
        page = _title(content)
        return f"an HTML page instead of a table{f': {page}' if page else ''}"
    return "the answer is no VOTable"


def _title(content: bytes) -> str:
    found = re.search(rb"<title[^>]*>(.{0,300}?)</title", content[:65536], re.I | re.S)
    return " ".join(unescape(found[1].decode("utf-8", "replace")).split())[:80] if found else ""
