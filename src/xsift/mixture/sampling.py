"""The rows on which a start is made: a sample, the same one from wherever the rows come."""

from __future__ import annotations

import numpy as np

from xsift.mixture.blocks import ArrayRows, Rows, Slab, slab_size
from xsift.mixture.moments import Frame

__all__ = ["draw_sample", "sample_size"]


def sample_size(n_components: int, n_features: int) -> int:
    """Return how many rows are enough for a start: twenty for each number in the means."""
    return min(65536, max(4096, 20 * n_components * n_features))


def draw_sample(
    rows: Rows, frame: Frame, size: int, rng: np.random.RandomState
) -> tuple[ArrayRows, np.ndarray]:
    """Draw rows with probabilities proportional to their weights, in one visit.

    Where no more than `size` rows take part, they are the sample, with their weights. Otherwise the
    total weight is cut into `size` equal parts and one row drawn in each.

    Returns
    -------
    sample : ArrayRows
    positions : ndarray of int
        Of the drawn rows among all.
    """
    ticks = None
    if frame.n_rows > size:
        ticks = (np.arange(size) + rng.uniform(size=size)) * (frame.total_weight / size)
    else:
        rng.uniform(size=size)  # what is drawn after this does not depend on the number of rows
    # Added as one slab after another would be: the same bits wherever they lie.
    before = np.concatenate([[0.0], np.cumsum(frame.slab_weights)])
    found = list(rows.each(_draw_of, ticks, before))
    X, weight, positions = (np.concatenate(some) for some in zip(*found, strict=True))
    return ArrayRows(X, weight), positions


def _draw_of(
    slab: Slab, ticks: np.ndarray | None, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the drawn rows of a slab, their weights and positions; all where no `ticks` are."""
    has_value = ~np.isnan(slab.X).all(axis=1)
    if ticks is None:
        chosen = np.flatnonzero((slab.weight > 0) & has_value)
        return slab.X[chosen], slab.weight[chosen], slab.first + chosen
    start = before[slab.first // slab_size(slab.X.shape[1])]
    until = start + np.cumsum(slab.weight * has_value)
    inside = ticks[(ticks >= start) & (ticks < until[-1])]
    chosen = np.searchsorted(until, inside, side="right")
    return slab.X[chosen], np.ones(len(chosen)), slab.first + chosen
