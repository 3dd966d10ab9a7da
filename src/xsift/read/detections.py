"""A table of detections, checked against its survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from xsift.errors import TableError
from xsift.read import cells, schema
from xsift.read.look import Look
from xsift.read.memory import InMemory
from xsift.read.naming import refuse_ambiguous
from xsift.read.source import Source
from xsift.read.table import asked_for, named_table
from xsift.read.types import codes_of, labels_of
from xsift.read.units import plain_name
from xsift.read.unreadable import why_unreadable
from xsift.surveys import Feature, Survey

__all__ = ["Detections", "columns_beside", "read_detections"]

_TYPE_COLUMN = "otype"
_SHARED_COLUMN = "detection_group"


@dataclass(frozen=True)
class Detections:
    """A table of detections, checked against its survey.

    Attributes
    ----------
    path : str
    sha256 : str
        Of the file.
    table : pyarrow.Table
        The survey's columns that the file has; ``name`` is the source. Rows as in the file.
    label : list of (str or None), optional
        Code of each detection's label, where a label column was asked for.
    types : list of (str or None), optional
        Code of each detection's type, of whatever kind, where types were asked for and the table
        has them in `type_column`.
    shared : pyarrow.ChunkedArray, optional
        Names of detections (column ``detection_group``), where types were asked for: rows of one
        name are one detection of several sources.
    kept : pyarrow.Table, optional
        Columns that the user asked to keep, as they are.
    called : dict of str to str
        What the file calls columns of the survey that go by another name in it.
    look : Look, optional
        At these rows, where they are a part of a table.
    """

    path: str
    sha256: str
    table: pa.Table
    label: list[str | None] | None = None
    types: list[str | None] | None = None
    type_column: str | None = None
    shared: pa.ChunkedArray | None = None
    kept: pa.Table | None = None
    called: dict[str, str] = field(default_factory=dict)
    look: Look | None = None


def read_detections(
    path: str | Path | Source | InMemory,
    survey: Survey,
    features: tuple[Feature, ...],
    source_column: str = "name",
    label_column: str | None = None,
    need_all: bool = True,
    with_types: bool = False,
    type_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    look: Look | None = None,
) -> Detections:
    """Read a table of detections and check it against its survey.

    Parameters
    ----------
    features : tuple of Feature
        Those that are wanted.
    need_all : bool
        Whether every feature must be there; else one is enough (`schema.hold`).
    with_types : bool
        Whether the types of all detections are wanted, too: of `type_column`, or where None of
        ``otype``, if there is such a column.
    columns : mapping of str to str, optional
        What the table calls columns of the survey (`naming`).
    keep : sequence of str
        Columns to keep as they are; ``all`` keeps every one that is not the survey's.
    look : Look, optional
        At the whole table, where this is a part of it: it has decided what only the whole can, and
        was warned of. An empty one: this part is looked at.

    Raises
    ------
    TableError
        As `read_table` and `schema.hold` do.
    """
    where = str(path)
    more = columns_beside(source_column, label_column, with_types, type_column)
    table, source, available, found = named_table(path, survey, columns, [*more, *keep])
    refuse_ambiguous(found, where, sorted({"name", "ra", "dec"} | survey.columns_of(features)))
    # What the user names, the table calls so; its columns bear the survey's names now.
    now = {actual: name for name, actual in found.called.items()}
    source_column = now.get(source_column, source_column)
    own, rules = None, (survey, features, source_column, available, need_all)
    if look is None:
        held = schema.hold(table, where, *rules)
    else:
        _refuse_text_positions(table, where)
        first = path.first if isinstance(path, InMemory) else 0
        held, own = schema.hold_part(table, where, *rules, first)
        held = schema.without_left_out(held, look)
    label = types = shared = None
    if label_column is not None:
        column = asked_for(table, where, now.get(label_column, label_column), available)
        label = labels_of(table.column(column), where, column)
    kept = _kept(table, where, survey, [now.get(k, k) for k in keep], available)
    detections = Detections(
        where, source.sha256, held, label, kept=kept, called=found.called, look=own
    )
    if not with_types:
        return detections
    if type_column is not None:
        type_column = asked_for(table, where, now.get(type_column, type_column), available)
    else:
        type_column = schema.find_column(table, where, _TYPE_COLUMN)
    if type_column is not None:
        types = codes_of(table.column(type_column), where, type_column)
    if (name := schema.find_column(table, where, _SHARED_COLUMN)) is not None:
        shared = cells.text(table.column(name), where, name)
    return replace(detections, types=types, type_column=type_column, shared=shared)


def columns_beside(
    source_column: str, label_column: str | None, with_types: bool, type_column: str | None
) -> list[str]:
    """Return the columns beside the survey's that `read_detections` takes, all as it does."""
    more = [c for c in (source_column, label_column) if c]
    return more + ([type_column or _TYPE_COLUMN, _SHARED_COLUMN] if with_types else [])


def _refuse_text_positions(table: pa.Table, where: str) -> None:
    # Whether text is sexagesimal or plain degrees, only the whole column tells.
    for axis in ("ra", "dec"):
        found = schema.find_column(table, where, axis)
        if found is not None and cells.is_text(table.schema.field(found).type):
            raise TableError(
                f"{where}: column {found} holds text: in a table that is read in parts, positions "
                "are numbers, in degrees"
            )


def _kept(
    table: pa.Table, where: str, survey: Survey, keep: Sequence[str], available: list[str]
) -> pa.Table | None:
    """Return the columns that the user asked to keep."""
    if not keep:
        return None
    if "all" in keep:
        own = {c.name for c in survey.columns}
        chosen = [n for n in table.column_names if plain_name(n).casefold() not in own]
        chosen = [n for n in chosen if not why_unreadable(table.schema.field(n))]
    else:
        chosen = [asked_for(table, where, name, available) for name in dict.fromkeys(keep)]
    return table.select(chosen)
