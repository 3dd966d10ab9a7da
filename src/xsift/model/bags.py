"""The class mixtures, learned on bags of sources, and what each says of sources it has not seen."""

from __future__ import annotations

import numpy as np

from xsift.mixture import ClassMixtures, fit_class_mixtures
from xsift.model.examples import Examples
from xsift.model.folds import folds_by_source

__all__ = ["fit_bags"]

_DEALS, _FAINT_DEALS, _PARTS = 4, 2, 3
_FEWEST = 10


def fit_bags(
    examples: Examples,
    y: np.ndarray,
    unit: np.ndarray,
    group: np.ndarray,
    n_plain: int,
    counts: np.ndarray,
    seed: int,
) -> tuple[tuple[tuple[ClassMixtures, ...], ...], np.ndarray]:
    """Learn the class mixtures on bags of sources, and let each judge the sources it has not seen.

    Sources are dealt into three parts, a few times; a bag is two parts, and judges the third. So
    every detection that trains has its posterior from as many bags, labelled or not: a mean over
    more would be smoother, which trees notice. Each level of faintness has bags of its own.

    Parameters
    ----------
    examples : Examples
    y : ndarray of int, shape (n,)
        Class of each row of the training table; -1 where it teaches nothing.
    unit : ndarray of int, shape (n,)
        What stays on one side.
    group : ndarray of int, shape (C,)
        Group of each class.
    n_plain : int
        The first so many classes are plain, the others apart or none of the classes.
    counts : ndarray of shape (n,)
        Rows that each row counts as.
    seed : int

    Returns
    -------
    bags : tuple of tuples of ClassMixtures
        One for each level.
    p : ndarray of shape (m, C)
        Of the examples.
    """
    p = np.empty((len(examples.row), len(group)))
    bags = []
    for level in range(examples.n_levels):
        deals = _DEALS if level == examples.n_levels - 1 else _FAINT_DEALS
        taught = examples.teaches(level)
        taught = _with_every_class(examples, taught[y[examples.row[taught]] >= 0], y)
        judged = np.flatnonzero(examples.level == level)
        of_level, p[judged] = _of_level(
            examples, taught, judged, y, unit, group, n_plain, counts, deals, seed
        )
        bags.append(of_level)
    return tuple(bags), p


def _with_every_class(examples: Examples, taught: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Add detections, as they are, of classes that a level has next to none of: all are fainter."""
    itself = np.flatnonzero(examples.is_itself & (y[examples.row] >= 0))
    n = np.bincount(y[examples.row[taught]], minlength=y.max() + 1)
    is_rare = n[y[examples.row[itself]]] < _FEWEST
    return np.union1d(taught, itself[is_rare])


def _of_level(
    examples: Examples,
    taught: np.ndarray,
    judged: np.ndarray,
    y: np.ndarray,
    unit: np.ndarray,
    group: np.ndarray,
    n_plain: int,
    counts: np.ndarray,
    deals: int,
    seed: int,
) -> tuple[tuple[ClassMixtures, ...], np.ndarray]:
    Z, rows, of = examples.Z[taught], examples.row[taught], examples.row[judged]
    Z_judged = examples.Z[judged]
    p, n = np.zeros((len(judged), len(group))), np.zeros(len(judged))
    bags: list[ClassMixtures] = []
    for deal in range(deals):
        part = folds_by_source(unit, y, _PARTS, seed + deal)
        for k in range(_PARTS):
            weight, unseen = (part[rows] != k) * counts[rows], np.flatnonzero(part[of] == k)
            if len(np.unique(y[rows[(weight > 0) & (y[rows] < n_plain)]])) < 2:
                weight = counts[rows]  # a handful of sources: this bag has all, and judges none
                unseen = unseen[:0]
            bags.append(_fit_bag(Z, y[rows], weight, group, n_plain, seed + len(bags)))
            p[unseen] += bags[-1].posterior(Z_judged[unseen])
            n[unseen] += 1
    p[n == 0] = np.bincount(y[rows], counts[rows], minlength=len(group)) / counts[rows].sum()
    p /= np.maximum(n, 1)[:, None]
    return tuple(bags), p


def _fit_bag(
    Z: np.ndarray, y: np.ndarray, weight: np.ndarray, group: np.ndarray, n_plain: int, seed: int
) -> ClassMixtures:
    """Learn the plain classes and those beside them each on their own, and join them."""
    is_plain = y < n_plain
    if is_plain.all():
        return fit_class_mixtures(Z, y, weight, group, seed)
    beside = ~is_plain & (weight > 0)
    parts = [fit_class_mixtures(Z[is_plain], y[is_plain], weight[is_plain], group, seed)]
    if beside.any():
        parts.append(fit_class_mixtures(Z[beside], y[beside], weight[beside], group, seed))
    share = np.array([weight[is_plain].sum(), weight[beside].sum()])[: len(parts)]
    share /= share.sum()
    return ClassMixtures(
        np.concatenate([s * part.weights for s, part in zip(share, parts, strict=True)]),
        np.concatenate([part.means for part in parts]),
        np.concatenate([part.covariances for part in parts]),
        np.concatenate([part.owner for part in parts]),
        len(group),
    )
