"""Which column of a table is which of its survey's: by name, by mapping, or by another name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from xsift.errors import MissingColumnsError, SettingError, TableError, XsiftWarning, nearest
from xsift.read.units import declared_unit, plain_name
from xsift.surveys import Survey

__all__ = ["Naming", "naming", "refuse_ambiguous"]

# TOPCAT, and those who learned from it, tell the columns of two matched tables apart by these.
_SUFFIX = re.compile(r"^(?P<name>.+)_[12]$")


@dataclass(frozen=True)
class Naming:
    """The columns of a table that go by another name than the survey's.

    Attributes
    ----------
    called : dict of str to str
        What the table calls a column of the survey, by the survey's name.
    ambiguous : dict of str to list of str
        Columns that could be one of the survey's, where several could.
    """

    called: dict[str, str]
    ambiguous: dict[str, list[str]]

    def apply(self, table: pa.Table) -> pa.Table:
        """Return the table with the survey's names, units behind names kept as units.

        What was called so before goes, where the user named another column for it.
        """
        by_actual = {actual: name for name, actual in self.called.items()}
        arrays, fields = [], []
        for field, column in zip(table.schema, table.columns, strict=True):
            if (name := by_actual.get(field.name)) is not None:
                said = {**(field.metadata or {}), b"unit": declared_unit(field).encode()}
                arrays.append(column)
                fields.append(field.with_name(name).with_metadata(said))
            elif _plain(field.name) not in self.called:
                arrays.append(column)
                fields.append(field)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, table.schema.metadata))


def naming(
    available: Sequence[str],
    survey: Survey,
    where: str,
    given: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> Naming:
    """Find out what a table calls the columns of its survey.

    In this order: what the user says; the survey's name, in any case, with a unit behind it or not;
    its other names in the profile; and the survey's or another name with the ``_1`` or ``_2`` of a
    match of two tables, where one column has it.

    Parameters
    ----------
    available : sequence of str
        Columns of the table.
    survey : Survey
    where : str
        The table, for messages.
    given : mapping of str to str, optional
        What the user says: the table's name by the survey's.
    only : sequence of str
        Columns of the survey to look for; where empty, all.

    Raises
    ------
    SettingError
        If `given` names what is no column of the survey, or one column of the table twice.
    MissingColumnsError
        If it names what is no column of the table.

    Warns
    -----
    XsiftWarning
        Where a column was found by the suffix of a match.
    """
    called = _as_told(available, survey, where, given or {})
    by_plain: dict[str, str] = {}
    for actual in available:
        by_plain.setdefault(_plain(actual), actual)
    wanted = [c for c in survey.columns if (not only or c.name in only) and c.name not in called]
    known = {c.name for c in wanted if c.name in by_plain}
    for column in wanted:
        if column.name not in known:
            alike = (by_plain.get(other.strip().casefold()) for other in column.also)
            free = [a for a in alike if a is not None and a not in called.values()]
            # A name of the survey's own is that column, whatever else is called so elsewhere.
            if free and _plain(free[0]) not in known:
                called[column.name] = free[0]
    taken = {*called.values(), *(by_plain[name] for name in known)}
    matched: dict[str, str] = {}
    ambiguous: dict[str, list[str]] = {}
    for column in wanted:
        if column.name in known or column.name in called:
            continue
        names = {column.name, *(other.strip().casefold() for other in column.also)}
        suffixed = [a for a in available if a not in taken and _unsuffixed(a) in names]
        if len(suffixed) == 1:
            matched[column.name] = suffixed[0]
        elif suffixed:
            ambiguous[column.name] = suffixed
    _say_matched(matched, where)
    return Naming(called | matched, ambiguous)


def _as_told(
    available: Sequence[str], survey: Survey, where: str, given: Mapping[str, str]
) -> dict[str, str]:
    called: dict[str, str] = {}
    columns = [c.name for c in survey.columns]
    for name, actual in given.items():
        plain = name.strip().casefold()
        if plain not in columns:
            near = nearest(plain, columns)
            hint = f" (did you mean {near}?)" if near else ""
            raise SettingError(
                f"--column {name}={actual}: survey {survey.name} has no column {name}{hint}"
            )
        found = [a for a in available if a == actual] or [
            a for a in available if _plain(a) == _plain(actual)
        ]
        if not found:
            raise MissingColumnsError(f"{where}: --column {name}={actual}", [actual], available)
        if found[0] in called.values():
            raise SettingError(f"--column {name}={actual}: {actual} is another column already")
        called[plain] = found[0]
    return called


def _say_matched(matched: dict[str, str], where: str) -> None:
    if matched:
        said = ", ".join(f"{name} from {actual}" for name, actual in matched.items())
        warnings.warn(
            f"{where}: columns of a matched table are taken: {said}; if another is meant, give "
            "--column NAME=COLUMN",
            XsiftWarning,
            stacklevel=3,
        )


def refuse_ambiguous(found: Naming, where: str, needed: Sequence[str]) -> None:
    """Refuse a table of which several columns could be one that is needed.

    Raises
    ------
    TableError
    """
    for name in needed:
        if alike := found.ambiguous.get(name):
            raise TableError(
                f"{where}: {' and '.join(alike)} could each be {name}: say which with "
                f"--column {name}={alike[0]}"
            )


def _plain(name: str) -> str:
    return plain_name(name).casefold()


def _unsuffixed(name: str) -> str:
    found = _SUFFIX.match(_plain(name))
    return found["name"] if found else ""
