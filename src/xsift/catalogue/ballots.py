"""Ballots: what of the detections the vote on their sources needs, as a table.

Those of a source may lie in several parts of a table: its ballots are brought together by `name`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.model.sample import Sample
from xsift.surveys.columns import KEYS
from xsift.vote import key_order, starts_of

__all__ = ["Ballots", "ballots_of"]

_POSITION = ("ra", "dec")
_P, _FEATURE, _KEPT = "p:", "feature:", "kept:"
_FORMAT = b"PARQUET:"  # what Parquet adds to the metadata of a field


def ballots_of(
    sample: Sample,
    detections: pa.Table,
    p: np.ndarray,
    in_vote: np.ndarray,
    trained: np.ndarray,
    first: int,
) -> pa.Table:
    """Return the ballots of a part: of all detections with a name.

    Parameters
    ----------
    sample : Sample
    detections : pyarrow.Table
        Of its features.
    p : ndarray of shape (n, columns)
        What is voted on.
    in_vote, trained : ndarray of bool, shape (n,)
        Which detections vote; which trained the model.
    first : int
        Place of the first of them in the whole table.
    """
    keys, n = sample.keys, len(sample)
    columns = {k: keys[k] for k in (*KEYS, *_POSITION) if k in keys.column_names}
    columns["ordinal"] = pa.array(np.arange(first, first + n))
    columns |= {"votes": pa.array(in_vote), "trained": pa.array(trained)}
    columns["counts"] = pa.array(sample.features.counts)
    columns |= {f"{_P}{j}": pa.array(np.ascontiguousarray(c)) for j, c in enumerate(p.T)}
    columns |= {f"{_FEATURE}{name}": detections[name] for name in sample.features.names}
    table = pa.table(columns)
    if sample.kept is not None:
        for field, column in zip(sample.kept.schema, sample.kept.columns, strict=True):
            table = table.append_column(field.with_name(_KEPT + field.name), column)
    named = sample.named
    return table if named.all() else table.filter(pa.array(named))


class Ballots(NamedTuple):
    """The ballots of whole sources.

    Attributes
    ----------
    detections : pyarrow.Table
        Name, position and features.
    kept : pyarrow.Table or None
        Columns of the user's own.
    features : tuple of str
    p : ndarray of shape (n, columns)
    counts : ndarray of shape (n,)
    rows : ndarray of int
        Those that vote, by (name, obsid, obi) and then as in the whole table.
    counted : dict of str to int
        ``sources_in`` and ``without_a_vote``: as in `Sums`.
    repeated : dict of str to int
        As in `Sums`.
    """

    detections: pa.Table
    kept: pa.Table | None
    features: tuple[str, ...]
    p: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    counted: dict[str, int]
    repeated: dict[str, int]

    @classmethod
    def of(cls, table: pa.Table, are_whole: bool | None) -> Ballots:
        """Read ballots of whole sources, in any order.

        Parameters
        ----------
        table : pyarrow.Table
            As `ballots_of` returned it, of one part or of several.
        are_whole : bool, optional
            Whether all names of the whole table are whole numbers, as `in_order` takes it.
        """
        ordinal = table["ordinal"].to_numpy()
        if (np.diff(ordinal) < 0).any():
            table = table.take(pa.array(np.argsort(ordinal, kind="stable")))
        order = key_order(table, np.arange(table.num_rows), are_whole)
        votes, trained = (table[name].to_numpy() for name in ("votes", "trained"))
        counted, repeated = _count(table, order, votes, trained)
        names = table.column_names
        features = tuple(n.removeprefix(_FEATURE) for n in names if n.startswith(_FEATURE))
        p = np.empty((table.num_rows, sum(n.startswith(_P) for n in names)), order="F")
        for j in range(p.shape[1]):
            p[:, j] = table[f"{_P}{j}"].to_numpy()
        own = {k: table[k] for k in ("name", *_POSITION) if k in names}
        own |= {name: table[_FEATURE + name] for name in features}
        kept = _kept(table)
        counts, rows = table["counts"].to_numpy(), order[votes[order]]
        return cls(pa.table(own), kept, features, p, counts, rows, counted, repeated)


def _kept(table: pa.Table) -> pa.Table | None:
    at = [j for j, name in enumerate(table.column_names) if name.startswith(_KEPT)]
    if not at:
        return None
    fields = []
    for field in (table.schema.field(j) for j in at):
        said = {k: v for k, v in (field.metadata or {}).items() if not k.startswith(_FORMAT)}
        fields.append(field.with_name(field.name.removeprefix(_KEPT)).with_metadata(said or None))
    return pa.Table.from_arrays([table.column(j) for j in at], schema=pa.schema(fields))


def _count(
    table: pa.Table, order: np.ndarray, votes: np.ndarray, trained: np.ndarray
) -> tuple[dict[str, int], dict[str, int]]:
    """Count names, and rows whose keys another row before them has; `order` is that of the keys."""
    keys = [k for k in KEYS if k in table.column_names]
    if not len(order):
        return {"sources_in": 0, "without_a_vote": 0}, {}
    sorted_ = {key: table[key].take(pa.array(order)) for key in keys}
    starts = starts_of(sorted_["name"])
    vote, train = (np.logical_or.reduceat(some[order], starts) for some in (votes, trained))
    counted = {"sources_in": len(starts), "without_a_vote": int((train & ~vote).sum())}
    if "obsid" not in keys:
        return counted, {}
    same = np.ones(len(order) - 1, dtype=bool)
    for key, column in sorted_.items():
        one, next_one = column[:-1], column[1:]
        is_same = np.asarray(pc.fill_null(pc.equal(one, next_one), False))
        if key == "obi":
            is_same = is_same | np.asarray(pc.and_(pc.is_null(one), pc.is_null(next_one)))
        same &= is_same
    return counted, {", ".join(keys): int(same.sum())}
