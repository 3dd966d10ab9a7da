"""The vocabulary of object types: codes, spellings, candidates, and words for no type.

SIMBAD renamed its types in July 2022. xsift stores the short *code* (``Sy1``) and accepts the code,
the label before the change (``Seyfert_1``) and the label after it (``Seyfert1``).
"""

from __future__ import annotations

from importlib import resources

__all__ = [
    "AMBIGUOUS",
    "BANDS",
    "DASHES",
    "MISSING_WORDS",
    "UNKNOWN",
    "candidate_of",
    "code_of",
    "in_vocabulary",
]

_TYPES = "simbad_types.txt"
_CANDIDATE_FORMS = ("Candidate_{}", "Candidate_{}*", "Possible_{}", "{}_Candidate", "{}*_Candidate")

MISSING_WORDS = frozenset(
    (
        *("", "-", "--", "---", "----", "-----", "~", "...", "n/a", "#n/a", "n.a.", "na", "<na>"),
        *("nan", "nat", "none", "null", "#null!", "(null)", "<null>", "nil", "indef", "masked"),
        *(
            "blank",
            "<missing>",
            "missing",
            "\\n",
            "\N{EN DASH}",
            "\N{EM DASH}",
            "\N{HORIZONTAL ELLIPSIS}",
        ),
    )
)
"""What a cell of text says, in lower case, where it holds no value: one list for every format."""

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u02d7\ufe58\ufe63\uff0d"
"""What editors and publishers make of a minus sign or a hyphen."""

AMBIGUOUS = frozenset({"*", "X", "Rad", "IR", "blu", "UV", "gam", "PoG", "**"})
"""The paper's nine types that count as unlabelled (paper, section on labels)."""

UNKNOWN = "?"
"""SIMBAD's code of an object of unknown nature: counts as unlabelled whatever the classes are."""

BANDS = frozenset(
    "Rad mR cm mm smm HI rB Mas IR FIR MIR NIR Opt EmO red ERO blu UV X gam gB err mul".split()
)
"""Codes that say where or how an object was seen, not what it is."""

# What tables say where the type is not known, besides SIMBAD's own words.
_SAYS_NOTHING = frozenset(
    "unknown unclassified unidentified unclass unid unk unc uncertain undetermined undefined "
    "unspecified tbd no_match nomatch other? ??".split()
)


def _vocabulary() -> tuple[dict[str, str], dict[str, str]]:
    """Read SIMBAD's types: the code of each spelling, and the type of each candidate's code."""
    spelled: dict[str, str] = dict.fromkeys(_SAYS_NOTHING, UNKNOWN)
    candidates: dict[str, str] = {}
    text = resources.files(__package__).joinpath(_TYPES).read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    for first, *labels in rows:
        code, _, candidate = first.partition(":")
        spelled |= dict.fromkeys((s.casefold() for s in (code, *labels)), code)
        if candidate:
            candidates[candidate] = code
            plain = {s.rstrip("*") or s for s in (code, *labels)}
            forms = {form.format(s).casefold() for s in plain for form in _CANDIDATE_FORMS}
            forms |= {f"{s}?".casefold() for s in (*plain, *labels)} | {candidate.casefold()}
            spelled |= dict.fromkeys(forms - spelled.keys(), candidate)
    return spelled, candidates


_BY_SPELLING, _CANDIDATE_OF = _vocabulary()


def code_of(label: str | None) -> str | None:
    """Return the SIMBAD code of a type in any of its spellings, or None for no label.

    A type that is not in the vocabulary comes back as it was written, without blanks around it:
    it is still a label, only not one that xsift has a code for. Words that say that the type is not
    known (``Unknown``, ``unclassified``) are SIMBAD's ``?``.

    Examples
    --------
    >>> code_of("Seyfert_1"), code_of("Seyfert1"), code_of(" Sy1 "), code_of("NaN")
    ('Sy1', 'Sy1', 'Sy1', None)
    """
    if label is None:
        return None
    spelling = label.strip()
    if spelling.casefold() in MISSING_WORDS:
        return None
    plain = "_".join(spelling.casefold().split())
    return _BY_SPELLING.get(plain, spelling)


def candidate_of(code: str, label: str | None = None) -> str | None:
    """Return the code of the type that a candidate may be of, None for what is no candidate.

    Parameters
    ----------
    code : str
        Of the type, such as ``Q?``.
    label : str, optional
        Its label in SIMBAD's vocabulary, for candidates that xsift does not know.

    Examples
    --------
    >>> candidate_of("Q?"), candidate_of("QSO"), candidate_of("Kn?", "Kilonova_Candidate")
    ('QSO', None, 'Kilonova')
    """
    if code in _CANDIDATE_OF:
        return _CANDIDATE_OF[code]
    if label and label.endswith("_Candidate"):
        return code_of(label.removesuffix("_Candidate"))
    return code.removesuffix("?") if code.endswith("?") and len(code) > 1 else None


def in_vocabulary(code: str) -> bool:
    """Tell whether a code is one of SIMBAD's types, or of their candidates."""
    return _BY_SPELLING.get(code.casefold()) == code
