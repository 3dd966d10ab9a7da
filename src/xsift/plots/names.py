"""Names that come from a catalogue, made fit to print."""

from __future__ import annotations

import re
from textwrap import fill

from xsift.surveys import unit_text

__all__ = ["feature_label", "printable", "unit_text"]

_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
_GREEK = {"Γ": r"\Gamma", _SIGMA: r"\sigma", "μ": r"\mu"}
_PART = re.compile(rf"([A-Za-zΓμ{_SIGMA}]+)(?:_([A-Za-z0-9]+))?")
_LONGEST, _WIDE = 80, 34


def feature_label(label: str, unit: str = "", symbol: str = "") -> str:
    r"""Return the axis label of a feature: words, symbol and unit, in lines of 34 letters.

    Parameters
    ----------
    label : str
        Description of the feature, or its name.
    unit : str
        Unit in VOUnits notation.
    symbol : str
        Symbol, with an index after an underscore: ``HR_hs``.

    Examples
    --------
    >>> feature_label("flux", "erg.s**-1.cm**-2", "F_b"), feature_label("photon index", symbol="Γ")
    ('flux: $F_\\mathrm{b}$ (erg s⁻¹ cm⁻²)', 'photon index: $\\Gamma$')
    """
    words = printable(label, _LONGEST)
    said = printable(unit_text(unit), _LONGEST)
    end = f"{symbol} ({said})" if unit and symbol else symbol
    if not symbol:
        return fill(f"{words} ({said})" if unit else words, _WIDE)
    printed = _formula(symbol) + end.removeprefix(symbol)
    if not words:
        return printed
    if len(words) + len(end) + 2 <= _WIDE:
        return f"{words}: {printed}"
    return f"{fill(words, _WIDE)}:\n{printed}"


def _formula(symbol: str) -> str:
    """Return a symbol as Matplotlib sets it: letters as a formula, all else to the letter."""

    def part(found: re.Match[str]) -> str:
        base, index = found.groups()
        if base == "log" and not index:
            return "log$_{10}$"
        base = "".join(_GREEK.get(c, c) for c in base)
        # More than one capital letter is a word: it stands upright.
        base = rf"\mathrm{{{base}}}" if len(base) > 1 and base.isupper() else base
        return f"${base}_\\mathrm{{{index}}}$" if index else f"${base}$"

    return _PART.sub(part, printable(symbol, _LONGEST))


def printable(name: object, longest: int = 24) -> str:
    r"""Escape a name so that Matplotlib prints it literally: no formula, no control character.

    >>> printable("cost in $x$ and $y$"), printable("a" * 30)
    ('cost in \\$x\\$ and \\$y\\$', 'aaaaaaaaaaaaaaaaaaaaaaa…')
    """
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")
