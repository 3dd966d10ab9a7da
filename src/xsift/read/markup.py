"""XML, read by one parser that opens nothing, in every encoding that XML knows."""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Callable
from typing import Any

__all__ = ["DeclaresEntitiesError", "parse", "root_of"]

# Fed in pieces, expat reads an unfinished tag again with every piece: a long one would take hours.
_PIECE, _LONGEST_TAG = 1 << 18, 1 << 22
_UTF32 = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"<\x00\x00\x00": "utf-32-le",
    b"\x00\x00\x00<": "utf-32-be",
}


class DeclaresEntitiesError(ValueError):
    """XML with declarations of its own: entities can expand without end, or name files."""


def parse(
    content: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    entered: Callable[[Any], None] | None = None,
) -> None:
    """Walk through XML; expat opens no file and no address that the XML names.

    Parameters
    ----------
    content : bytes
        In any encoding that expat reads, or in UTF-32.
    start, end : callable
        Called for each start tag with its name and attributes, for each end tag with its name.
    entered : callable, optional
        Gets the parser before it starts: to set more of its handlers.

    Raises
    ------
    ValueError
        If it is not well-formed, declares entities, or has a tag of more than 4 MiB.
    """
    encoding = None
    if (utf32 := _UTF32.get(content[:4])) is not None:  # expat does not know it
        content, encoding = content.decode(utf32).encode(), "utf-8"
    parser = xml.parsers.expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.EntityDeclHandler = _refuse_entity
    parser.SkippedEntityHandler = _refuse_skipped
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    if entered is not None:
        entered(parser)
    view = memoryview(content)
    try:
        for at in range(0, len(view), _PIECE):
            parser.Parse(view[at : at + _PIECE], False)
            if at - max(parser.CurrentByteIndex, 0) > _LONGEST_TAG:
                raise ValueError("a tag, comment or declaration of more than 4 MiB")
        parser.Parse(b"", True)
    except (xml.parsers.expat.ExpatError, LookupError) as error:
        raise ValueError(str(error)) from error


def root_of(content: bytes) -> str | None:
    """Return the name of XML's outermost element, without prefix; None where it has none."""

    def start(name: str, attributes: dict[str, str]) -> None:
        raise _Found(name.rpartition(":")[2])

    try:
        parse(content, start)
    except _Found as found:
        return found.name
    except DeclaresEntitiesError:
        raise
    except ValueError:
        pass
    return None


class _Found(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


def _refuse_declarations(name: str, system: str | None, public: str | None, own: bool) -> None:
    if own:
        raise DeclaresEntitiesError("the VOTable declares entities: refused as unsafe")


def _refuse_entity(*declaration: Any) -> None:
    raise DeclaresEntitiesError("the VOTable declares entities: refused as unsafe")


def _refuse_skipped(name: str, is_parameter: bool) -> None:
    raise ValueError(f"undefined entity &{name[:40]};")  # left out, it would shorten a name
