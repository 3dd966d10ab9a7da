"""What is typical at each level of faintness, ranked on sources that taught nothing."""

from __future__ import annotations

import numpy as np

from xsift.model.core import CalibratedCore
from xsift.model.examples import Examples, observed_copies
from xsift.model.faint import Dimming, level_of
from xsift.model.folds import folds_by_source
from xsift.model.mixtures import fit_mixtures
from xsift.model.sample import Training
from xsift.model.typicality import Typicality, rank, uniform_ranks

__all__ = ["fit_typicality"]

_RANK_FOLDS = 4
_FEWEST = 50  # detections of a level, to teach what is typical there, and to be ranked


def fit_typicality(
    training: Training,
    core: CalibratedCore,
    Z: np.ndarray,
    examples: Examples,
    dimming: Dimming | None,
    seed: int,
    device: str = "cpu",
) -> tuple[Typicality, ...]:
    """Learn what is typical at each level of faintness; the last is that of exact detections.

    Faint detections say it where the table has enough of them, else copies of brighter ones, too.
    Copies that teach the mixture have now and then a value that a survey would not give. The ranks
    are those of sources that taught nothing, their copies as a survey would report them.

    Parameters
    ----------
    training : Training
    core : CalibratedCore
        That was learned from it.
    Z : ndarray of shape (n, d)
        Normal scores of all rows.
    examples : Examples
    dimming : Dimming or None
        Where None, counts do not matter.
    seed : int
    device : {"cpu", "gpu", "auto"}
        Where mixtures are fitted.
    """
    unit = training.unit
    exact = Typicality(core.mixtures[0], uniform_ranks(_unseen_ranks(Z, unit, seed, device)))
    if dimming is None:
        return (exact,)
    is_unseen = folds_by_source(unit, np.zeros(len(unit), dtype=np.int64), _RANK_FOLDS, seed) == 0
    is_sampled = np.zeros(len(unit), dtype=bool)
    is_sampled[examples.row[examples.is_sampled]] = True
    _, Z_copy, level_of_copy = observed_copies(
        training, core.scores, core.closure, core.closing, dimming, is_sampled & is_unseen, seed
    )
    is_copy = examples.is_copy & examples.is_sampled & ~is_unseen[examples.row]
    own = level_of(training.counts) if training.counts is not None else np.full(len(unit), -1)
    found = []
    for level in range(examples.n_levels - 1):
        real, copies = own == level, is_copy & (examples.level == level)
        taught, asked = Z[real & ~is_unseen], Z[real & is_unseen]
        if min(len(taught), len(asked)) < _FEWEST:
            taught = np.vstack([taught, examples.Z[copies]])
            asked = np.vstack([asked, Z_copy[level_of_copy == level]])
        if min(len(taught), len(asked)) < _FEWEST:
            found.append(exact)
            continue
        # A feature that no faint detection has says nothing.
        taught[:, np.isnan(taught).all(axis=0)] = 0.0
        (mixture,) = fit_mixtures(taught, seed, 1, device=device)
        found.append(Typicality(mixture, uniform_ranks(rank(mixture, asked))))
    return (*found, exact)


def _unseen_ranks(Z: np.ndarray, source: np.ndarray, seed: int, device: str) -> np.ndarray:
    """Rank each row under a mixture of the other sources' rows."""
    folds = folds_by_source(source, np.zeros(len(source), dtype=np.int64), _RANK_FOLDS, seed)
    ranks = np.full(len(Z), np.nan)
    for k in range(_RANK_FOLDS):
        if len(others := np.flatnonzero(folds != k)):
            # A feature that few sources have may be known of none of the others.
            known = np.flatnonzero(~np.isnan(Z[others]).all(axis=0))
            (mixture,) = fit_mixtures(Z[np.ix_(others, known)], seed, 1, device=device)
            ranks[folds == k] = rank(mixture, Z[np.ix_(folds == k, known)])
    return ranks
