"""The header and data units of a FITS file: where each begins, and that it is all there."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, replace
from typing import Any

from xsift.errors import TableError, first_line

__all__ = ["Hdu", "hdus_of"]

_BLOCK, _CARD = 2880, 80
_END = b"END".ljust(_CARD)
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_PRINTABLE = bytes(range(0x20, 0x7F))
_QUESTION_MARKS = bytes(b if b in _PRINTABLE else ord("?") for b in range(256))
# Headers cost time, which rows of data do not: no instrument writes more.
_MAX_CARDS, _MAX_HDUS = 500_000, 5_000


@dataclass(frozen=True)
class Hdu:
    """A header and where its data lie.

    Attributes
    ----------
    where : str
        The file, for messages.
    number : int
        0 for the primary one.
    header : astropy.io.fits.Header
    texts : dict of str to str
        Of the cards with other characters than ASCII.
    start, size : int
        Of the data in the file, in bytes.
    """

    where: str
    number: int
    header: Any
    texts: dict[str, str]
    start: int
    size: int

    def fail(self, why: str) -> TableError:
        """Return an error that names the file and the HDU."""
        return TableError(f"{self.where}: not a whole FITS table: HDU {self.number}: {why}")

    def get(self, keyword: str, default: object = None) -> object:
        """Return the value of a card, or `default` where there is none.

        Raises
        ------
        TableError
            If the card is damaged.
        """
        if keyword in self.texts:
            return self.texts[keyword]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self.header.get(keyword, default)
        except Exception as error:  # whatever astropy throws at a damaged card
            raise self.fail(f"the card {keyword} is damaged") from error
        if isinstance(value, str) and value.startswith("'"):  # astropy's way to pass damage on
            if (text := _QUOTED.match(value)) is None:
                raise self.fail(f"the card {keyword} is damaged")
            return text[1].replace("''", "'")
        return value

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return a whole number that is not negative.

        Raises
        ------
        TableError
            If the header has none, and there is no default.
        """
        value = self.get(keyword, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            said = "is missing" if value is None else f"is {str(value)[:40]!r}, not a whole number"
            raise self.fail(f"{keyword} {said}")
        return value

    def text(self, keyword: str) -> str:
        """Return a text without blanks around it; empty where there is none."""
        value = self.get(keyword)
        return value.strip() if isinstance(value, str) else ""


def hdus_of(where: str, content: bytes) -> list[Hdu]:
    """Find a file's HDUs; all declared sizes are held to the bytes that the file has.

    Raises
    ------
    TableError
        If one is damaged or cut off.
    """
    hdus: list[Hdu] = []
    at, cards = 0, 0
    while at < len(content):
        first = content[at : at + 8]
        if hdus and first != b"XTENSION":
            if content[at:].strip(b"\0 "):
                raise hdus[-1].fail("what follows is no FITS extension")
            break
        end = _end_of_header(where, len(hdus), content, at, _MAX_CARDS - cards)
        cards += (end - at) // _CARD
        texts, ascii_only = _split(content[at:end])
        hdu = Hdu(where, len(hdus), _header(where, len(hdus), ascii_only), texts, end, 0)
        size = _data_size(hdu)
        padded = -(-size // _BLOCK) * _BLOCK
        if end + padded > len(content):
            raise hdu.fail(
                f"truncated: it declares {size:,} bytes of data, the file has "
                f"{len(content) - end:,} more"
            )
        hdus.append(replace(hdu, size=size))
        at = end + padded
        if len(hdus) > _MAX_HDUS:
            raise hdu.fail(f"more than {_MAX_HDUS:,} HDUs")
    return hdus


def _end_of_header(where: str, number: int, content: bytes, start: int, cards: int) -> int:
    stop = min(len(content), start + cards * _CARD)
    for at in range(start, stop, _CARD):
        if content[at : at + _CARD] == _END:
            end = start + -(-(at + _CARD - start) // _BLOCK) * _BLOCK
            if end <= len(content):
                return end
            break
    raise TableError(
        f"{where}: not a whole FITS table: HDU {number}: the header does not end: truncated or "
        "damaged"
    )


def _header(where: str, number: int, cards: bytes) -> Any:
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fits.Header.fromstring(cards.decode("ascii"))
    except Exception as error:  # whatever astropy throws at a damaged header
        line = first_line(error)
        raise TableError(f"{where}: not a whole FITS table: HDU {number}: {line}") from error


def _data_size(hdu: Hdu) -> int:
    bits = hdu.get("BITPIX")
    if not isinstance(bits, int) or bits not in (8, 16, 32, 64, -32, -64):
        raise hdu.fail(f"BITPIX is {str(bits)[:40]!r}")
    n_axes = hdu.integer("NAXIS")
    if n_axes > 999:
        raise hdu.fail(f"NAXIS is {n_axes}")
    axes = [hdu.integer(f"NAXIS{i + 1}") for i in range(n_axes)]
    if n_axes and axes[0] == 0 and hdu.get("GROUPS") is True:
        axes = axes[1:]  # random groups
    if not axes:
        return 0
    n_values = math.prod(axes) + hdu.integer("PCOUNT", 0)
    size: int = abs(bits) // 8 * hdu.integer("GCOUNT", 1) * n_values
    return size


def _split(cards: bytes) -> tuple[dict[str, str], bytes]:
    """Take out what is not ASCII: astropy refuses such cards, and a unit may be in µJy."""
    if not cards.translate(None, _PRINTABLE):
        return {}, cards
    texts, kept = {}, []
    for at in range(0, len(cards), _CARD):
        card = cards[at : at + _CARD]
        if card.translate(None, _PRINTABLE):
            keyword, _, value = card.partition(b"=")
            if (text := _QUOTED.match(_text(value.strip()))) is not None:
                texts[keyword.strip().decode("latin-1")] = text[1].replace("''", "'")
            card = card.translate(_QUESTION_MARKS)
        kept.append(card)
    return texts, b"".join(kept)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
