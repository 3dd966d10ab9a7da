"""Sets of classes: what a model tells apart. The paper's ten, or others from a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xsift.classes.text_file import read_text_file
from xsift.classes.vocabulary import AMBIGUOUS, BANDS, code_of
from xsift.errors import LabelError

__all__ = [
    "PAPER_CLASSES",
    "Class",
    "Classes",
    "column_for",
    "is_certain_other",
    "named_classes",
    "read_classes",
]

# Types that may well be one of the classes: a galaxy with an active nucleus by another name.
_LIKE_AN_AGN = frozenset({"BLL", "Bla", "LIN", "rG", "SyG", "G", "LeQ"})


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


def is_certain_other(code: str | None, classes: Classes) -> bool:
    """Tell whether a type is certainly none of the classes.

    Ambiguous types (``X``, ``Star``), wavelength bands, candidates, and types that another observer
    might have called an active nucleus (``BLLac``, ``LINER``, ``Galaxy``) are not.
    """
    if code is None or code in classes.codes or code in classes.ambiguous:
        return False
    return not (code in BANDS or code in _LIKE_AN_AGN or code.endswith("?"))


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
    return _classes(tree, path)


def named_classes(name: str, folder: Path | None = None) -> Classes:
    """Return a set of classes that comes with xsift, by its name, or that of a file.

    Parameters
    ----------
    name : str
        For example ``"paper"``; or a TOML file, as for `read_classes`.
    folder : Path, optional
        Where the file lies, unless its name says it.

    Raises
    ------
    LabelError
        If there is no such set and no such file.
    """
    shipped = resources.files(__package__)
    if shipped.joinpath(f"{name}.toml").is_file() and name.isidentifier():
        return _classes(tomllib.loads(shipped.joinpath(f"{name}.toml").read_text("utf-8")), name)
    return read_classes(name if folder is None else folder / name)


def _classes(tree: dict[str, Any], path: str | Path) -> Classes:
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


PAPER_CLASSES = Classes.model_validate(
    {
        "classes": tomllib.loads(
            resources.files(__package__).joinpath("paper.toml").read_text("utf-8")
        )["class"]
    }
)
"""The paper's ten classes in its order, and their four groups."""
