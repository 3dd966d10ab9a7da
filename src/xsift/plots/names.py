"""Names that come from a catalogue, made fit to print."""

from __future__ import annotations

__all__ = ["feature_label", "printable"]

_BANDS = {"b": "broad", "h": "hard", "s": "soft"}
_LABELS = {
    "hard_hm": "hardness, hard to medium",
    "hard_hs": "hardness, hard to soft",
    "hard_ms": "hardness, medium to soft",
    "powlaw_gamma": r"photon index $\Gamma$",
    "bb_kt": "black-body temperature kT (keV)",
    "var_newq_b": "mid-range / mean rate, broad",
    **{f"var_prob_{b}": f"prob. of variability, {name}" for b, name in _BANDS.items()},
    **{f"var_ratio_{b}": rf"scatter $\sigma$ / mean, {name}" for b, name in _BANDS.items()},
}


def feature_label(name: str) -> str:
    """Return what a feature is called at an axis, with its unit; an unknown one as it is."""
    return _LABELS.get(name) or printable(name)


def printable(name: object, longest: int = 24) -> str:
    r"""Return a name as Matplotlib prints it to the letter: no formula, no control character.

    >>> printable("cost in $x$ and $y$"), printable("a" * 30)
    ('cost in \\$x\\$ and \\$y\\$', 'aaaaaaaaaaaaaaaaaaaaaaa…')
    """
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")
