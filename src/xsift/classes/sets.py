"""Sets of classes: what a model tells apart. The paper's ten, or others from a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
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
    """One class of a model: its label, its column and the group that it belongs to.

    Attributes
    ----------
    code, column, group, title : str
    apart : bool
        Whether it is a class apart. The model first decides between all plain classes together and
        each class apart, and then between the plain classes.
    types : tuple of str
        Codes of further types that count as this class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(min_length=1, max_length=64)
    column: str = Field(pattern=r"^p_[a-z][a-z0-9_]{0,40}$")
    group: str = Field(min_length=1, max_length=64, pattern=r"^[^|]*$")
    title: str = ""
    apart: bool = False
    types: tuple[str, ...] = Field(default=(), max_length=500)


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
        said = [t for c in self.classes for t in {c.code, *c.types}]
        if twice := [t for t, n in Counter(said).items() if n > 1]:
            raise ValueError(f"type {twice[0]} counts as two classes")
        self._refuse_mixed()
        return self

    def _refuse_mixed(self) -> None:
        """Raise ValueError where classes apart do not follow the others, or share a group."""
        apart = [c.apart for c in self.classes]
        if apart[0] or apart != sorted(apart):
            raise ValueError("classes that are apart follow the others, of which there is one")
        plain = {c.group for c in self.classes if not c.apart}
        if shared := [c.group for c in self.classes if c.apart and c.group in plain]:
            raise ValueError(f"group {shared[0]} holds classes that are apart and others")

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

    @property
    def n_plain(self) -> int:
        """Number of classes that are not apart; they are the first."""
        return sum(not c.apart for c in self.classes)

    @property
    def plain(self) -> Classes:
        """The plain classes alone, with the labels that the paper counts as none."""
        if self.n_plain == len(self):
            return self
        return Classes(classes=self.classes[: self.n_plain])

    @property
    def group_index(self) -> tuple[int, ...]:
        """Index of each class's group in `groups`."""
        names = list(self.groups)
        return tuple(names.index(c.group) for c in self.classes)

    @property
    def index_of_type(self) -> dict[str, int]:
        """Index of the class of each type that counts as one, its own code first."""
        of = {t: i for i, c in enumerate(self.classes) for t in c.types}
        return of | {code: i for i, code in enumerate(self.codes)}

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
    if code is None or code in classes.index_of_type or code in classes.ambiguous:
        return False
    return not (code in BANDS or code in _LIKE_AN_AGN or code.endswith("?"))


def read_classes(path: str | Path) -> Classes:
    """Read a list of classes from a TOML file.

    Parameters
    ----------
    path : str or Path
        ``[[class]]`` tables with ``code`` (the label, in any SIMBAD spelling or your own),
        ``group`` and optionally ``column``, ``title``, ``types`` (further labels that count as the
        class) and ``apart`` (`Class`); ``ambiguous`` lists the labels that count as none;
        ``extends`` names a set that comes with xsift, whose classes stand first.

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
        rows = [*_extended(tree, path), *(dict(row) for row in tree["class"])]
        for row in rows:
            row["code"] = code_of(row["code"])
            row.setdefault("column", column_for(str(row["code"])))
            if "types" in row:
                row["types"] = _codes(row["types"], path, "types")
        ambiguous = _codes(tree.get("ambiguous", sorted(AMBIGUOUS)), path, "ambiguous")
        return Classes.model_validate({"classes": rows, "ambiguous": ambiguous})
    except LabelError:
        raise
    except ValidationError as error:
        raise LabelError(f"{path}: not a list of classes: {_in_words(error, rows)}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LabelError(
            f"{path}: not a list of classes: every class is a [[class]] table with code and group"
        ) from error


def _extended(tree: dict[str, Any], path: str | Path) -> list[dict[str, Any]]:
    """Return the classes of the set that another one extends, and of that which this extends."""
    name = tree.get("extends")
    if name is None:
        return []
    shipped = resources.files(__package__).joinpath(f"{name}.toml")
    if not str(name).isidentifier() or not shipped.is_file():
        raise LabelError(
            f"{path}: extends = {name!r}: no set of classes of that name comes with xsift"
        )
    extended = tomllib.loads(shipped.read_text("utf-8"))
    return [*_extended(extended, path), *(dict(row) for row in extended["class"])]


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


def _codes(labels: Iterable[str], path: str | Path, what: str) -> tuple[str, ...]:
    if isinstance(labels, str):
        raise LabelError(f"{path}: {what} = {labels!r}: a list of labels is wanted")
    return tuple(code for label in labels if (code := code_of(label)))


PAPER_CLASSES = Classes.model_validate(
    {
        "classes": tomllib.loads(
            resources.files(__package__).joinpath("paper.toml").read_text("utf-8")
        )["class"]
    }
)
"""The paper's ten classes in its order, and their four groups."""
