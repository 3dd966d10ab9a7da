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
from xsift.read.source import Source
from xsift.surveys import Survey

__all__ = ["Probabilities", "hold_probabilities"]


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
    trained : ndarray of bool, shape (n,)
        Rows whose role is that they trained the model.
    """

    sha256: str
    table: pa.Table
    classes: Classes
    p: np.ndarray
    beside: np.ndarray
    votes: np.ndarray
    trained: np.ndarray


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
    where = source.path
    held = schema.hold(table, where, survey, (), source_column)
    found = _class_columns(table, classes)
    if not found:
        examples = [classes.columns[0], classes.codes[0]]
        raise MissingColumnsError(where, [" or ".join(examples)], table.column_names)
    _refuse_unknown(table, where, set(found.values()))
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
    if not votes.any():
        others = ""
        if n := 0 if vote_trained else int(trained.sum()):
            others = f" but the {n:,} that trained the model: --vote-trained lets them vote"
        raise TableError(f"{where}: no detection has a source name and probabilities{others}")
    beside = [
        _probabilities(table, where, name)
        for name in itertools.takewhile(table.column_names.__contains__, ("p_none", "typicality"))
    ]
    if beside:
        beside[0][votes] = np.nan_to_num(beside[0][votes])
    total = p.sum(axis=1) + (beside[0] if beside else 0.0)
    odd = votes & (np.abs(total - 1) > 0.01)
    if odd.any():
        warnings.warn(
            f"the probabilities of {int(odd.sum()):,} detections do not sum to 1 "
            f"(row {int(np.flatnonzero(odd)[0]) + 1})",
            XsiftWarning,
            stacklevel=3,
        )
    return Probabilities(
        source.sha256,
        held,
        chosen,
        p,
        np.column_stack([*beside, np.empty((len(p), 0))]),
        votes,
        trained,
    )


def _class_columns(table: pa.Table, classes: Classes) -> dict[str, str]:
    """Return the column of each class, by code; our own name for it wins."""
    found = {}
    for code, ours in zip(classes.codes, classes.columns, strict=True):
        spelled = [n for n in table.column_names if n == ours]
        spelled += [n for n in table.column_names if code_of(n) == code]
        if spelled:
            found[code] = spelled[0]
    return found


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
