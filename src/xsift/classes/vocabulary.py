"""The vocabulary of object types, and the classes that a model knows.

SIMBAD renamed its types in July 2022. xsift stores the short *code* (``Sy1``) and accepts the code,
the label before the change (``Seyfert_1``) and the label after it (``Seyfert1``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xsift.classes.text_file import read_text_file
from xsift.errors import LabelError

__all__ = [
    "AMBIGUOUS",
    "BANDS",
    "DASHES",
    "MISSING_WORDS",
    "PAPER_CLASSES",
    "UNKNOWN",
    "Class",
    "Classes",
    "candidate_of",
    "code_of",
    "in_vocabulary",
    "read_classes",
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


class Class(BaseModel):
    """One class of a model: its label, its column and the group that it belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(min_length=1, max_length=64)
    column: str = Field(pattern=r"^p_[a-z][a-z0-9_]{0,40}$")
    group: str = Field(min_length=1, max_length=64)
    title: str = ""


class Classes(BaseModel):
    """The classes of a model, in the order that decides ties.

    The list is the model's, not the code's: other classes can be trained from a TOML file
    (`read_classes`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[Class, ...] = Field(min_length=1, max_length=200)
    ambiguous: tuple[str, ...] = tuple(sorted(AMBIGUOUS))

    @model_validator(mode="after")
    def _distinct(self) -> Classes:
        for attribute in ("code", "column"):
            values = [getattr(c, attribute) for c in self.classes]
            if len(set(values)) < len(values):
                raise ValueError(f"two classes share a {attribute}")
        if "p_none" in self.columns:
            raise ValueError("p_none is the column of 'none of these'")
        return self

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the classes."""
        return tuple(c.code for c in self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the probability columns."""
        return tuple(c.column for c in self.classes)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups, each once, in the order of their first class."""
        return tuple(dict.fromkeys(c.group for c in self.classes))

    def group_of(self, code: str) -> str:
        """Return the group of the class `code`."""
        return next(c.group for c in self.classes if c.code == code)

    def title_of(self, code: str) -> str:
        """Return the long name of the class `code`."""
        return next((c.title or c.code for c in self.classes if c.code == code), code)


PAPER_CLASSES = Classes(
    classes=tuple(
        Class(code=code, column=column, group=group, title=title)
        for code, column, group, title in (
            ("QSO", "p_qso", "AGN", "quasar"),
            ("AGN", "p_agn", "AGN", "active galactic nucleus"),
            ("Sy1", "p_seyfert_1", "Seyfert", "Seyfert 1"),
            ("Sy2", "p_seyfert_2", "Seyfert", "Seyfert 2"),
            ("HXB", "p_hmxb", "XB", "high-mass X-ray binary"),
            ("LXB", "p_lmxb", "XB", "low-mass X-ray binary"),
            ("XB*", "p_xb", "XB", "X-ray binary"),
            ("Y*O", "p_yso", "YSO", "young stellar object"),
            ("TT*", "p_ttau", "YSO", "T Tauri star"),
            ("Or*", "p_orion_v", "YSO", "Orion variable"),
        )
    )
)
"""The paper's ten classes in its order, and their four groups."""

# The names in words, which xsift prints, are read, too.
_BY_SPELLING |= {c.title.casefold().replace(" ", "_"): c.code for c in PAPER_CLASSES.classes}


def in_vocabulary(code: str) -> bool:
    """Tell whether a code is one of SIMBAD's types, or of their candidates."""
    return _BY_SPELLING.get(code.casefold()) == code


def read_classes(path: str | Path) -> Classes:
    """Read a list of classes from a TOML file.

    Parameters
    ----------
    path : str or Path
        ``[[class]]`` tables with ``code`` (the label, in any SIMBAD spelling or your own),
        ``group`` and optionally ``column`` and ``title``; ``ambiguous`` lists the labels that
        count as none.

    Raises
    ------
    LabelError
        If the file cannot be read or breaks these rules.
    """
    try:
        tree = tomllib.loads(read_text_file(path))
    except (OSError, ValueError) as error:
        raise LabelError(f"{path}: not a readable list of classes: {error}") from error
    except RecursionError as error:
        raise LabelError(f"{path}: not a readable list of classes: nested too deep") from error
    try:
        rows = [dict(row) for row in tree["class"]]
        for row in rows:
            row["code"] = code_of(row["code"])
            row.setdefault("column", column_for(str(row["code"])))
        ambiguous = _codes(tree.get("ambiguous", sorted(AMBIGUOUS)))
        return Classes.model_validate({"classes": rows, "ambiguous": ambiguous})
    except ValidationError as error:
        raise LabelError(f"{path}: not a list of classes: {_in_words(error, rows)}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LabelError(
            f"{path}: not a list of classes: every class is a [[class]] table with code and group"
        ) from error


def _in_words(error: ValidationError, rows: list[dict[str, object]]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = first["loc"]
    if len(where) == 3 and isinstance(where[1], int):
        text = f"class {rows[where[1]].get('code')!r}, {where[2]}: {first['msg']}"
        return text + ': give one, such as column = "p_star"' * (where[2] == "column")
    return first["msg"].removeprefix("Value error, ")


def column_for(code: str) -> str:
    """Return a safe column name for the probability of a class.

    >>> column_for("Seyfert_1"), column_for("CV*")
    ('p_seyfert_1', 'p_cv')
    """
    known = {c.code: c.column for c in PAPER_CLASSES.classes}
    code = code_of(code) or code
    return known.get(code) or "p_" + re.sub(r"[^a-z0-9]+", "_", code.casefold()).strip("_")


def _codes(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(code for label in labels if (code := code_of(label)))
