"""Known objects by name: the very name first, then without regard to case, blanks and dashes."""

from __future__ import annotations

import re
import unicodedata
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.classes import DASHES
from xsift.errors import XsiftWarning

__all__ = ["evened_out", "namesakes"]

_DASHES = re.compile(f"[{DASHES}]")
_BLANKS = re.compile(r"[\s_]+")


def evened_out(name: str) -> str:
    """Return a name without what is lost when people copy it: case, blanks, kinds of dashes.

    >>> evened_out("2CXO  J004244.3\u2212411608") == evened_out("2cxo_j004244.3-411608")
    True
    """
    return _BLANKS.sub("", _DASHES.sub("-", unicodedata.normalize("NFKC", name))).casefold()


def namesakes(names: pa.ChunkedArray, known: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray:
    """Find the known object of each name; warns of those that differ in case, blanks or dashes.

    Parameters
    ----------
    names, known : pyarrow.ChunkedArray
        Names of the detections and of the known objects.
    rows : ndarray of int
        The known objects to look among, each name once.

    Returns
    -------
    ndarray of int, shape (n,)
        Row of the known object; -1 where there is none.
    """
    named = rows[np.asarray(pc.is_valid(known.take(pa.array(rows))))]
    wanted = known.take(pa.array(named)).cast(pa.string()).combine_chunks()
    if not len(named):
        return np.full(len(names), -1)
    encoded = pc.dictionary_encode(names.cast(pa.string()).combine_chunks())
    exact = np.asarray(pc.fill_null(pc.index_in(encoded.dictionary, value_set=wanted), -1))
    place = _evened_out(encoded.dictionary.to_pylist(), wanted.to_pylist(), exact)
    of_code = np.where(place >= 0, named[place], -1)
    codes = np.asarray(pc.fill_null(encoded.indices, len(of_code)))
    return np.asarray(np.append(of_code, -1)[codes])


def _evened_out(names: list[str], wanted: list[str], exact: np.ndarray) -> np.ndarray:
    """Fill in, where `exact` has no match, the one known name that is the same when evened out."""
    spare = set(range(len(wanted))) - set(exact.tolist())
    by_plain: dict[str, list[int]] = {}
    for at in sorted(spare):
        by_plain.setdefault(evened_out(wanted[at]), []).append(at)
    if not by_plain:
        return exact
    found: dict[str, list[int]] = {}
    for code in np.flatnonzero(exact < 0).tolist():
        if (plain := evened_out(names[code])) in by_plain:
            found.setdefault(plain, []).append(code)
    place, example = exact.copy(), None
    for plain, codes in found.items():
        # Two spellings on one side are two names, which only their owner can tell apart.
        if len(codes) == 1 == len(by_plain[plain]):
            place[codes[0]] = by_plain[plain][0]
            example = example or (wanted[by_plain[plain][0]], names[codes[0]])
    if example is not None:
        n = int(((exact < 0) & (place >= 0)).sum())
        warnings.warn(
            f"{n:,} known objects match by name only without regard to case, blanks and dashes, "
            f"such as {example[0]!r} and {example[1]!r}",
            XsiftWarning,
            stacklevel=5,
        )
    return place
