"""Names that come from a catalogue, made fit to print."""

from __future__ import annotations

import re
from textwrap import fill

__all__ = ["feature_label", "printable", "unit_text"]

# Letters that a figure sets as a formula: labels in a profile are plain text.
_FORMULAE = {"Γ": r"$\Gamma$", "\N{GREEK SMALL LETTER SIGMA}": r"$\sigma$"}
_RAISED = str.maketrans("-+0123456789", "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST, _WIDE = 80, 34


def feature_label(label: str, unit: str = "", formulae: bool = True) -> str:
    r"""Return what an axis says of a feature: its label, and its unit; in lines of 34 letters.

    Parameters
    ----------
    label : str
        Plain text, from a survey's profile.
    unit : str
        As VOUnits write it.
    formulae : bool
        Whether the figure parses formulae: an index is then set as one.

    Examples
    --------
    >>> feature_label("flux", "erg.s**-1.cm**-2"), feature_label("photon index Γ")
    ('flux (erg s⁻¹ cm⁻²)', 'photon index $\\Gamma$')
    """
    unit = unit_text(unit)
    text = f"{label} ({unit})" if unit else label
    text = fill(printable(text, _LONGEST), _WIDE)
    if not formulae:
        return text.replace(r"\$", "$")
    return "".join(_FORMULAE.get(c, c) for c in text)


def unit_text(unit: str) -> str:
    """Return a unit of the VO's as text.

    >>> unit_text("erg.s**-1.cm**-2")
    'erg s⁻¹ cm⁻²'
    """
    unit = re.sub(r"\*\*\(?([-+]?\d+)\)?", lambda m: m[1].translate(_RAISED), unit)
    return re.sub(r"\.(?=[A-Za-z])", " ", unit)


def printable(name: object, longest: int = 24) -> str:
    r"""Return a name as Matplotlib prints it to the letter: no formula, no control character.

    >>> printable("cost in $x$ and $y$"), printable("a" * 30)
    ('cost in \\$x\\$ and \\$y\\$', 'aaaaaaaaaaaaaaaaaaaaaaa…')
    """
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")
