"""Cliff's delta of two populations, its bootstrap over sources, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["MARGIN", "N_RESAMPLES", "RULE", "Effect", "effect_of", "verdict_of"]

N_RESAMPLES = 1000
MARGIN = 0.05
"""An effect below this is too small to matter, however certain it is."""
AT_LEAST = 20
"""Sources that each population needs for a verdict."""
RULE = (
    f"Supported: the whole interval lies above {MARGIN}. Not supported: the whole interval lies "
    f"below {MARGIN}, so that there is no effect that matters, or the opposite. Undecided: the "
    f"interval holds {MARGIN}, or a population has fewer than {AT_LEAST} sources."
)
"""How a verdict follows from an effect and its interval."""
_BINS = 1024


@dataclass(frozen=True)
class Effect:
    """How far population A lies above population B.

    Attributes
    ----------
    value, low, high : float
        Cliff's delta, P(a > b) - P(a < b), from -1 to 1, and its 95 % interval. For a property that
        a source has or lacks (1 or 0), delta is the difference of the shares. NaN if a population
        is empty.
    n_a, n_b : int
        Number of sources.
    """

    value: float
    low: float
    high: float
    n_a: int
    n_b: int

    @property
    def p_above(self) -> float:
        """How often a source of A lies above one of B: P(a > b) + P(a = b) / 2; 0.5 is chance."""
        return (1 + self.value) / 2


def effect_of(a: np.ndarray, b: np.ndarray, seed: int, n_resamples: int = N_RESAMPLES) -> Effect:
    """Compare two populations, one value per source.

    The interval is the percentile interval of a bootstrap over the sources of A and of B
    separately. A resample is drawn as the counts of the distinct values, which is equivalent. If
    there are more than 1,024 distinct values, they are first put into as many bins of equal
    numbers. This moves the interval by less than 0.001 and leaves the value unchanged. If both
    populations hold the same one or two values (shares), half a source of each value is added to
    each population. Otherwise a share of 0 would have no interval.

    Parameters
    ----------
    a, b : ndarray of shape (n,), (m,)
        Finite values.
    seed : int
    n_resamples : int

    Returns
    -------
    Effect
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not len(a) or not len(b):
        return Effect(np.nan, np.nan, np.nan, len(a), len(b))
    distinct, at = np.unique(np.concatenate([a, b]), return_inverse=True)
    k = len(distinct)
    counts = np.stack(
        [np.bincount(at[: len(a)], minlength=k), np.bincount(at[len(a) :], minlength=k)]
    )
    value = float(_delta(counts[:1], counts[1:])[0])
    binned = _binned(counts)
    prior = 0.5 if k <= 2 else 0.0
    if k == 1:  # all alike: the share of the other value is 0 in both
        binned = np.pad(binned, ((0, 0), (0, 1)))
    rng = np.random.default_rng(seed)
    drawn = []
    for row in binned:
        n = int(row.sum())
        drawn.append(rng.multinomial(n, (row + prior) / (n + prior * len(row)), n_resamples))
    resampled = _delta(*drawn) + (value - float(_delta(binned[:1], binned[1:])[0]))
    low, high = np.clip(np.quantile(resampled, [0.025, 0.975]), -1, 1)
    return Effect(value, float(low), float(high), len(a), len(b))


def verdict_of(effect: Effect) -> tuple[str, str]:
    """Say whether "A lies above B" is supported, and why.

    Returns
    -------
    verdict : {"supported", "not supported", "undecided", "not tested"}
        Supported: the whole interval lies above `MARGIN`. Not supported: the whole interval lies
        below `MARGIN`, so A lies below B, or above it by too little to matter. Undecided: the
        margin lies inside the interval, or a population has fewer than `AT_LEAST` sources.
    why : str
    """
    fewest = min(effect.n_a, effect.n_b)
    if not fewest:
        return "not tested", "a population has no source"
    if fewest < AT_LEAST:
        return "undecided", f"a population has {fewest} sources, fewer than {AT_LEAST}"
    if effect.low > MARGIN:
        return "supported", f"the interval lies above {MARGIN}"
    if effect.high < -MARGIN:
        return "not supported", f"the interval lies below -{MARGIN}: the opposite holds"
    if effect.high < MARGIN:
        return "not supported", f"the interval lies below {MARGIN}: no effect that matters"
    return "undecided", f"the interval holds {MARGIN}"


def _delta(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return P(a > b) - P(a < b) of counts over the same ordered values, (B, k) each: (B,)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    below = np.cumsum(b, axis=1) - b
    above = b.sum(axis=1, keepdims=True) - below - b
    return np.asarray((a * (below - above)).sum(axis=1) / (a.sum(axis=1) * b.sum(axis=1)))


def _binned(counts: np.ndarray) -> np.ndarray:
    """Merge neighbouring values until at most `_BINS` are left, of about equal numbers."""
    if counts.shape[1] <= _BINS:
        return counts
    pooled = np.cumsum(counts.sum(axis=0))
    number = np.minimum((pooled - 1) * _BINS // pooled[-1], _BINS - 1)
    return np.stack([np.bincount(number, row, minlength=_BINS).astype(np.int64) for row in counts])
