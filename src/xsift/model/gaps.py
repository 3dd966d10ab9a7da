"""Information in the gaps of labelled rows: how to measure and how to remove it.

A label often comes from a list of one kind of source, and its row lacks what that list lacks. A
method that sees gaps then learns the lists. If the gaps of labelled rows differ from those of all
rows, and depend on the kind, weights of the labelled rows remove this dependence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Gaps", "even_weights", "measure_gaps"]

_APART = 0.1
_TELLS = 0.1
_CHANCE = 1e-3
_FREQUENT = 10.0  # rows that lack the same features, weighed; rarer patterns are taken as one
_FREQUENT_SHARE = 0.01
_BY_CHANCE = 5.0  # rows of a kind that may be absent by chance: of 5 expected, none is 1 in 150


@dataclass(frozen=True)
class Gaps:
    """Whether what labelled rows lack tells their kind, and what was done about it.

    Attributes
    ----------
    missing : {"keep", "remove"}
        What was done.
    wanted : {"auto", "keep", "remove"}
    apart : float
        Share of the labelled rows that would have to lack other features, so that labelled rows
        lack what all rows lack: half the sum of the differences of the patterns' shares.
    tells : float
        The same between the kinds of labelled rows that lack the same features and the kinds of
        all labelled rows; the mean over what all rows lack.
    by_chance : float
        How often chance makes either difference as large; the larger of both.
    left_out : int
        Labelled rows that teach nothing: too few kinds have labels among rows that lack the same.
    confined : tuple of int
        Kinds whose gaps cannot be taken out, as other kinds lack other features.
    """

    missing: str
    wanted: str
    apart: float
    tells: float
    by_chance: float
    left_out: int = 0
    confined: tuple[int, ...] = ()

    @property
    def go_with_labels(self) -> bool:
        """Whether gaps tell the kind, and of labelled rows alone."""
        return self.apart > _APART and self.tells > _TELLS and self.by_chance < _CHANCE

    def record(self) -> dict[str, str | float | int]:
        """Return what was measured and chosen, as plain data."""
        return {
            "missing": self.missing,
            "wanted": self.wanted,
            "apart": round(self.apart, 4),
            "tells": round(self.tells, 4),
            "by_chance": float(f"{self.by_chance:.3g}"),
            "left_out": self.left_out,
        }

    def warning(self, kinds: Sequence[str], rows: str, option: str) -> str | None:
        """Say what was measured and done; None where there is nothing to be wary of.

        Parameters
        ----------
        kinds : sequence of str
            Names of the kinds.
        rows, option : str
            What a row and the setting are called: ``"detections"``, ``"--missing "``.
        """
        if not self.go_with_labels:
            return None
        found = (
            f"labelled {rows} do not lack what all {rows} lack ({self.apart:.0%} of them would "
            f"have to lack other features), and what they lack goes with their group (its shares "
            f"differ by {self.tells:.0%})"
        )
        if self.missing == "keep":
            return (
                f"{found}: with {option}keep, probabilities of incomplete {rows} follow that; "
                f"{option}remove takes it out"
            )
        said = f"{found}: {option}remove took it out"
        if self.left_out:
            said += (
                f", and {self.left_out:,} labelled {rows} taught nothing, as other groups have "
                "next to no labels among those that lack the same features"
            )
        if self.confined:
            names = ", ".join(kinds[k] for k in self.confined)
            said += (
                f"; not of {names}, whose labels all lack what no other group's lack: trust no "
                f"{names} among incomplete {rows}"
            )
        return said


def measure_gaps(
    missing: np.ndarray,
    weight: np.ndarray,
    known: np.ndarray,
    kind: np.ndarray,
    known_weight: np.ndarray,
    wanted: str,
) -> Gaps:
    """Measure whether what labelled rows lack tells their kind, and choose what to do about it.

    Gaps are taken out where 10 % of the labelled rows would have to lack other features, the kinds
    of those that lack the same differ by 10 % from all, and chance makes neither once in a thousand
    tables. Where labelled rows lack what all rows lack, gaps are what they are in the table.

    Parameters
    ----------
    missing : ndarray of bool, shape (n, d)
        Which features each row lacks.
    weight : ndarray of shape (n,)
    known : ndarray of int, shape (m,)
        Rows whose kind is known.
    kind : ndarray of int, shape (m,)
    known_weight : ndarray of shape (m,)
        Of these as they teach.
    wanted : {"auto", "keep", "remove"}
        What is not auto is done, whatever is measured.
    """
    cell = _cells(missing, weight, max(_FREQUENT, _FREQUENT_SHARE * weight.sum()))
    of_all = np.bincount(cell, weight) / weight.sum()
    n = _table(cell[known], kind, known_weight, len(of_all))
    in_cell = n.sum(axis=1)
    apart = np.abs(in_cell / in_cell.sum() - of_all).sum() / 2
    kinds = n.sum(axis=0) / in_cell.sum()
    there = in_cell > 0
    differ = np.abs(n[there] / in_cell[there, None] - kinds).sum(axis=1) / 2
    tells = of_all[there] @ differ
    expected = of_all * in_cell.sum()
    by_chance = max(
        _by_chance(in_cell, expected, int((of_all > 0).sum()) - 1),
        _by_chance(n, in_cell[:, None] * kinds, (int(there.sum()) - 1) * (len(kinds) - 1)),
    )
    gaps = Gaps("keep", wanted, float(apart), float(tells), by_chance)
    remove = wanted == "remove" or (wanted == "auto" and gaps.go_with_labels)
    if not remove:
        return gaps
    factor, confined = even_weights(missing[known], kind, known_weight)
    left_out = int((factor == 0).sum())
    return replace(gaps, missing="remove", left_out=left_out, confined=tuple(confined.tolist()))


def even_weights(
    missing: np.ndarray, kind: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weigh labelled rows so that what they lack says nothing of their kind.

    The most complete of the frequent patterns stays as it is. Elsewhere the kinds get the shares
    that they have in all, where a row counts by the square of the share of features that it has,
    and no row counts more than before. A pattern in which a kind is rarer than chance makes it
    counts only as far as that kind goes: not at all where it is absent. However little the rows
    of one kind weigh that lie alone, trees would learn their place. A kind that would be lost so
    keeps its rows: its gaps cannot be told from what it is.

    Parameters
    ----------
    missing : ndarray of bool, shape (m, d)
    kind : ndarray of int, shape (m,)
    weight : ndarray of shape (m,)

    Returns
    -------
    factor : ndarray of shape (m,)
        0 to 1.
    confined : ndarray of int
        Kinds that have next to no labels but in patterns without other kinds.
    """
    cell = _cells(missing, weight, _FREQUENT)
    complete = weight * (1 - missing.mean(axis=1)) ** 2
    shares = np.bincount(kind, complete) / complete.sum()
    n = _table(cell, kind, weight, cell.max() + 1)
    total = n.sum(axis=1, keepdims=True)
    # With kinds in these shares, the largest pattern that the rows of each kind can fill.
    there = shares > 0
    filled = n[:, there] / shares[there]
    is_short = filled + _BY_CHANCE / shares[there] < total
    size = np.where(is_short, filled, total).min(axis=1)
    wanted = np.outer(size, shares)
    factor = np.minimum(np.divide(wanted, n, out=np.ones_like(n), where=n > 0), 1.0)
    factor[np.bincount(cell, complete).argmax()] = 1.0
    rest, before = (factor * n).sum(axis=0), n.sum(axis=0)
    confined = rest < np.minimum(_BY_CHANCE, before)
    factor[:, confined] = 1.0
    return factor[cell, kind], np.flatnonzero(confined)


def _cells(missing: np.ndarray, weight: np.ndarray, fewest: float) -> np.ndarray:
    """Give a number to each pattern that has `fewest` rows, weighed; 0 to all the others."""
    _, pattern = np.unique(missing, axis=0, return_inverse=True)
    pattern = pattern.reshape(-1)
    often = np.bincount(pattern, weight) >= fewest
    return np.asarray(np.where(often, np.cumsum(often), 0)[pattern])


def _table(cell: np.ndarray, kind: np.ndarray, weight: np.ndarray, n_cells: int) -> np.ndarray:
    n = np.zeros((n_cells, int(kind.max()) + 1))
    np.add.at(n, (cell, kind), weight)
    return n


def _by_chance(found: np.ndarray, expected: np.ndarray, freedom: int) -> float:
    """Return how often chance makes counts as different as these (Pearson's test)."""
    from scipy.special import chdtrc

    there = expected > 0
    if freedom < 1:
        return 1.0
    return float(chdtrc(freedom, ((found - expected)[there] ** 2 / expected[there]).sum()))
