"""Faint detections: levels of effective counts, and what a detection would show with fewer counts.

Labelled detections are bright, most of the sky is faint. So training adds each labelled detection
again as it would be with fewer counts, in each level once; class mixtures are learned level
by level, and trees see the counts. A faint detection is then judged by what such detections show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtr

from xsift.features import LEAST_COUNTS, counts_of_ratios
from xsift.surveys import Survey

__all__ = [
    "BRIGHT",
    "EDGES",
    "Dimming",
    "coordinate_of",
    "dimming_of",
    "level_of",
    "levels_of_counts",
]

EDGES = (10.0, 20.0, 45.0, 130.0, 600.0)
"""Effective counts between the levels; with more than the last a detection is as good as exact."""

BRIGHT = 4
"""The first level of bright detections: with so many counts, a scorer of exact ones does better."""

_LEAST, _MOST = 5.0, 3000.0
_LOW, _HIGH = ndtr(-1.0), ndtr(1.0)
_PRIOR = 0.5  # counts of each band before any is seen (Jeffreys)
_DARKEST = 1e-3  # of a band's counts to those of its neighbour
_KEPT = 0.3  # of the detections with too few counts for a value, those that have one all the same


@dataclass(frozen=True, eq=False)
class Dimming:
    """What fewer counts make of the features of a survey.

    Attributes
    ----------
    ratios : tuple of (int, int, int)
        Columns that are hardness ratios, each with the numbers of its bands a and b.
    fits : tuple of (int, float, bool)
        Columns that spectra give, with the error of one count, and whether it is relative.
    needs : ndarray of shape (d,)
        Counts below which the survey gives no value; 0 where it always does.
    """

    ratios: tuple[tuple[int, int, int], ...]
    fits: tuple[tuple[int, float, bool], ...]
    needs: np.ndarray

    def dimmed(
        self, X: np.ndarray, counts: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Observe detections again, with fewer counts.

        As `observed`, for training: where the counts are too few for a value, it is now and then
        another detection's, not left out.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Raw features.
        counts : ndarray of shape (n,)
            Expected counts.
        rng : Generator

        Returns
        -------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,)
            Effective counts, as the limits of the hardness ratios tell them.
        """
        out, effective = self._with_fewer(X, counts, rng)
        is_kept = rng.random(len(X)) < _KEPT
        others = np.where(is_kept[:, None], out[rng.permutation(len(X))], np.nan)
        return np.where(counts[:, None] < self.needs, others, out), effective

    def observed(
        self, X: np.ndarray, counts: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Observe detections again, with fewer counts, as a survey would report them.

        Each band gets Poisson counts; a hardness ratio becomes the middle of its 68 % limits under
        a Beta posterior; spectral fits gain their error; where the counts are too few for a value,
        it is left out. Parameters and results are those of `dimmed`.
        """
        out, effective = self._with_fewer(X, counts, rng)
        return np.where(counts[:, None] < self.needs, np.nan, out), effective

    def _with_fewer(
        self, X: np.ndarray, counts: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        out = X.copy()
        seen = rng.poisson(self._shares(X) * counts[:, None]) + _PRIOR
        limits = []
        for j, a, b in self.ratios:
            low, high = (2 * betaincinv(seen[:, a], seen[:, b], q) - 1 for q in (_LOW, _HIGH))
            middle, half = (low + high) / 2, (high - low) / 2
            out[:, j] = np.where(np.isnan(X[:, j]), np.nan, middle)
            limits.append((middle, half, a, b))
        for j, error, is_relative in self.fits:
            noise = error / np.sqrt(counts) * rng.standard_normal(len(X))
            out[:, j] = X[:, j] * np.exp(noise) if is_relative else X[:, j] + noise
        return out, np.maximum(counts_of_ratios(limits), LEAST_COUNTS)

    def _shares(self, X: np.ndarray) -> np.ndarray:
        """Return each band's share of the counts, shape (n, bands), as the ratios tell them."""
        n_bands = 1 + max(max(a, b) for _, a, b in self.ratios)
        rate = np.full((len(X), n_bands), np.nan)
        for _, first, _ in self.ratios:
            if np.isnan(rate[:, first]).all():
                rate[:, first] = 1.0  # of bands that no ratio joins, nothing is known
            for _ in self.ratios:
                for j, a, b in self.ratios:
                    ratio = np.nan_to_num(X[:, j])  # a ratio that is missing: as many in both
                    step = ((1 + ratio) / np.maximum(1 - ratio, 1e-9)).clip(_DARKEST, 1 / _DARKEST)
                    rate[:, b] = np.where(np.isnan(rate[:, b]), rate[:, a] / step, rate[:, b])
                    rate[:, a] = np.where(np.isnan(rate[:, a]), rate[:, b] * step, rate[:, a])
        return np.asarray(rate / rate.sum(axis=1, keepdims=True))


def dimming_of(survey: Survey, names: tuple[str, ...]) -> Dimming | None:
    """Return what fewer counts make of some features of a survey; None where it does not say.

    Parameters
    ----------
    survey : Survey
        Its `faint_copies` says whether it tells what fewer counts do to its features.
    names : tuple of str
        Features.
    """
    columns = {c.name: c for c in survey.columns}
    described = [columns.get(name) for name in names]
    banded = [(j, *c.bands) for j, c in enumerate(described) if c is not None and c.bands]
    if not survey.faint_copies or not banded:
        return None
    bands = list(dict.fromkeys(band for _, a, b in banded for band in (a, b)))
    fits = tuple(
        (names.index(name), float(way.factor**0.5), way.relative)
        for way in survey.counts
        for name in way.columns
        if way.way == "fit" and name in names
    )
    needs = [c.needs if c is not None and c.needs is not None else 0.0 for c in described]
    ratios = tuple((j, bands.index(a), bands.index(b)) for j, a, b in banded)
    return Dimming(ratios, fits, np.array(needs))


def level_of(counts: np.ndarray) -> np.ndarray:
    """Return the level of each detection: 0 is the faintest, the last is as good as exact."""
    return np.asarray(np.digitize(counts, EDGES))


def levels_of_counts() -> list[tuple[float, float]]:
    """Return the counts from and to which each level but the last reaches."""
    return list(zip((_LEAST, *EDGES[:-1]), EDGES, strict=True))


def coordinate_of(counts: np.ndarray) -> np.ndarray:
    """Return how faint detections are, shape (n,): -2.5 with one count, 1 as good as exact."""
    return np.asarray(np.log10(np.clip(counts, 1.0, _MOST)) * 3.5 / np.log10(_MOST) - 2.5)
