"""What a catalogue holds: how many sources of each group, with intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from xsift.catalogue.view import CatalogueView

__all__ = ["HOW", "Expected", "expected_number", "group_counts"]

HOW = (
    "Expected: sum of the sources' probabilities, with its standard deviation. It differs from the "
    "number classified, because verdicts favour large groups. The interval assumes calibrated "
    "probabilities and independent sources. It does not include errors of the class shares."
)
"""What a page says of these numbers."""

_NEGLIGIBLE = 0.025  # expected sources: one or more are as improbable
_LEAST = 0.05  # expected sources of a group that is listed without any


class Expected(NamedTuple):
    """The expected number of sources of a group, from their probabilities.

    `low` to `high` is a 95 % interval, in whole numbers.
    """

    number: float
    sd: float
    low: int
    high: int


def expected_number(p: np.ndarray) -> Expected:
    """Return the expected number of sources of a group.

    The number is a sum of independent draws, each yes with probability p. This is a
    Poisson binomial distribution. Its quantiles follow from mean, variance and skewness (Cornish &
    Fisher 1938, Revue de l'Institut International de Statistique 5, 307), rounded outwards.

    Parameters
    ----------
    p : ndarray of shape (n,)
        NaN counts as 0.
    """
    p = np.clip(np.nan_to_num(p), 0.0, 1.0)
    mean, variance = float(p.sum()), float((p * (1 - p)).sum())
    sd = variance**0.5
    # Of next to nothing, and of next to all, the expansion is no good.
    if mean < _NEGLIGIBLE or len(p) - mean < _NEGLIGIBLE or variance < _NEGLIGIBLE**2:
        return Expected(mean, sd, round(mean), round(mean))
    third = float((p * (1 - p) * (1 - 2 * p)).sum())
    z = ndtri([0.025, 0.975])
    low, high = mean + sd * z + (z**2 - 1) * third / variance / 6
    return Expected(mean, sd, int(max(np.floor(low), 0)), int(min(np.ceil(high), len(p))))


def group_counts(view: CatalogueView) -> pa.Table:
    """Count the sources of each group by their classes and by their probabilities.

    Returns
    -------
    pyarrow.Table
        ``group``, ``classified``, ``unique`` (of the classified sources), ``expected``, ``sd``,
        ``low`` and ``high``. A group is left out if it has no source and fewer than 0.05 are
        expected.
    """
    rows = []
    for g, name in enumerate(view.all_groups):
        found = expected_number(view.p_group[:, g])
        mine = view.group == g
        if found.number >= _LEAST or mine.any():
            n = int(mine.sum()), int((mine & view.is_unique).sum())
            rows.append((name, *n, *found))
    names = ("group", "classified", "unique", "expected", "sd", "low", "high")
    types = (pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.float64(), *[pa.int64()] * 2)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table(
        {n: pa.array(c, t) for n, c, t in zip(names, map(list, columns), types, strict=True)}
    )
