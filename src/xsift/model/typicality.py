"""Typicality: how ordinary a detection is, whatever features it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xsift.mixture import Mixture, group_by_pattern, log_density_and_responsibilities

__all__ = ["Typicality", "rank", "uniform_ranks"]

_DRAWS = 4000
_STEPS = 201


@dataclass(frozen=True, eq=False)
class Typicality:
    """The tail probability of a detection's density, among detections that lack the same features.

    The density of few features is no lower or higher than that of many: they cannot be compared. So
    a detection is ranked among draws from the mixture of which the same features are hidden.
    The rank is then mended, so that it is uniform on detections like those of the training table,
    which are not quite the mixture's.

    Attributes
    ----------
    mixture : Mixture
        Of normal scores.
    rank_quantiles : ndarray
        Of the ranks of training detections under mixtures that have not seen them, at equal steps
        from 0 to 1.
    """

    mixture: Mixture
    rank_quantiles: np.ndarray

    def of(self, Z: np.ndarray, log_density: np.ndarray) -> np.ndarray:
        """Return the typicality of rows, shape (n,), in [0, 1]; NaN without any feature.

        Parameters
        ----------
        Z : ndarray of shape (n, d)
            NaN is missing.
        log_density : ndarray of shape (n,)
            Of the features that a row has, under the mixture.
        """
        ranks = self.rank(Z, log_density)
        return np.asarray(np.interp(ranks, self.rank_quantiles, self._steps))

    def rank(self, Z: np.ndarray, log_density: np.ndarray) -> np.ndarray:
        """Return the share of the draws with a lower density.

        Below all draws it falls on with the density, so that the most atypical keep an order.
        """
        out = np.full(len(Z), np.nan)
        order, ends = group_by_pattern(Z, np.ones(len(Z)), True)
        for first, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
            rows = order[first:end]
            hidden = np.isnan(Z[rows[0]])
            if hidden.all():
                continue
            drawn = self._drawn(hidden)
            here = log_density[rows]
            rank = np.searchsorted(drawn, here, side="right") / (len(drawn) + 1)
            below = np.exp(np.minimum(here - drawn[0], 0.0) / 8) / (len(drawn) + 1)
            out[rows] = np.where(here < drawn[0], below, np.maximum(rank, 1 / (len(drawn) + 1)))
        return out

    @cached_property
    def _steps(self) -> np.ndarray:
        return np.linspace(0, 1, len(self.rank_quantiles))

    @cached_property
    def _sample(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        weights = self.mixture.weights / self.mixture.weights.sum()
        component = np.sort(rng.choice(len(weights), _DRAWS, p=weights))
        factors = np.linalg.cholesky(self.mixture.covariances)[component]
        noise = rng.standard_normal((_DRAWS, self.mixture.means.shape[1]))
        return np.asarray(self.mixture.means[component] + np.einsum("nij,nj->ni", factors, noise))

    @cached_property
    def _known(self) -> dict[bytes, np.ndarray]:
        return {}

    def _drawn(self, hidden: np.ndarray) -> np.ndarray:
        """Return the sorted log-densities of the draws with some features hidden."""
        key = hidden.tobytes()
        if key not in self._known:
            sample = np.where(hidden, np.nan, self._sample)
            self._known[key] = np.sort(log_density_and_responsibilities(sample, self.mixture)[0])
        return self._known[key]


def rank(mixture: Mixture, Z: np.ndarray) -> np.ndarray:
    """Rank rows among draws from a mixture, shape (n,): uniform where they are the mixture's."""
    log_density, _ = log_density_and_responsibilities(Z, mixture)
    return Typicality(mixture, np.array([0.0, 1.0])).rank(Z, log_density)


def uniform_ranks(ranks: np.ndarray) -> np.ndarray:
    """Return the quantiles of ranks, for `Typicality`: mended by them, these are uniform.

    Parameters
    ----------
    ranks : ndarray of shape (n,)
        Of detections that the mixture has not seen: those that it was fitted on lie too well in it.
    """
    quantiles = np.quantile(ranks[~np.isnan(ranks)], np.linspace(0, 1, _STEPS))
    # The ends stay open: what is rarer than all of them is still ranked.
    quantiles[0], quantiles[-1] = 0.0, 1.0
    return np.asarray(quantiles)
