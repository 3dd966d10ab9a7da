"""Which class a catalogue writes, and the columns of each rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xsift.classes import Classes
from xsift.errors import SettingError
from xsift.model.sets import OTHER
from xsift.vote import Rule

__all__ = ["NONE", "Rules", "rules_of", "set_columns", "verdict_columns"]

NONE = "none"
"""Class and group of a detection that is of none of the classes."""


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of the verdicts, for columns of the classes and of none after them.

    Attributes
    ----------
    written : str
        Whose verdict `class` and `group` hold: ``probable`` or ``balanced``.
    probable : Rule
    balanced : Rule or None
        None where the class shares are not known, or there are none.
    """

    written: str
    probable: Rule
    balanced: Rule | None

    @property
    def known(self) -> dict[str, Rule]:
        """The rules that can be followed, by name."""
        both = {"probable": self.probable, "balanced": self.balanced}
        return {name: rule for name, rule in both.items() if rule is not None}

    @property
    def rule(self) -> Rule:
        """The rule of `class` and `group`."""
        return self.known[self.written]

    def said(self, name: str) -> str:
        """Say a rule in words."""
        if name == "balanced":
            return (
                "highest p / prior within the group of the highest p / prior, among the plain "
                "classes where they are as probable as all else together, else among all else"
            )
        if len(np.unique(self.probable.group)) == len(self.probable.group):
            return "most probable class"
        return "most probable class within the most probable group"


def rules_of(
    classes: Classes, written: str, is_published: bool, prior: np.ndarray | None, why: str
) -> Rules:
    """Return the rules of a catalogue's verdicts.

    Parameters
    ----------
    classes : Classes
    written : str
        The setting: ``probable`` or ``balanced``.
    is_published : bool
        The paper's method: the class of the highest probability, whatever its group.
    prior : ndarray of shape (C + 1,), or None
        Shares under which the probabilities hold.
    why : str
        Why there is no prior, for the message.

    Raises
    ------
    SettingError
        If ``balanced`` is wanted, and there is no prior.
    """
    if written == "balanced" and prior is None:
        raise SettingError(f"--verdict balanced: {why}")
    if is_published:
        return Rules(written, Rule.published(len(classes) + 1), None)
    probable = Rule.of(classes)
    return Rules(written, probable, None if prior is None else Rule.of(classes, prior))


def verdict_columns(p: np.ndarray, classes: Classes, rules: Rules) -> dict[str, pa.Array]:
    """Return `class` and `group` as they are written, and those of each rule.

    Parameters
    ----------
    p : ndarray of shape (n, C) or more columns
        Probabilities of the classes and, where there is such a column, of none. NaN: no verdict.
    """
    codes = pa.array([*classes.codes, NONE])
    groups = pa.array([*(c.group for c in classes.classes), NONE])
    columns: dict[str, pa.Array] = {"class": pa.nulls(0), "group": pa.nulls(0)}
    for name, rule in rules.known.items():
        best = rule.first(p.shape[1]).decide(p)
        chosen = pa.array(best, mask=best < 0)
        columns |= {f"class_{name}": codes.take(chosen), f"group_{name}": groups.take(chosen)}
    return columns | {k: columns[f"{k}_{rules.written}"] for k in ("class", "group")}


def set_columns(members: np.ndarray, known: np.ndarray, classes: Classes) -> dict[str, pa.Array]:
    """Return `group_set` and `n_group_set`.

    Parameters
    ----------
    members : ndarray of bool, shape (n, G) or (n, G + 1)
        Which groups are in the set of each row, those of plain classes first, then all else.
    known : ndarray of bool, shape (n,)
        Which rows have probabilities; the others are null.
    classes : Classes
    """
    names = np.array([*classes.plain.groups, OTHER][: members.shape[1]], dtype=object)
    # There are few different sets: each is written once.
    packed = np.packbits(members, axis=1)
    kinds = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, of = np.unique(kinds, return_index=True, return_inverse=True)
    text = pa.array(["|".join(names[row]) for row in members[first]], pa.string())
    return {
        "group_set": text.take(pa.array(of, mask=~known)),
        "n_group_set": pa.array(members.sum(axis=1), pa.int64(), mask=~known),
    }
