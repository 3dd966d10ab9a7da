"""Folds of sources: what must stand on one side of a split, and which side."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["fields_on_sky", "folds_by_source", "identical_detections", "join"]


def identical_detections(X: np.ndarray) -> np.ndarray:
    """Give a number to each group of rows that agree in every feature, missing ones included.

    Rows with fewer than half of the features get a number of their own: a few saturated values
    agree by accident.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    known = np.isfinite(X)
    enough = 2 * known.sum(axis=1) >= X.shape[1]
    # A NaN is equal to no NaN, so that it needs a value of its own.
    filled = np.where(known, X, np.finfo(np.float64).max)
    _, code = np.unique(filled, axis=0, return_inverse=True)
    code = code.reshape(-1)
    return np.asarray(np.where(enough, code, code.max(initial=0) + 1 + np.arange(len(X))))


def fields_on_sky(keys: pa.Table, size: float | None) -> np.ndarray | None:
    """Give a number to each field on the sky: cells of a size, deg, between circles of declination.

    Parameters
    ----------
    keys : pyarrow.Table
        With ``ra`` and ``dec``, deg; a row without a position is in no field.
    size : float, optional

    Returns
    -------
    ndarray of int, shape (n,), or None
        -1 in no field; None without a size or without positions.
    """
    if size is None or not {"ra", "dec"} <= set(keys.column_names):
        return None
    ra, dec = (np.asarray(keys[axis].to_numpy(), dtype=np.float64) for axis in ("ra", "dec"))
    there = np.isfinite(ra) & np.isfinite(dec)
    band = np.floor(dec[there] / size)
    along = np.floor((ra[there] % 360) * np.cos(np.radians((band + 0.5) * size)).clip(0) / size)
    _, code = np.unique(np.column_stack([band, along]), axis=0, return_inverse=True)
    field = np.full(len(ra), -1)
    field[there] = code.reshape(-1)
    return field


def join(source: np.ndarray, *shared: np.ndarray) -> np.ndarray:
    """Join sources that share a detection, directly or through others.

    Parameters
    ----------
    source : ndarray of int, shape (n,)
        Code of the source of each detection.
    *shared : ndarray of int, shape (n,)
        Numbers of detections: rows of one number are one detection; -1 says nothing.

    Returns
    -------
    ndarray of int, shape (n,)
        Code of the unit of each row: what must stay on one side of a split. Units are numbered by
        their first row.
    """
    _, node = np.unique(source, return_inverse=True)
    ends, n_nodes = [], int(node.max(initial=-1)) + 1
    for numbers in shared:
        rows = np.flatnonzero(numbers >= 0)
        _, code = np.unique(numbers[rows], return_inverse=True)
        ends.append((node[rows], code + n_nodes))
        n_nodes += int(code.max(initial=-1)) + 1
    left = np.concatenate([a for a, _ in ends]) if ends else np.empty(0, dtype=np.int64)
    right = np.concatenate([b for _, b in ends]) if ends else np.empty(0, dtype=np.int64)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n_nodes, n_nodes))
    _, component = connected_components(graph, directed=False)
    _, first, unit = np.unique(component[node], return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[unit])


def folds_by_source(unit: np.ndarray, stratum: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Deal the units to folds at random, evenly within each stratum.

    Parameters
    ----------
    unit : ndarray of int, shape (n,)
        As `join` gives it.
    stratum : ndarray of int, shape (n,)
        Class of each row; the unit's is that of its first row.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    units, first, of = np.unique(unit, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(units))
    order = shuffled[np.argsort(stratum[first][shuffled], kind="stable")]
    fold = np.empty(len(units), dtype=np.int64)
    fold[order] = np.arange(len(units)) % n_folds
    return np.asarray(fold[of])
