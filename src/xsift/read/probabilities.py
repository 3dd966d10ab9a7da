"""A table of detections with their class probabilities: ours, or the published one."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.classes import Classes, code_of
from xsift.errors import MissingColumnsError, TableError, XsiftWarning
from xsift.read import cells, schema
from xsift.read.look import Look
from xsift.read.memory import InMemory
from xsift.read.source import Source
from xsift.surveys import Survey

__all__ = [
    "Polled",
    "Probabilities",
    "class_columns",
    "hold_part_of_probabilities",
    "hold_probabilities",
]


@dataclass(frozen=True)
class Polled:
    """Counts that only the whole table can judge; ``a + b`` adds two parts.

    Attributes
    ----------
    rows, trained, voting : int
        Detections; those whose role is that they trained the model; those that vote.
    odd : int
        Those that vote, and whose probabilities do not sum to 1.
    first_odd : int or None
        The first of these, counted from 0.
    has_none : bool
        Whether any that votes has a share of none of the classes.
    """

    rows: int = 0
    trained: int = 0
    voting: int = 0
    odd: int = 0
    first_odd: int | None = None
    has_none: bool = False

    def __add__(self, other: Polled) -> Polled:
        odd = [row for row in (self.first_odd, other.first_odd) if row is not None]
        return Polled(
            self.rows + other.rows,
            self.trained + other.trained,
            self.voting + other.voting,
            self.odd + other.odd,
            min(odd, default=None),
            self.has_none or other.has_none,
        )

    def heed(self, where: str, vote_trained: bool) -> None:
        """Warn of problems in the whole table.

        Raises
        ------
        TableError
            If no detection can vote.
        """
        if not self.voting:
            others = ""
            if self.trained and not vote_trained:
                others = (
                    f" but the {self.trained:,} that trained the model: --vote-trained lets them "
                    "vote"
                )
            raise TableError(f"{where}: no detection has a source name and probabilities{others}")
        if self.first_odd is not None:
            warnings.warn(
                f"the probabilities of {self.odd:,} detections do not sum to 1 "
                f"(row {self.first_odd + 1})",
                XsiftWarning,
                stacklevel=3,
            )


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Detections and their class probabilities.

    Attributes
    ----------
    sha256 : str
    table : pyarrow.Table
        The survey's columns that the file has; ``name`` is the source.
    classes : Classes
        Those that the file has columns of, in the order of the given ones.
    p : ndarray of shape (n, C)
        NaN where a detection has none.
    beside : ndarray of shape (n, 0), (n, 1) or (n, 2)
        ``p_none``, and then ``typicality``, where the file has them.
    votes : ndarray of bool, shape (n,)
        Rows with a source name, probabilities and a role that votes.
    polled : Polled
    """

    sha256: str
    table: pa.Table
    classes: Classes
    p: np.ndarray
    beside: np.ndarray
    votes: np.ndarray
    polled: Polled


def hold_probabilities(
    table: pa.Table,
    source: Source,
    survey: Survey,
    source_column: str,
    classes: Classes,
    vote_trained: bool,
) -> Probabilities:
    """Find names and probabilities in a table.

    A class's column is called as we call it (``p_qso``) or after the class, in any SIMBAD spelling
    (``QSO``, ``Seyfert_1``, ``TTau*``). Where the table says each detection's role, only those
    that were scored vote, unless `vote_trained`.

    Raises
    ------
    TableError
        If there is no class, a value is no probability, or no detection can vote.
    """
    held = schema.hold(table, source.path, survey, (), source_column)
    found = _found(table, held, source, classes, vote_trained, 0)
    found.polled.heed(source.path, vote_trained)
    return found


def hold_part_of_probabilities(
    part: InMemory, survey: Survey, source_column: str, classes: Classes, vote_trained: bool
) -> tuple[Probabilities, Look]:
    """Find names and probabilities in a part of a table, and look at what only the whole can judge.

    Raises
    ------
    TableError
        If there is no class, or a value is no probability.
    """
    table, where = part.table, part.source.path
    available = list(part.available)
    held, look = schema.hold_part(
        table, where, survey, (), source_column, available, first=part.first
    )
    return _found(table, held, part.source, classes, vote_trained, part.first), look


def class_columns(table: pa.Table, where: str, classes: Classes) -> dict[str, str]:
    """Return the column of each class that a table has, by code; our own name for it wins.

    Raises
    ------
    TableError
        If there is none, or one of ours is of no class that is known.
    """
    found = {}
    for code, ours in zip(classes.codes, classes.columns, strict=True):
        spelled = [n for n in table.column_names if n == ours]
        spelled += [n for n in table.column_names if code_of(n) == code]
        if spelled:
            found[code] = spelled[0]
    if not found:
        examples = [classes.columns[0], classes.codes[0]]
        raise MissingColumnsError(where, [" or ".join(examples)], table.column_names)
    _refuse_unknown(table, where, set(found.values()))
    return found


def _found(
    table: pa.Table,
    held: pa.Table,
    source: Source,
    classes: Classes,
    vote_trained: bool,
    first: int,
) -> Probabilities:
    where = source.path
    found = class_columns(table, where, classes)
    chosen = classes.model_copy(
        update={"classes": tuple(c for c in classes.classes if c.code in found)}
    )
    p = np.column_stack([_probabilities(table, where, found[code]) for code in chosen.codes])
    votes = np.asarray(pc.is_valid(held["name"])) & ~np.isnan(p).any(axis=1)
    trained = np.zeros(len(p), dtype=bool)
    if (column := schema.find_column(table, where, "role")) is not None:
        role = table[column].cast(pa.string())
        trained = np.asarray(pc.equal(role, "trained").fill_null(False))
        is_scored = np.asarray(pc.equal(role, "scored").fill_null(False))
        votes &= is_scored | (trained & vote_trained)
    beside = [
        _probabilities(table, where, name)
        for name in itertools.takewhile(table.column_names.__contains__, ("p_none", "typicality"))
    ]
    if beside:
        beside[0][votes] = np.nan_to_num(beside[0][votes])
    total = p.sum(axis=1) + (beside[0] if beside else 0.0)
    odd = np.flatnonzero(votes & (np.abs(total - 1) > 0.01))
    polled = Polled(
        rows=len(p),
        trained=int(trained.sum()),
        voting=int(votes.sum()),
        odd=len(odd),
        first_odd=first + int(odd[0]) if len(odd) else None,
        has_none=bool(beside) and bool((beside[0][votes] > 0).any()),
    )
    columns = np.column_stack([*beside, np.empty((len(p), 0))])
    return Probabilities(source.sha256, held, chosen, p, columns, votes, polled)


def _refuse_unknown(table: pa.Table, where: str, known: set[str]) -> None:
    """Refuse a catalogue of ours with classes that were not looked for: they would be lost."""
    ours = [n for n in table.column_names if n.startswith("p_") and not n.endswith("_std")]
    if unknown := [n for n in ours if n not in known and n != "p_none"]:
        raise TableError(
            f"{where}: {', '.join(unknown)} belong to no class that xsift knows: "
            "name the classes with --classes"
        )


def _probabilities(table: pa.Table, where: str, name: str) -> np.ndarray:
    p = cells.numbers(table.column(name), where, name)
    bad = np.flatnonzero(~np.isnan(p) & ~((p >= -1e-9) & (p <= 1 + 1e-9)))
    if len(bad):
        raise TableError(
            f"{where}: column {name}, row {bad[0] + 1}: {p[bad[0]]:g} is not a probability (0 to 1)"
        )
    return p
