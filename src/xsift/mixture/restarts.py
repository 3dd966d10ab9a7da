"""The starts of a scan: those of one number of components race.

A scan has many starts anyway. So each one makes four short runs, not eight as that of a single fit:
one in each seeding space. Each draws a sample of its own: on a shared one all starts lose the same
optima. Then they race: one that is clearly behind after its first iteration on all rows is stopped
(racing: Maron & Moore 1994, NIPS 6, 59).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xsift.jit import kernel
from xsift.mixture.blocks import Rows
from xsift.mixture.gaussian_mixture import GaussianMixture
from xsift.mixture.moments import Frame, Parameters
from xsift.mixture.sampling import draw_sample, sample_size
from xsift.mixture.scoring import Criteria, score_rows
from xsift.mixture.start import (
    LONG_ITERATIONS,
    LONG_TOL,
    StartSample,
    seeding_spaces,
)

__all__ = ["Race", "RestartedMixture", "is_behind"]

_FEW = 4  # starts: each then makes eight short runs
_ROUNDS = ((3, 2), (5, 1))  # iterations, and how many of the runs go on
_MARGIN = 0.05
_LOOK_BACK = 20
_GAINS = 4


def is_behind(bound: float, gain: float, best: float) -> bool:
    """Tell whether a start is clearly worse than the best one.

    It is where even four times the gain of its last 20 iterations, and 0.05 more, would leave its
    mean log-likelihood below. The last gain alone says little: EM often climbs again after a
    plateau, so Aitken's extrapolation stops starts that become the best.

    Parameters
    ----------
    bound : float
        Mean log-likelihood of all rows, where the fit begins.
    gain : float
        Of the last 20 iterations on the sample.
    best : float
        The largest `bound` of the starts before.
    """
    return bound + _GAINS * gain + _MARGIN < best


def distinct(spaces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each seeding space once."""
    return list({id(space): space for space in spaces}.values())


class Race:
    """The starts of one number of components, each with a sample and random numbers of its own.

    Parameters
    ----------
    n_components, n_starts : int
    """

    def __init__(self, n_components: int, n_starts: int) -> None:
        self._n_components, self._few = n_components, n_starts <= _FEW
        self._best = -np.inf

    def find(
        self,
        rows: Rows,
        frame: Frame,
        rng: np.random.RandomState,
        tol: float,
        reg_covar: float,
        n_threads: int,
    ) -> tuple[Parameters, float]:
        """Find parameters to start EM from, and what the last iterations towards them gained.

        Parameters
        ----------
        rows : Rows
        frame : Frame
            Of the rows.
        rng : RandomState
        tol, reg_covar, n_threads
            Of the fit.
        """
        K = self._n_components
        sample, _ = draw_sample(rows, frame, sample_size(K, rows.n_features), rng)
        on = StartSample(sample, frame, reg_covar, n_threads)
        if K == 1:
            return on.seed(on.points, 1, rng), 0.0
        spaces = seeding_spaces(on.points, on.weight)
        runs = [on.seed(points, K, rng) for points in (spaces if self._few else distinct(spaces))]
        for iterations, n_kept in _ROUNDS:
            runs = [fit.parameters for fit in on.contest(runs, iterations)[:n_kept]]
        fit = on.run(runs[0], LONG_TOL * tol, LONG_ITERATIONS)
        bounds = fit.lower_bounds
        return fit.parameters, bounds[-1] - bounds[max(0, len(bounds) - 1 - _LOOK_BACK)]

    def loses(self, bound: float, gain: float) -> bool:
        """Tell whether a start is clearly behind those before, and remember it: see `is_behind`."""
        behind = is_behind(bound, gain, self._best)
        self._best = max(self._best, bound)
        return behind


class RestartedMixture(GaussianMixture):
    """A mixture whose start is one of those of a scan.

    Attributes
    ----------
    is_stopped_ : bool
        True where the start was clearly behind: EM then makes a single iteration on all rows.
    """

    is_stopped_ = False

    def enter(self, race: Race) -> RestartedMixture:
        """Take part in a race."""
        self._race = race
        self.set_params(callback=self._told)
        return self

    def _told(self, iteration: int, bound: float) -> bool:
        if iteration == 1:
            self.is_stopped_ = self._race.loses(bound, self._gain)
        return self.is_stopped_

    def _start(
        self,
        rows: Rows,
        frame: Frame,
        given: dict[str, np.ndarray],
        rng: np.random.RandomState,
        n_threads: int,
    ) -> Parameters:
        found, self._gain = self._race.find(rows, frame, rng, self.tol, self.reg_covar, n_threads)
        return found

    def judge(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score rows once, for all that a scan asks of them.

        Returns
        -------
        sums : ndarray of shape (3,)
            Log-likelihood, number of rows, and entropy of the responsibilities; those of several
            parts of the rows can be added.
        labels : ndarray of int, shape (n,)
            The most probable component of each row; the first on ties.
        """
        labels, sums, first = np.empty(len(X), np.int64), np.zeros(3), 0
        for log_density, r, weight in self._said(score_rows, X):
            last = first + len(weight)
            sums += log_density.sum(), len(weight), _judge(r, labels[first:last])
            first = last
        return sums, labels

    def criteria(self, sums: np.ndarray) -> Criteria:
        """Return the information criteria that follow from the sums over all rows."""
        return self._criteria(*sums.tolist())


@kernel(nogil=True, error_model="numpy")
def _judge(responsibilities: np.ndarray, labels: np.ndarray) -> float:
    """Write the labels of rows, and return the entropy of their responsibilities."""
    entropy = 0.0
    for row in range(len(labels)):
        best = 0
        for k in range(responsibilities.shape[1]):
            r = responsibilities[row, k]
            if r > responsibilities[row, best]:
                best = k
            if r > 0:
                entropy -= r * np.log(r)
        labels[row] = best
    return entropy
