"""Recognise the rows of a table that trained a model, by hashes of their keys and their features.

A hash is the first 8 bytes of BLAKE2b, the same on every machine. Among 60,000 hashes a row that
did not train is taken for one that did with a chance of 3e-15.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.label.names import evened_out
from xsift.model.sample import Sample
from xsift.model.training_rows import KEY_COLUMNS, TrainingRowsTree

__all__ = ["Recognised", "hash_features", "hash_keys", "key_columns", "recognise", "training_rows"]

# Rows with fewer are equal by chance: 1,904 rows of CSC 2.0 that did not train have nothing but
# three hardness ratios of +-0.9994, and so have rows that did.
_FEWEST_VALUES = 3
_ROWS = 131_072
_BETWEEN = "\x1f"  # no name holds it: evened-out names have no separators
_NUMBER = re.compile(r"[+-]?\d*\.?\d*")


@dataclass(frozen=True, eq=False)
class Recognised:
    """Which rows of a table trained a model.

    Attributes
    ----------
    by_name, by_values : ndarray of bool, shape (n,)
        By the key; by the features alone.
    """

    by_name: np.ndarray
    by_values: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Rows recognised either way, bool of shape (n,)."""
        return np.asarray(self.by_name | self.by_values)


def training_rows(
    sample: Sample, trained: np.ndarray, own: tuple[str, ...] | None = None
) -> TrainingRowsTree:
    """Return what a model file holds of the rows that trained.

    Parameters
    ----------
    sample : Sample
        With the features of the model.
    trained : ndarray of bool, shape (n,)
    own : tuple of str, optional
        As in `recognise`.
    """
    rows = np.flatnonzero(trained)
    columns = key_columns(sample.keys) if own is None else own
    keys = sample.keys.take(pa.array(rows))
    found = [hash_keys(keys, columns[: k + 1]) for k in range(len(columns))]
    hashed, known = hash_features(sample.features.values[rows])
    return TrainingRowsTree(
        key_columns=list(columns),
        keys=np.unique(np.concatenate([np.empty(0, np.int64), *(h[ok] for h, ok in found)])),
        features=np.unique(hashed[known]),
    )


def recognise(
    known: TrainingRowsTree, sample: Sample, own: tuple[str, ...] | None = None
) -> Recognised:
    """Find the rows of a table that trained the model.

    Keys are compared in the columns that the table and the training table both have: a table of
    sources, without `obsid`, by names alone.

    Parameters
    ----------
    known : TrainingRowsTree
    sample : Sample
        With the features of the model.
    own : tuple of str, optional
        Key columns of which the whole table has values (`key_columns`), where this is a part of it.
    """
    n = len(sample)
    by_name, by_values = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    own = key_columns(sample.keys) if own is None else own
    columns = own[: min(len(own), len(known.key_columns))]
    for start in range(0, n, _ROWS):
        some = slice(start, start + _ROWS)
        if len(columns) and len(known.keys):
            hashed, ok = hash_keys(sample.keys.slice(start, _ROWS), columns)
            by_name[some] = ok & _among(hashed, known.keys)
        if len(known.features):
            features = sample.features
            X = np.where(features.usable[some], features.X[some], np.nan)
            hashed, ok = hash_features(X)
            by_values[some] = ok & _among(hashed, known.features)
    return Recognised(by_name, by_values & ~by_name)


def hash_keys(keys: pa.Table, columns: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hash the keys of detections.

    Names are compared without regard to case, blanks and kinds of dashes. The name is the
    archive's, where the source column is another. A name that is a mere number counts only beside
    an observation: every table has its own source 1.

    Returns
    -------
    hashed : ndarray of int64, shape (n,)
    known : ndarray of bool, shape (n,)
        Which rows have a name.
    """
    columns = tuple(columns)
    name = keys["archive_name" if "archive_name" in keys.column_names else "name"]
    encoded = pc.dictionary_encode(name.cast(pa.string()).combine_chunks())
    spelled = [evened_out(n) for n in encoded.dictionary.to_pylist()]
    is_number = np.array([*(bool(_NUMBER.fullmatch(n)) for n in spelled), False])
    at = encoded.indices.fill_null(len(spelled))
    observed = np.zeros(len(keys), dtype=bool)
    if "obsid" in columns:
        observed = np.asarray(pc.is_valid(keys["obsid"]))
    known = np.asarray(pc.is_valid(name)) & (observed | ~is_number[np.asarray(at)])
    parts = [pa.array([*spelled, ""], pa.string()).take(at)]
    parts += [keys[c].combine_chunks().cast(pa.string()) for c in columns[1:]]
    text = pc.binary_join_element_wise(
        *parts, _BETWEEN, null_handling="replace", null_replacement=""
    )
    return _hashed(t.encode() for t in text.to_pylist()), known


def hash_features(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hash rows of features, shape (n, d); NaN is missing.

    Returns
    -------
    hashed : ndarray of int64, shape (n,)
    known : ndarray of bool, shape (n,)
        Which rows have three values of different sizes: others are not equal to them by chance.
    """
    missing = np.isnan(X)
    # -0 becomes 0, and every NaN the same one; little-endian, as the hash is of bytes.
    plain = np.ascontiguousarray(np.where(missing, np.nan, X + 0.0), dtype="<f8")
    width = plain.shape[1] * plain.itemsize
    content = memoryview(plain.tobytes())
    hashed = _hashed(content[at : at + width] for at in range(0, len(content), max(width, 1)))
    size = np.sort(np.where(missing, np.nan, np.abs(plain)), axis=1)  # NaN comes last
    n_sizes = (size[:, 1:] > size[:, :-1]).sum(axis=1) + ~missing.all(axis=1)
    return hashed, np.asarray(n_sizes >= _FEWEST_VALUES)


def key_columns(keys: pa.Table) -> tuple[str, ...]:
    """Return the first of the key columns, as far as the table has values of all."""
    found = []
    for column in KEY_COLUMNS:
        if column not in keys.column_names or keys[column].null_count == keys.num_rows:
            break  # a later one alone does not tell rows apart
        found.append(column)
    return tuple(found)


def _hashed(parts: Iterable[bytes | memoryview]) -> np.ndarray:
    digests = b"".join(hashlib.blake2b(part, digest_size=8).digest() for part in parts)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


def _among(hashed: np.ndarray, rising: np.ndarray) -> np.ndarray:
    at = np.minimum(np.searchsorted(rising, hashed), len(rising) - 1)
    return np.asarray(rising[at] == hashed)
