"""Text files that a user wrote, in whatever editor: TOML and JSON."""

from __future__ import annotations

import codecs
from pathlib import Path

__all__ = ["read_text_file"]


def read_text_file(path: str | Path) -> str:
    """Read a text in UTF-8, with or without a byte-order mark; lines end in a line feed.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is in another encoding; says which, where it can be told, and what to do.
    """
    content = Path(path).read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise ValueError("the file is in UTF-16 or UTF-32: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8: save the file as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
