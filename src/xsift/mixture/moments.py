"""From rows to moments, and from moments to the parameters that maximise the likelihood."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from xsift.errors import TableError
from xsift.jit import kernel
from xsift.mixture.blocks import PIECES_PER_SLAB, Order, Orders, Rows, Slab, piece_size
from xsift.mixture.kernels import Moments, em_pieces
from xsift.mixture.marginals import Components, components_of
from xsift.mixture.threads import Threads

__all__ = ["Frame", "Parameters", "accumulate_moments", "maximise", "survey"]

EIGENVALUE_FLOOR = 1e-12
"""Smallest variance of a component in any direction, where the data's spread is the unit."""

_EPS = float(np.finfo(np.float64).eps)
_NONE = np.empty(0)
_NO_ROWS = np.empty(0, np.int64)


class Frame(NamedTuple):
    """What is known of the rows before they are fitted, and the coordinates that follow from it.

    The engine works on (x - centre) / scale, so that features of 1e-17 and of 1e3 are alike.

    Attributes
    ----------
    centre : ndarray of shape (d,)
        Mean of the values that are there.
    scale : ndarray of shape (d,)
        Their spread, `reg_covar` included, as a power of two: scaling then costs no rounding.
    variance : ndarray of shape (d,)
        Of the values that are there, in the units of X.
    regularisation : ndarray of shape (d,)
        `reg_covar` in these coordinates.
    n_rows : int
        Rows with a weight above zero and at least one value: those that take part.
    total_weight : float
        Of these.
    log_scale : float
        What log-densities of scaled features exceed those of X by, in the mean over the rows.
    is_complete : bool
        True where all rows take part and nothing is missing.
    slab_weights : ndarray
        Of the rows of each slab that take part.
    """

    centre: np.ndarray
    scale: np.ndarray
    variance: np.ndarray
    regularisation: np.ndarray
    n_rows: int
    total_weight: float
    log_scale: float
    is_complete: bool
    slab_weights: np.ndarray = _NONE


class Parameters(NamedTuple):
    """A mixture in the coordinates of a `Frame`: shapes (K,), (K, d) and (K, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def survey(rows: Rows, reg_covar: float) -> Frame:
    """Visit all rows once, check them, and choose the coordinates to work in.

    Raises
    ------
    TableError
        If a value is infinite, a weight cannot be one, a feature has no value at all, or no row is
        left.
    """
    d = rows.n_features
    weight, mean, square = np.zeros(d), np.zeros(d), np.zeros(d)
    n_rows = n_all = n_missing = 0
    total_weight, slab_weights = 0.0, []
    for seen in rows.each(_surveyed):
        there, here, weight_of, mean_of, square_of = seen.sums
        # Chan, Golub & LeVeque (1983): the sums about two means make those about the common one.
        both = np.where(weight + weight_of > 0, weight + weight_of, 1.0)
        step = mean_of - mean
        mean += step * weight_of / both
        square += square_of + step**2 * weight * weight_of / both
        weight += weight_of
        n_all += seen.n_all
        n_rows += there
        n_missing += here
        total_weight += seen.weight
        slab_weights.append(seen.cumulated)
    if n_rows == 0:
        raise TableError("no row has a value and a weight above zero: there is nothing to fit")
    if not (weight > 0).all():
        j = int(np.argmin(weight > 0))
        raise TableError(f"column {j} has no value in any row: leave it out")
    variance = square / weight
    if not np.isfinite(variance).all():
        j = int(np.argmin(np.isfinite(variance)))
        raise TableError(f"column {j} has values whose squares overflow: divide it by a constant")
    spread = np.sqrt(variance + reg_covar)
    scale = np.exp2(np.round(np.log2(np.where(spread > 0, spread, 1.0))))
    return Frame(
        mean,
        scale,
        variance,
        reg_covar / scale**2,
        n_rows,
        total_weight,
        float(weight @ np.log(scale)) / total_weight,
        n_rows == n_all and n_missing == 0,
        np.array(slab_weights),
    )


class _Surveyed(NamedTuple):
    """What `survey` takes from a slab; `cumulated` is its weight, added row after row."""

    sums: tuple[int, int, np.ndarray, np.ndarray, np.ndarray]
    n_all: int
    weight: float
    cumulated: float


def _surveyed(slab: Slab) -> _Surveyed:
    slab.check()
    takes_part = slab.takes_part()
    weight = slab.weight.sum() if takes_part is None else slab.weight[takes_part].sum()
    given = slab.weight if takes_part is None else slab.weight * takes_part
    sums = _slab_sums(slab.X, slab.weight)
    return _Surveyed(sums, len(slab.X), float(weight), float(np.cumsum(given)[-1]))


@kernel(nogil=True)
def _slab_sums(
    X: np.ndarray, weight: np.ndarray
) -> tuple[int, int, np.ndarray, np.ndarray, np.ndarray]:
    n, d = X.shape
    total, mean, square = np.zeros(d), np.zeros(d), np.zeros(d)
    n_there = n_missing = 0
    for row in range(n):
        there = 0
        for j in range(d):
            if X[row, j] == X[row, j]:
                total[j] += weight[row]
                mean[j] += weight[row] * X[row, j]
                there += 1
        n_there += there > 0 and weight[row] > 0
        n_missing += d - there
    for j in range(d):
        if total[j] > 0:
            mean[j] /= total[j]
    for row in range(n):
        for j in range(d):
            if X[row, j] == X[row, j]:
                square[j] += weight[row] * (X[row, j] - mean[j]) ** 2
    return n_there, n_missing, total, mean, square


def accumulate_moments(
    rows: Rows,
    parameters: Parameters,
    frame: Frame,
    threads: Threads | None = None,
    orders: Orders | None = None,
) -> Moments:
    """Do the expectation step, and sum what the maximisation needs, in one visit of the rows.

    In `orders`, the orders of incomplete slabs are remembered for the next visit.

    Rows are cut into pieces of a fixed size. Each has its own sums, and these are added in the
    order of the pieces: the bits do not depend on the number of threads.
    """
    components = components_of(*parameters, frame.centre, 1.0 / frame.scale)
    total = _nothing(1, *parameters.means.shape)
    here = {"threads": threads or Threads(), "orders": orders or Orders()}
    for slabs in rows.each(_moments_of, components, frame.is_complete, wide=True, **here):
        for slab in slabs:
            for whole, part in zip(total, slab, strict=True):
                whole[0] += part
    return Moments(*(whole[0] for whole in total))


def _nothing(n_pieces: int, K: int, d: int) -> Moments:
    shapes = (K,), (K, d), (K, d, d), ()
    return Moments(*(np.zeros((n_pieces, *shape)) for shape in shapes))


def _moments_of(
    slab: Slab,
    components: Components,
    is_complete: bool,
    threads: Threads | None = None,
    orders: Orders | None = None,
) -> list[Moments]:
    """Return the moments of a slab; where it is several in one, of each."""
    threads, orders = threads or Threads(), orders or Orders()
    if is_complete:
        return _complete_moments_of(slab, components, threads)
    slabs, size = slab.cut(), piece_size(slab.X.shape[1])
    found = [Order(_NO_ROWS, _NO_ROWS)] * len(slabs)

    def sort(first: int, last: int) -> None:
        for i in range(first, last):
            found[i] = orders.of(slabs[i])

    threads.share(len(slabs), sort)
    pieces = [(i, at) for i in range(len(slabs)) for at in range(0, len(found[i].rows), size)]
    sums = _nothing(len(pieces), *components.means.shape)

    def add(first: int, last: int) -> None:
        for piece in range(first, last):
            i, at = pieces[piece]
            group = slabs[i].grouped(found[i], at, at + size)
            own = Moments(*(part[piece : piece + 1] for part in sums))
            em_pieces(*group, size, 0, 1, components, own)

    threads.share(len(pieces), add)
    first_of = np.searchsorted([i for i, _ in pieces], np.arange(len(slabs) + 1))
    return [_added(sums, first, last) for first, last in pairwise(first_of)]


def _complete_moments_of(slab: Slab, components: Components, threads: Threads) -> list[Moments]:
    group, size = slab.ungrouped(), piece_size(slab.X.shape[1])
    pieces = -(-len(group.X) // size)
    sums = _nothing(pieces, *components.means.shape)

    def add(first: int, last: int) -> None:
        em_pieces(*group, size, first, last, components, sums)

    threads.share(pieces, add)
    return [_added(sums, at, at + PIECES_PER_SLAB) for at in range(0, pieces, PIECES_PER_SLAB)]


def _added(sums: Moments, first: int, last: int) -> Moments:
    """Add the sums of pieces, in their order."""
    return Moments(*(part[first:last].sum(axis=0) for part in sums))


def maximise(moments: Moments, last: Parameters, frame: Frame) -> Parameters:
    """Return the parameters that maximise the expected likelihood, regularised.

    As in scikit-learn, ten times the machine's precision is added to a component's number of rows,
    and `reg_covar` to the diagonal of its covariance. Beyond it, no eigenvalue of a covariance in
    the coordinates of the frame is let below `EIGENVALUE_FLOOR`. A component that has lost all its
    rows keeps its place and shape.
    """
    d = last.means.shape[1]
    tiny = 10 * _EPS * frame.total_weight / frame.n_rows
    n = moments.size + tiny
    step = moments.shift / n[:, None]
    covariances = moments.scatter / n[:, None, None] - step[:, :, None] * step[:, None, :]
    covariances[:, range(d), range(d)] += frame.regularisation
    for k in range(len(n)):
        if moments.size[k] < tiny:
            covariances[k] = last.covariances[k]
    return Parameters(n / n.sum(), last.means + step, raise_to_floor(covariances))


def raise_to_floor(covariances: np.ndarray) -> np.ndarray:
    """Raise the eigenvalues of matrices to `EIGENVALUE_FLOOR`, where any lies below.

    Parameters
    ----------
    covariances : ndarray of shape (K, d, d)
        Symmetric. A matrix without such an eigenvalue is returned as it is.
    """
    try:
        np.linalg.cholesky(covariances)
        # The sum of the inverse eigenvalues bounds the largest of them.
        bound = np.trace(np.linalg.inv(covariances), axis1=1, axis2=2)
        suspects = np.flatnonzero(~(bound < 1 / EIGENVALUE_FLOOR))
    except np.linalg.LinAlgError:
        suspects = np.arange(len(covariances))
    for k in suspects:
        values, vectors = np.linalg.eigh(covariances[k])
        if values[0] < EIGENVALUE_FLOOR:
            raised = (vectors * np.maximum(values, EIGENVALUE_FLOOR)) @ vectors.T
            covariances[k] = (raised + raised.T) / 2
    return covariances
