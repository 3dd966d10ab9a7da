"""The loop: expectation and maximisation until the likelihood stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xsift.mixture.blocks import Orders, Rows, piece_size
from xsift.mixture.moments import EIGENVALUE_FLOOR, Frame, Parameters, accumulate_moments, maximise
from xsift.mixture.threads import Threads

__all__ = ["Collapse", "Fit", "find_collapses", "iterate"]

Callback = Callable[[int, float], object]

_WIDE = 100.0


class Fit(NamedTuple):
    """What came of a run.

    Attributes
    ----------
    parameters : Parameters
        After the last maximisation.
    lower_bounds : list of float
        Mean log-likelihood per unit of weight before each maximisation.
    converged : bool
    size : ndarray of shape (K,)
        Sum of each component's responsibilities in the last iteration.
    """

    parameters: Parameters
    lower_bounds: list[float]
    converged: bool
    size: np.ndarray

    @property
    def lower_bound(self) -> float:
        """The last mean log-likelihood; -inf where there was no iteration."""
        return self.lower_bounds[-1] if self.lower_bounds else -np.inf


def iterate(
    rows: Rows,
    start: Parameters,
    frame: Frame,
    *,
    tol: float,
    max_iter: int,
    n_threads: int = 1,
    callback: Callback | None = None,
) -> Fit:
    """Run EM from a start.

    Parameters
    ----------
    rows : Rows
    start : Parameters
    frame : Frame
        Of the rows.
    tol : float
        It has converged when the mean log-likelihood changes by less.
    max_iter : int
    n_threads : int
    callback : callable, optional
        Called with the number of the iteration, from 1, and the mean log-likelihood before its
        maximisation. The run ends where it returns True.
    """
    parameters, size = start, start.weights * frame.total_weight
    bounds: list[float] = []
    orders = Orders()
    pieces = -(-frame.n_rows // piece_size(rows.n_features))
    with Threads(min(n_threads, pieces)) as threads:
        for iteration in range(1, max_iter + 1):
            moments = accumulate_moments(rows, parameters, frame, threads, orders)
            parameters, size = maximise(moments, parameters, frame), moments.size
            bounds.append(float(moments.log_likelihood) / frame.total_weight - frame.log_scale)
            if callback is not None and callback(iteration, bounds[-1]) is True:
                break
            if iteration > 1 and abs(bounds[-1] - bounds[-2]) < tol:
                return Fit(parameters, bounds, True, size)
    return Fit(parameters, bounds, False, size)


class Collapse(NamedTuple):
    """A component that only the floors keep from having no width in some direction.

    Attributes
    ----------
    component, feature : int
        The feature is the one with the largest part in the direction.
    n_rows : float
        Sum of the component's responsibilities.
    deviation : float
        Standard deviation of the feature in the component, in the units of X.
    """

    component: int
    feature: int
    n_rows: float
    deviation: float


def find_collapses(fit: Fit, frame: Frame) -> list[Collapse]:
    """Find the components with a direction in which their variance is the floors' for the most.

    Directions in which all rows together have next to no variance are passed over: there, no
    component can have any.
    """
    weights, means, covariances = fit.parameters
    apart = means - weights @ means
    total = np.einsum("k,kij->ij", weights, covariances)
    total += np.einsum("k,ki,kj->ij", weights, apart, apart)
    found = []
    for k, covariance in enumerate(covariances):
        values, vectors = np.linalg.eigh(covariance)
        direction = vectors[:, 0]
        floor = max(direction**2 @ frame.regularisation, EIGENVALUE_FLOOR)
        if values[0] <= 2 * floor and direction @ total @ direction >= _WIDE * floor:
            j = int(np.argmax(np.abs(direction)))
            deviation = float(np.sqrt(covariance[j, j]) * frame.scale[j])
            found.append(Collapse(k, j, float(fit.size[k]), deviation))
    return found
