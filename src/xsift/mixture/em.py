"""The loop: expectation and maximisation until the likelihood stands still."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import numpy as np

from xsift.errors import XsiftWarning
from xsift.mixture.blocks import Orders, Rows, piece_size
from xsift.mixture.kernels import Moments
from xsift.mixture.moments import EIGENVALUE_FLOOR, Frame, Parameters, accumulate_moments, maximise
from xsift.mixture.threads import Threads

__all__ = ["Collapse", "Fit", "find_collapses", "iterate", "warn_of_fit"]

Callback = Callable[[int, float], object]
Expect = Callable[[Parameters], Moments]
"""Gives the moments of the rows of a fit under some parameters."""

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
    expect: Expect | None = None,
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
    expect : callable, optional
        Where the moments are summed, if not here by the kernels: on a GPU.
    """
    parameters, size = start, start.weights * frame.total_weight
    bounds: list[float] = []
    here = _by_kernels(rows, frame, n_threads) if expect is None else nullcontext(expect)
    with here as moments_under:
        for iteration in range(1, max_iter + 1):
            moments = moments_under(parameters)
            parameters, size = maximise(moments, parameters, frame), moments.size
            bounds.append(float(moments.log_likelihood) / frame.total_weight - frame.log_scale)
            if callback is not None and callback(iteration, bounds[-1]) is True:
                break
            if iteration > 1 and abs(bounds[-1] - bounds[-2]) < tol:
                return Fit(parameters, bounds, True, size)
    return Fit(parameters, bounds, False, size)


@contextmanager
def _by_kernels(rows: Rows, frame: Frame, n_threads: int) -> Iterator[Expect]:
    orders = Orders()
    pieces = -(-frame.n_rows // piece_size(rows.n_features))
    with Threads(min(n_threads, pieces)) as threads:
        yield lambda parameters: accumulate_moments(rows, parameters, frame, threads, orders)


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


def warn_of_fit(
    fit: Fit,
    frame: Frame,
    collapses: Sequence[Collapse],
    names: np.ndarray,
    reg_covar: float,
    max_iter: int,
) -> None:
    """Warn, in the name of the caller's caller, of what makes a fit doubtful.

    Parameters
    ----------
    fit : Fit
    frame : Frame
    collapses : sequence of Collapse
        From `find_collapses`.
    names : ndarray of shape (d,)
        Of the features.
    reg_covar, max_iter
        Of the fit.
    """
    from sklearn.exceptions import ConvergenceWarning

    for j in np.flatnonzero((frame.variance > 0) & (frame.variance < reg_covar)):
        warnings.warn(
            f"feature {names[j]} has the variance {frame.variance[j]:.3g}, less than reg_covar "
            f"= {reg_covar:.3g}, and is drowned by it: scale the feature or lower reg_covar",
            XsiftWarning,
            stacklevel=3,
        )
    for collapse in collapses:
        warnings.warn(
            f"component {collapse.component}, of about {collapse.n_rows:.0f} rows, has "
            f"collapsed in feature {names[collapse.feature]} (standard deviation "
            f"{collapse.deviation:.3g}, held up by the floor): its rows are a spike or too "
            "few, and the likelihood says little",
            XsiftWarning,
            stacklevel=3,
        )
    if not fit.converged and max_iter > 0:
        warnings.warn(
            f"EM has not converged in {max_iter} iterations: increase max_iter or tol",
            ConvergenceWarning,
            stacklevel=3,
        )
