"""Rows on a GPU: laid out for `xsift.mixture.in_jax`, kept there where they fit, or sent in turns.

    Expectation        the moments of all rows under some parameters, for `xsift.mixture.em`
    score_rows, ...    what `xsift.mixture.scoring` says of rows

Rows are taken in lots. A lot's rows are ordered by what they lack, and cut into tiles of rows that
lack the same: long tiles for most of a frequent pattern, short ones for what is left. Tiles go to
the device in chunks of a few fixed shapes, for each of which JAX compiles once.

Everything is computed in float64, and only here: other programs that use JAX in this process keep
their own precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

from xsift.errors import SettingError, first_line
from xsift.mixture import in_jax, scoring
from xsift.mixture.blocks import ArrayRows, Order, Rows, Slab, cut_anew
from xsift.mixture.kernels import Moments
from xsift.mixture.marginals import Components, components_of
from xsift.mixture.moments import Frame, Parameters

__all__ = ["INSTEAD", "Expectation"]

_STEP = 32 << 20  # bytes of the whitened deviations of a step
_LOT = 128 << 20  # bytes of rows that are ordered together
_SHORT = 64  # rows of a short tile
_STEPS = (16, 1)  # of a chunk of long tiles
_SHARE = 0.7  # of the device's free memory that rows may take
_UNKNOWN = 4 << 30  # bytes that they may take where the device does not say


class _Laid(NamedTuple):
    """A chunk on the device.

    Attributes
    ----------
    observed : ndarray of bool, shape (P, d)
        Features of its patterns.
    chunk : in_jax.Chunk
    rows : ndarray of int, shape (steps, tiles, rows)
        Positions in the lot; -1 for those that only fill a tile.
    """

    observed: np.ndarray
    chunk: in_jax.Chunk
    rows: np.ndarray

    @property
    def n_bytes(self) -> int:
        return int(self.chunk.X.nbytes + self.chunk.weight.nbytes)


class Expectation:
    """The moments of rows, summed on a GPU.

    The first visit leaves the rows on the device, as far as they fit. Others are sent in every
    visit, and their sums taken while the next ones are read.

    Parameters
    ----------
    rows : Rows
    frame : Frame
        Of the rows.
    gpu : jax.Device
    """

    def __init__(self, rows: Rows, frame: Frame, gpu: Any) -> None:
        self._rows, self._frame, self._gpu = rows, frame, gpu
        self._kept: list[list[_Laid]] = []
        self._room: float = _room(gpu)
        self._all_kept = False

    def __call__(self, parameters: Parameters) -> Moments:
        """Return the moments under some parameters: `xsift.mixture.moments.accumulate_moments`."""
        with _at_work():
            inverse_scale = 1.0 / self._frame.scale
            under = _Under(components_of(*parameters, self._frame.centre, inverse_scale), self._gpu)
            total = under.nothing()
            for lot in self._kept:
                for laid in lot:
                    total = in_jax.add_moments(total, *under.of(laid), laid.chunk)
            for lot in self._others(len(parameters.weights)):
                before = total.log_likelihood
                for laid in lot:
                    total = in_jax.add_moments(total, *under.of(laid), laid.chunk)
                before.block_until_ready()  # two lots at a time: memory is bounded
            size, shift, scatter, log_likelihood = jax.device_get(total)
            return Moments(size.copy(), shift.copy(), scatter.copy(), log_likelihood.copy())

    def _others(self, K: int) -> Iterator[list[_Laid]]:
        """Give the lots that are not on the device, and keep them there while there is room."""
        if self._all_kept:
            return
        n_kept, d = len(self._kept), self._rows.n_features
        for number, slab in enumerate(_lots(self._rows)):
            if number < n_kept:
                continue
            if self._frame.is_complete:
                order = Order(np.arange(len(slab.X)), np.array([len(slab.X)]))
            else:
                order = slab.order()
            lot = list(_laid_out(slab, order, _step_rows(K, d), self._gpu))
            self._room -= sum(laid.n_bytes for laid in lot)
            if self._room >= 0:
                self._kept.append(lot)
            yield lot
        self._all_kept = self._room >= 0


class _Under:
    """A mixture on the device, with the marginals of the patterns that were met last."""

    def __init__(self, components: Components, gpu: Any) -> None:
        self._gpu = gpu
        self.model = in_jax.Model(*jax.device_put(tuple(components), gpu))
        self._observed: np.ndarray | None = None
        self._marginals: Any = None

    def of(self, laid: _Laid) -> tuple[in_jax.Model, in_jax.Marginals]:
        """Return the mixture, and its marginals over what the rows of a chunk have."""
        if self._observed is None or not np.array_equal(self._observed, laid.observed):
            self._observed = laid.observed
            self._marginals = in_jax.marginals(self.model, jax.device_put(laid.observed, self._gpu))
        return self.model, self._marginals

    def nothing(self) -> in_jax.Sums:
        """Return sums over no rows."""
        K, d = self.model.means.shape
        zeros = np.zeros(K), np.zeros((K, d)), np.zeros((K, d, d)), np.zeros(())
        return in_jax.Sums(*jax.device_put(zeros, self._gpu))


@contextmanager
def _at_work() -> Iterator[None]:
    """Compute in float64, on this thread alone, and say it clearly where memory ends."""
    with jax.enable_x64(True):
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise SettingError(
                f"the memory of the GPU is full ({first_line(error)}): stop what else uses it, "
                "fit fewer components, or give --device cpu"
            ) from error


def _room(gpu: Any) -> float:
    """Return how many bytes of rows the device holds, beside two lots and what a step needs."""
    found = gpu.memory_stats() or {}
    if "bytes_limit" not in found:
        return float(_UNKNOWN)
    return float(_SHARE * (found["bytes_limit"] - found.get("bytes_in_use", 0)))


def _step_rows(K: int, d: int) -> int:
    """Return the rows of a step, a power of two: enough to keep a GPU busy, and no more."""
    fits = _STEP // (8 * K * (d + 1))
    return int(min(65536, max(_SHORT, 2 ** int(np.log2(max(fits, 1))))))


def _lots(rows: Rows) -> Iterator[Slab]:
    """Give rows in larger slabs: of many rows, more lack the same features."""
    d = rows.n_features
    size = max(_SHORT, _LOT // (8 * d))
    if isinstance(rows, ArrayRows):
        for first in range(0, len(rows.X), size):
            # Read-only ones would have a kernel compiled anew.
            X = np.require(rows.X[first : first + size], np.float64, ["C", "W"])
            weight = np.ones(len(X)) if rows.weight is None else rows.weight[first : first + size]
            yield Slab(X, weight, first)
        return
    yield from cut_anew(((slab.X, slab.weight) for slab in rows.slabs()), size, d)


def _laid_out(slab: Slab, order: Order, step_rows: int, gpu: Any) -> Iterator[_Laid]:
    """Cut the rows of a lot into tiles, and send them to the device chunk by chunk."""
    if not len(order.rows):
        return
    begins = np.concatenate([[0], order.ends[:-1]])
    observed = ~np.isnan(slab.X[order.rows[begins]])
    short_rows, short_patterns = [], []
    for p, (begin, end) in enumerate(zip(begins, order.ends, strict=True)):
        # A single pattern needs no short tiles, for which there is another program to compile.
        n_long = -(-(end - begin) // step_rows) if len(begins) == 1 else (end - begin) // step_rows
        middle = min(end, begin + n_long * step_rows)
        long = _filled(order.rows[begin:middle], step_rows)
        while len(long):
            steps = _STEPS[0] if len(long) >= _STEPS[0] else 1
            yield _sent(slab, long[:steps, None], observed[p : p + 1], np.zeros(1, np.int32), gpu)
            long = long[steps:]
        short = _filled(order.rows[middle:end], _SHORT)
        short_rows.append(short)
        short_patterns.append(np.full(len(short), p))
    rows, patterns = np.concatenate(short_rows), np.concatenate(short_patterns)
    n_tiles = step_rows // _SHORT
    for first in range(0, len(rows), n_tiles):
        some = rows[first : first + n_tiles]
        found, pattern = np.unique(patterns[first : first + n_tiles], return_inverse=True)
        some = np.pad(some, ((0, n_tiles - len(some)), (0, 0)), constant_values=-1)
        pattern = np.pad(pattern, (0, n_tiles - len(pattern))).astype(np.int32)
        n_patterns = min(n_tiles, 8 ** int(np.ceil(np.log(len(found)) / np.log(8))))
        held = np.ones((n_patterns, slab.X.shape[1]), dtype=bool)
        held[: len(found)] = observed[found]
        yield _sent(slab, some[None], held, pattern, gpu)


def _filled(rows: np.ndarray, size: int) -> np.ndarray:
    """Cut positions into tiles, shape (tiles, size); -1 fills the last."""
    n = -(-len(rows) // size)
    return np.pad(rows, (0, n * size - len(rows)), constant_values=-1).reshape(n, size)


def _sent(
    slab: Slab, rows: np.ndarray, observed: np.ndarray, pattern: np.ndarray, gpu: Any
) -> _Laid:
    X, weight = slab.X[rows], slab.weight[rows]  # copies, which nobody writes to
    X[rows < 0], weight[rows < 0] = np.nan, 0.0
    return _Laid(observed, in_jax.Chunk(*jax.device_put((X, weight, pattern), gpu)), rows)


def score_rows(
    rows: Rows, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, gpu: Any
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Score rows: as `xsift.mixture.scoring.score_rows`, lot by lot."""
    for slab, said in _said(in_jax.scores, rows, weights, means, covariances, gpu):
        log_density, r = np.empty(len(slab.X)), np.empty((len(slab.X), len(weights)))
        for at, (density_there, r_there) in said:
            is_row = at >= 0
            log_density[at[is_row]], r[at[is_row]] = density_there[is_row], r_there[is_row]
        yield log_density, r, slab.weight.copy()


def density_rows(
    rows: Rows, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, gpu: Any
) -> Iterator[np.ndarray]:
    """Give the log-densities of rows: as `xsift.mixture.scoring.density_rows`, lot by lot."""
    yield from _in_order(in_jax.densities, rows, weights, means, covariances, gpu)


def label_rows(
    rows: Rows, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, gpu: Any
) -> Iterator[np.ndarray]:
    """Label rows: as `xsift.mixture.scoring.label_rows`, lot by lot."""
    yield from _in_order(in_jax.labels, rows, weights, means, covariances, gpu)


def totals(
    rows: Rows, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, gpu: Any
) -> tuple[float, float, float]:
    """Sum over rows: as `xsift.mixture.scoring.totals`."""
    total = np.zeros(3)
    for _, said in _said(in_jax.totals, rows, weights, means, covariances, gpu):
        for _, found in said:
            total += found
    return float(total[0]), float(total[1]), float(total[2])


INSTEAD: dict[Any, Any] = {
    scoring.score_rows: score_rows,
    scoring.density_rows: density_rows,
    scoring.label_rows: label_rows,
    scoring.totals: totals,
}
"""Functions of `xsift.mixture.scoring`, and those that stand in for them."""


def _in_order(function: Any, rows: Rows, *mixture: Any) -> Iterator[np.ndarray]:
    for slab, said in _said(function, rows, *mixture):
        out = np.empty(len(slab.X), said[0][1].dtype)
        for at, found in said:
            is_row = at >= 0
            out[at[is_row]] = found[is_row]
        yield out


def _said(
    function: Any,
    rows: Rows,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    gpu: Any,
) -> Iterator[tuple[Slab, list[tuple[np.ndarray, Any]]]]:
    """Give lots, and what a function of `in_jax` says of the rows at some positions in them."""
    centre = weights @ means
    components = components_of(weights, means - centre, covariances, centre)
    step_rows = _step_rows(*means.shape)
    for slab in _lots(rows):
        slab.check()
        with _at_work():  # not while the caller works on what is yielded
            under, said = _Under(components, gpu), []
            for laid in _laid_out(slab, slab.order(keep_all=True), step_rows, gpu):
                found = function(*under.of(laid), laid.chunk)
                said.append((laid.rows, jax.device_get(found)))
        yield slab, said
