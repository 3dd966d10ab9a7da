"""What the classes of another catalogue are called here: a small TOML file, checked on loading."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xsift.classes import Classes, code_of
from xsift.classes.text_file import read_text_file
from xsift.errors import LabelError, SettingError

__all__ = [
    "IGNORE",
    "NONE",
    "Mapping",
    "Translation",
    "load_mapping",
    "mapping_names",
    "translate",
]

NONE = "none"
"""What the mapping calls a class that ours cannot name."""

IGNORE = "ignore"
"""What the mapping calls a class that says nothing: such objects take no part."""

_FEW = 12


class Mapping(BaseModel):
    """The mapping from the classes of another catalogue to our groups.

    Attributes
    ----------
    title, reference, note : str
        Name of the catalogue, where its class names are published, and what a reader should know.
    is_tested : bool
        Whether the mapping has been tested on the catalogue itself.
    class_columns : tuple of str
        Possible class columns of the catalogue. The first one that it has is used.
    merge : dict of str to tuple of str
        Our groups that count as one, by their common name. An empty table merges nothing.
    classes : dict of str
        For each class of the other catalogue: one of our groups, ``none`` or ``ignore``. If
        several are given, the first one that our catalogue has applies.
    rest : {"none", "ignore", "type"}, optional
        What classes that are not listed become. Without `rest`, an unlisted class is an error. With
        ``type``, they are SIMBAD types. Each gets the group to which our catalogue assigns that
        type, or ``none``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, max_length=200)
    reference: str = Field(default="", max_length=500)
    note: str = Field(default="", max_length=2000)
    is_tested: bool = False
    class_columns: tuple[str, ...] = ()
    merge: dict[str, tuple[str, ...]] = {"AGN+Seyfert": ("AGN", "Seyfert")}
    classes: dict[str, str | Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        min_length=1, max_length=2000
    )
    rest: Literal["none", "ignore", "type"] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Mapping:
        together = [group for groups in self.merge.values() for group in groups]
        if len(set(together)) < len(together):
            raise ValueError("a group is merged into two")
        if reserved := {NONE, IGNORE} & {*together, *self.merge}:
            raise ValueError(f"{min(reserved)!r} is no group")
        meant: dict[str, tuple[str, ...]] = {}
        for name in self.classes:
            code = code_of(name)
            if code is None:
                raise ValueError(f"class {name!r}: this means no label")
            group = self.meant_by(name)
            if meant.setdefault(code, group) != group:
                raise ValueError(f"class {name!r} is another spelling of a class of another group")
        return self

    def meant_by(self, name: str) -> tuple[str, ...]:
        """Return the merged group of a class: the first mapped group that our catalogue has."""
        given = self.classes[name]
        return tuple(map(self.merged, (given,) if isinstance(given, str) else given))

    def merged(self, group: str) -> str:
        """Return the name of the merged group that a group belongs to."""
        return next((name for name, groups in self.merge.items() if group in groups), group)

    def groups(self, ours: Sequence[str]) -> tuple[str, ...]:
        """Return the merged groups of one of our catalogues, each once."""
        return tuple(dict.fromkeys(self.merged(group) for group in ours))


@dataclass(frozen=True)
class Translation:
    """The labels of the other catalogue, translated to our groups.

    Attributes
    ----------
    group : list of (str or None)
        For each label: a group, ``none``, or None if it is ignored.
    spelled : dict of str
        How the other catalogue spells each code, from the mapping.
    """

    group: list[str | None]
    spelled: dict[str, str]


def translate(
    labels: Sequence[str | None], mapping: Mapping, ours: Classes, where: str
) -> Translation:
    """Map labels to the groups of our catalogue.

    Parameters
    ----------
    labels : sequence of (str or None)
        Codes, as `xsift.read.read_known` returns them.
    mapping : Mapping
    ours : Classes
        Classes of our catalogue.
    where : str
        Name of the mapping, for messages.

    Raises
    ------
    LabelError
        If the mapping names a group that our catalogue does not have, or lacks a class that the
        labels have.
    """
    groups = mapping.groups(ours.groups)
    target: dict[str, str] = {}
    spelled: dict[str, str] = {}
    if mapping.rest == "type":
        of_type = ours.index_of_type.items()
        target |= {t: mapping.merged(ours.classes[i].group) for t, i in of_type}
    for name in mapping.classes:
        meant = mapping.meant_by(name)
        held = [group for group in meant if group in (*groups, NONE, IGNORE)]
        if not held:
            raise LabelError(
                f"mapping {where}: class {name!r} is {' or '.join(map(repr, meant))}, but the "
                f"groups of the catalogue are {', '.join(dict.fromkeys((*ours.groups, *groups)))}: "
                "give one of them, none or ignore"
            )
        code = code_of(name) or name
        target[code] = held[0]
        spelled.setdefault(code, name)
    unknown = Counter(label for label in labels if label is not None and label not in target)
    if unknown and mapping.rest is None:
        said = [f"{name!r} ({n:,})" for name, n in unknown.most_common(_FEW)]
        more = f" and {len(unknown) - _FEW} more" if len(unknown) > _FEW else ""
        raise LabelError(
            f"mapping {where} does not name the classes {', '.join(said)}{more}: add each to "
            "[classes] with a group, none or ignore, or give rest = 'none' or rest = 'ignore'"
        )
    rest = IGNORE if mapping.rest == IGNORE else NONE
    found = [None if label is None else target.get(label, rest) for label in labels]
    return Translation([None if g == IGNORE else g for g in found], spelled)


def mapping_names() -> tuple[str, ...]:
    """List the mappings that come with xsift."""
    files = resources.files(__package__).joinpath("mappings").iterdir()
    return tuple(sorted(f.name[:-5] for f in files if f.name.endswith(".toml")))


def load_mapping(name: str | Path) -> Mapping:
    """Load a mapping by its name, or from your own TOML file.

    Raises
    ------
    SettingError
        If no such mapping exists.
    LabelError
        If the file cannot be read, or is not a valid mapping.
    """
    if str(name) in mapping_names():
        file = resources.files(__package__).joinpath("mappings", f"{name}.toml")
        return _checked(tomllib.loads(file.read_text(encoding="utf-8")), str(name))
    path = Path(name)
    if not path.exists():
        known = ", ".join(mapping_names())
        raise SettingError(f"--mapping {name}: no such file; those that come with xsift: {known}")
    try:
        tree = tomllib.loads(read_text_file(path))
    except (OSError, ValueError, RecursionError) as error:  # of text and of TOML are ValueErrors
        raise LabelError(f"{path}: not a readable mapping: {error}") from error
    return _checked(tree, str(path))


def _checked(tree: dict[str, Any], where: str) -> Mapping:
    try:
        return Mapping.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise LabelError(f"mapping {where}: {place + ': ' if place else ''}{said}") from error
