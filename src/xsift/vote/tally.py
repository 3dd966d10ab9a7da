"""The detections of a source vote on its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.surveys.columns import KEYS
from xsift.vote.verdict import Rule

__all__ = ["Pool", "Votes", "in_order", "key_order", "starts_of", "tally", "tally_in_order"]

_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"


Pool = Literal["mean", "geometric"]


@dataclass(frozen=True, eq=False)
class Votes:
    """One row per source, sorted by source name.

    Attributes
    ----------
    first : ndarray of int, shape (m,)
        Row of the source's first detection in (name, obsid, obi) order.
    n_detections : ndarray of int, shape (m,)
    mean, std : ndarray of shape (m, columns)
        Mean, or what the probabilities pool to, and population standard deviation (ddof 0) of each
        column.
    soft, hard : ndarray of int, shape (m,)
        Class that the rule gives the mean; most frequent class.
    """

    first: np.ndarray
    n_detections: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    soft: np.ndarray
    hard: np.ndarray

    @property
    def unique(self) -> np.ndarray:
        """Whether both votes agree, bool of shape (m,); always so for one detection."""
        return np.asarray(self.soft == self.hard)


def in_order(
    names: pa.ChunkedArray | pa.Array, are_whole: bool | None = None
) -> pa.ChunkedArray | pa.Array:
    """Return the sort keys of source names: the names, or integers if all are integers.

    ``9`` comes before ``10``; a number with a leading zero is a name, and then all are. Of a part
    of the names, `are_whole` tells whether all are.
    """
    if not pa.types.is_string(names.type):
        return names
    if are_whole is None:
        given = names.drop_null()
        if not (len(given) and pc.match_substring_regex(given[:1], _WHOLE)[0].as_py()):
            return names
        are_whole = pc.all(pc.match_substring_regex(given, _WHOLE)).as_py()
    return names.cast(pa.int64()) if are_whole else names


def key_order(table: pa.Table, rows: np.ndarray, are_whole: bool | None = None) -> np.ndarray:
    """Sort `rows` of a table by (name, obsid, obi where known), then by their order in the file.

    Parameters
    ----------
    table : pyarrow.Table
        With ``name``, and ``obsid`` and ``obi`` where it has them; nulls come last.
    rows : ndarray of int
        In the order of the file.
    are_whole : bool, optional
        Of a part of a table: as `in_order` takes it.
    """
    keys = {k: table[k] for k in KEYS if k in table.column_names}
    keys["name"] = in_order(keys["name"], are_whole)
    keys["_row"] = pa.array(np.arange(table.num_rows))  # Arrow's sort is not stable
    order = pc.sort_indices(pa.table(keys), sort_keys=[(k, "ascending") for k in keys])
    chosen = np.zeros(table.num_rows, dtype=bool)
    chosen[rows] = True
    order = order.to_numpy().astype(np.int64)
    return np.asarray(order[chosen[order]])


def tally(
    table: pa.Table,
    p: np.ndarray,
    rows: np.ndarray,
    n_classes: int,
    pool: Pool = "mean",
    rule: Rule | None = None,
) -> Votes:
    """Let the detections in `rows` vote (paper, section on the master classification).

    Soft vote: the class that the rule gives the mean probabilities. Hard vote: the most frequent
    class among the detections, each by the same rule; of equally frequent ones, that of the
    detection that comes first in (name, obsid, obi) order.

    Parameters
    ----------
    table : pyarrow.Table
        With ``name``, and ``obsid`` and ``obi`` where it has them.
    p : ndarray of shape (n, columns)
        Of all rows of the table: the probabilities of the classes, then whatever else is to be
        averaged.
    rows : ndarray of int
        Rows that vote: with a name and with probabilities.
    n_classes : int
        How many columns of `p` are classes.
    pool : {"mean", "geometric"}
        Of the probabilities of a source's detections, the mean, as in the paper; or the geometric
        mean, brought back to the sum 1. Detections of one source are nearly the same evidence
        again: so they are never multiplied.
    rule : Rule, optional
        Of the verdict; the published one by default: the class of the highest probability, the
        first of the classes on ties.
    """
    return tally_in_order(table["name"], p, key_order(table, rows), n_classes, pool, rule)


def tally_in_order(
    names: pa.ChunkedArray,
    p: np.ndarray,
    rows: np.ndarray,
    n_classes: int,
    pool: Pool = "mean",
    rule: Rule | None = None,
) -> Votes:
    """Do what `tally` does, of rows as `key_order` sorts them."""
    rule = rule or Rule.published(n_classes)
    if not len(rows):
        none = np.empty(0, dtype=np.int64)
        no_p = np.empty((0, p.shape[1]))
        return Votes(none, none, no_p, no_p, none, none)
    starts = starts_of(names.take(pa.array(rows)))
    n = np.diff(np.append(starts, len(rows)))
    mean, std = np.empty((2, p.shape[1], len(starts)))
    # Column after column: the copies of all columns at once would be most of the memory.
    for j in range(p.shape[1]):
        # Sums run in key order, so that the order of the file cannot change a mean's last bits.
        voting = p[rows, j]
        mean[j] = np.add.reduceat(voting, starts) / n
        deviation = voting - np.repeat(mean[j], n)
        std[j] = np.sqrt(np.add.reduceat(deviation**2, starts) / n)
    if pool == "geometric":
        mean[:n_classes] = _geometric_mean(p, rows, starts, n, n_classes)
    hard = _most_frequent(rule.decide(p, rows), starts, n, n_classes)
    soft = rule.decide(mean.T)
    return Votes(rows[starts], n, mean.T, std.T, soft, hard)


def _geometric_mean(
    p: np.ndarray, rows: np.ndarray, starts: np.ndarray, n: np.ndarray, n_classes: int
) -> np.ndarray:
    pooled = np.empty((n_classes, len(starts)))
    for j in range(n_classes):
        log_p = np.log(np.maximum(p[rows, j], np.finfo(np.float64).tiny))
        pooled[j] = np.add.reduceat(log_p, starts) / n
    np.exp(pooled - pooled.max(axis=0), out=pooled)
    total = np.zeros(len(starts))
    for column in pooled:  # in this order whatever the number of sources
        total += column
    pooled /= total
    # Of one detection, its own: to the last bit.
    pooled[:, n == 1] = p[rows[starts[n == 1]], :n_classes].T
    return np.asarray(pooled)


def starts_of(names: pa.ChunkedArray) -> np.ndarray:
    """Return where each run of equal names begins; there is one name at least."""
    changes = pc.not_equal(names[1:], names[:-1]).to_numpy()
    return np.flatnonzero(np.concatenate([[True], changes]))


def _most_frequent(
    classes: np.ndarray, starts: np.ndarray, n: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return the most frequent class of each run, on ties the one met first."""
    source = np.repeat(np.arange(len(starts)), n)
    ballots, first, count = np.unique(
        source * n_classes + classes, return_index=True, return_counts=True
    )
    # By source, then the most frequent, then the one met first.
    order = np.lexsort((first, -count, ballots // n_classes))
    winners = order[np.flatnonzero(np.diff(ballots[order] // n_classes, prepend=-1))]
    return np.asarray(ballots[winners] % n_classes)
