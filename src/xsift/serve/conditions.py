"""Conditions on any column: a value is there or missing, or is one of some words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import SettingError, nearest
from xsift.serve.catalogue import NO_CODE, Served

__all__ = ["MOST_WORDS", "is_one_of", "is_there", "words_of"]

MOST_WORDS = 200
"""Most different words of a column that one answer lists."""


def is_there(served: Served, name: str, said: str) -> np.ndarray:
    """Tell which sources have a value in a column, shape (n,).

    Raises
    ------
    SettingError
        If the catalogue has no such column.
    """
    _need(served, name, said)
    if name in served.codes:
        return np.asarray(served.codes[name] != NO_CODE)
    if name in served.numbers:
        return np.asarray(~np.isnan(served.numbers[name]))
    return _flags(pc.is_valid(served.sources[name]))


def is_one_of(served: Served, asked: list[str]) -> np.ndarray:
    """Tell which sources have the requested words, shape (n,).

    Parameters
    ----------
    served : Served
    asked : list of str
        Entries ``column:word``. Within one column any of the words may match. With several columns,
        every column must match.

    Raises
    ------
    SettingError
        If a column does not hold words, or no source has the word.
    """
    wanted: dict[str, list[str]] = {}
    for one in asked:
        name, colon, word = one.partition(":")
        if not colon:
            raise SettingError(f"is {one[:60]!r}: give column:word")
        wanted.setdefault(name, []).append(word)
    passes = np.ones(served.n, dtype=bool)
    for name, words in wanted.items():
        passes &= _is_any(served, name, words)
    return passes


def words_of(served: Served, name: str) -> dict[str, Any]:
    """Count the words of a column, the most frequent first.

    Returns
    -------
    dict
        ``words``: list of (word, number of sources), `MOST_WORDS` at most. ``n_words``: number of
        different words. ``missing``: number of sources without a word.

    Raises
    ------
    SettingError
        If the column does not hold words.
    """
    _need_words(served, name, "column")
    if name in served.codes:
        counts = np.bincount(served.codes[name], minlength=NO_CODE + 1)
        found = [(w, int(counts[k])) for k, w in enumerate(served.words[name]) if counts[k]]
        missing = int(counts[NO_CODE])
    else:
        column = served.sources[name]
        missing = column.null_count
        counted = pc.value_counts(column.drop_null())
        pairs = zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        )
        found = list(pairs)
    found.sort(key=lambda pair: (-pair[1], pair[0]))
    return {"words": found[:MOST_WORDS], "n_words": len(found), "missing": missing}


def _is_any(served: Served, name: str, words: list[str]) -> np.ndarray:
    _need_words(served, name, "is")
    if name in served.codes:
        known = served.words[name]
        for word in words:
            if word not in known:
                said = f"is {name}:{word[:40]!r}"
                raise SettingError(f"{said}: allowed are {', '.join(known)}")
        is_wanted = np.zeros(NO_CODE + 1, dtype=bool)
        is_wanted[[known.index(word) for word in words]] = True
        return np.asarray(is_wanted[served.codes[name]])
    column = served.sources[name]
    for word in words:
        if not pc.any(pc.equal(column, pa.scalar(word, column.type))).as_py():
            raise SettingError(f"is {name}:{word[:40]!r}: no source of the catalogue has this word")
    return _flags(pc.is_in(column, value_set=pa.array(words, column.type)))


def _flags(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)


def _need(served: Served, name: str, said: str) -> None:
    if name not in served.columns:
        near = nearest(name, served.columns)
        hint = f": did you mean {near}?" if near else f": allowed are {', '.join(served.columns)}"
        raise SettingError(f"{said}: the catalogue has no column {name[:40]!r}{hint}")


def _need_words(served: Served, name: str, said: str) -> None:
    _need(served, name, said)
    if name in served.numbers and name not in served.codes:
        raise SettingError(f"{said}: {name} is a column of numbers: ask for range={name}:low:high")
