"""The EM iteration over rows: expectation, responsibilities and moments in one pass.

Rows are worked on in blocks of 128, laid out feature by feature: `x[j]` is feature j of 128 rows.
Every inner loop runs over the rows of a block, so that the compiler turns it into vector
instructions without remainders, and a block stays in the first-level cache from the moment it is
loaded until its moments are taken. Loops over features take two or four at a time, to use a value
more than once while it is in a register.

    em_pieces    fixed pieces of the rows, pattern of missing features by pattern
    └─ em_run    rows of one pattern
       ├─ load_block          X -> x, centred and scaled
       ├─ expect_block
       │  ├─ log_joint_block  x -> log(weight_k N(x | k))
       │  └─ soften_block     -> responsibilities, log-density
       └─ add_moments_block   -> sums over the rows, about each component's mean

Moments are taken about the component's current mean, not about zero: nothing cancels where a narrow
component lies far from the origin.

No loop writes to what another row's result depends on, and elementwise arithmetic may be fused but
not reordered: a row has the same bits wherever it stands. Sums over rows may be reordered by the
compiler, once and for all when it vectorises them: the same rows give the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xsift.jit import kernel, kernel_part
from xsift.mixture.completion import complete_moments
from xsift.mixture.elementary import ELEMENTWISE, exp_nonpositive, log_positive
from xsift.mixture.marginals import Components, marginals_of
from xsift.mixture.missing import TILE

__all__ = [
    "BLOCK",
    "Moments",
    "em_pieces",
    "expect_block",
    "filled_lanes",
    "lanes",
    "load_block",
    "log_joint_block",
    "soften_block",
]

BLOCK = 128
SUMS = {"contract", "nsz", "reassoc"}


class Moments(NamedTuple):
    """Expected sums over rows with responsibilities r, about the means used to compute r.

    Attributes
    ----------
    size : ndarray of shape (..., K)
        Sum of r.
    shift : ndarray of shape (..., K, d)
        Sum of r (x - mean).
    scatter : ndarray of shape (..., K, d, d)
        Sum of r (x - mean) (x - mean)^T.
    log_likelihood : ndarray of shape (...)
    """

    size: np.ndarray
    shift: np.ndarray
    scatter: np.ndarray
    log_likelihood: np.ndarray


@kernel(nogil=True, error_model="numpy")
def em_pieces(
    X: np.ndarray,
    weight: np.ndarray,
    ends: np.ndarray,
    size: int,
    first_piece: int,
    last_piece: int,
    components: Components,
    moments: Moments,
) -> None:
    """Add the moments of some pieces of rows, each to sums of its own.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        NaN is missing.
    weight : ndarray of shape (n,)
    ends : ndarray of int
        Where each pattern of missing features ends: rows with the same stand together.
    size : int
        Rows of a piece: piece p is ``X[p * size : (p + 1) * size]``.
    first_piece, last_piece : int
        The pieces from the one to before the other.
    components : Components
    moments : Moments
        Of shapes (number of pieces, ...); added to.
    """
    for piece in range(first_piece, last_piece):
        first = piece * size
        last = min(first + size, len(X))
        while first < last:
            end = min(last, ends[np.searchsorted(ends, first, side="right")])
            moments.log_likelihood[piece] += em_run(
                X,
                weight,
                first,
                end,
                components,
                moments.size[piece],
                moments.shift[piece],
                moments.scatter[piece],
            )
            first = end


@kernel_part(nogil=True, error_model="numpy")
def em_run(
    X: np.ndarray,
    weight: np.ndarray,
    first: int,
    last: int,
    components: Components,
    count: np.ndarray,
    shift: np.ndarray,
    scatter: np.ndarray,
) -> float:
    """Add the sums over rows that lack the same features, and return their log-likelihood."""
    observed, missing, whitening, offset, log_norm = marginals_of(X[first], components)
    K, padded = offset.shape
    centre, inverse_scale = components.centre, components.inverse_scale
    means_o = np.zeros((K, padded))
    means_o[:, : observed.size] = components.means[:, observed]
    count_o = np.zeros(K)
    shift_o = np.zeros((K, padded))
    scatter_o = np.zeros((K, padded, padded))

    x, z, work = lanes(padded), lanes(padded), lanes(TILE)
    joint, (log_density, row_weight) = lanes(K), lanes(2)
    log_likelihood = 0.0
    for start in range(first, last, BLOCK):
        size = min(BLOCK, last - start)
        for b in range(size):
            row_weight[b] = weight[start + b]
        for b in range(size, BLOCK):
            row_weight[b] = 0.0  # lanes that the last block does not fill
        load_block(X, start, size, observed, centre, inverse_scale, x)
        expect_block(x, BLOCK, whitening, offset, log_norm, work, joint, row_weight, log_density)
        log_likelihood += weighted_sum(row_weight, log_density)
        for k in range(K):
            count_o[k] += add_moments_block(k, x, means_o, joint[k], work[0], z, shift_o, scatter_o)
    count += count_o
    complete_moments(
        components.covariances,
        whitening,
        observed,
        missing,
        count_o,
        shift_o,
        scatter_o,
        shift,
        scatter,
    )
    return log_likelihood


@kernel_part(nogil=True)
def lanes(n: int) -> np.ndarray:
    """Return zeros of shape (n, 128) that begin where a cache line does: 64 bytes are read at once.

    Without it, a fifth of the speed depends on where the memory happens to lie.
    """
    flat = np.zeros(n * BLOCK + 8)
    skip = -(flat.ctypes.data // 8) % 8
    return flat[skip : skip + n * BLOCK].reshape(n, BLOCK)


@kernel_part(nogil=True)
def filled_lanes(size: int) -> int:
    """Return how many rows of a block to work on where `size` are wanted: whole vectors."""
    return min(BLOCK, (size + 15) // 16 * 16)


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def load_block(
    X: np.ndarray,
    start: int,
    size: int,
    observed: np.ndarray,
    centre: np.ndarray,
    inverse_scale: np.ndarray,
    x: np.ndarray,
) -> None:
    """Lay out some rows' observed features feature by feature, centred and scaled."""
    for i in range(observed.size):
        j = observed[i]
        mean, factor = centre[j], inverse_scale[j]
        for b in range(size):
            x[i, b] = (X[start + b, j] - mean) * factor


@kernel_part(nogil=True, error_model="numpy")
def expect_block(
    x: np.ndarray,
    width: int,
    whitening: np.ndarray,
    offset: np.ndarray,
    log_norm: np.ndarray,
    work: np.ndarray,
    joint: np.ndarray,
    row_weight: np.ndarray,
    log_density: np.ndarray,
) -> None:
    """Write responsibilities times row weights to `joint`, and the log-density of each row."""
    for k in range(log_norm.size):
        log_joint_block(k, x, width, whitening, offset, log_norm, work, joint)
    soften_block(joint, width, row_weight, log_density)


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def log_joint_block(
    k: int,
    x: np.ndarray,
    width: int,
    whitening: np.ndarray,
    offset: np.ndarray,
    log_norm: np.ndarray,
    y: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write log(weight N(x | mean, covariance)) = log_norm - |W x + offset|^2 / 2 of each row.

    `width` is how many of the block's rows are wanted.
    """
    for i in range(0, x.shape[0], TILE):
        for h in range(0, TILE, 2):  # two rows at a time: a tile's 16 numbers fill all registers
            c0, c1 = offset[k, i + h], offset[k, i + h + 1]
            for j in range(0, i, TILE):  # tiles below the diagonal
                w00, w01, w02, w03 = four(whitening, k, i + h, j)
                w10, w11, w12, w13 = four(whitening, k, i + h + 1, j)
                if j == 0:  # not a pass of its own for the offset: an eighth of the time
                    for b in range(width):
                        x0, x1, x2, x3 = x[j, b], x[j + 1, b], x[j + 2, b], x[j + 3, b]
                        y[h, b] = c0 + w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                        y[h + 1, b] = c1 + w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
                else:
                    for b in range(width):
                        x0, x1, x2, x3 = x[j, b], x[j + 1, b], x[j + 2, b], x[j + 3, b]
                        y[h, b] = y[h, b] + w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                        y[h + 1, b] = y[h + 1, b] + w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
        c0, c1, c2, c3 = offset[k, i], offset[k, i + 1], offset[k, i + 2], offset[k, i + 3]
        w00, _, _, _ = four(whitening, k, i, i)  # the tile on the diagonal
        w10, w11, _, _ = four(whitening, k, i + 1, i)
        w20, w21, w22, _ = four(whitening, k, i + 2, i)
        w30, w31, w32, w33 = four(whitening, k, i + 3, i)
        if i == 0:
            for b in range(width):
                x0, x1, x2, x3 = x[0, b], x[1, b], x[2, b], x[3, b]
                y0 = c0 + w00 * x0
                y1 = c1 + w10 * x0 + w11 * x1
                y2 = c2 + w20 * x0 + w21 * x1 + w22 * x2
                y3 = c3 + w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3
                out[k, b] = y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
        else:
            for b in range(width):
                x0, x1, x2, x3 = x[i, b], x[i + 1, b], x[i + 2, b], x[i + 3, b]
                y0 = y[0, b] + w00 * x0
                y1 = y[1, b] + w10 * x0 + w11 * x1
                y2 = y[2, b] + w20 * x0 + w21 * x1 + w22 * x2
                y3 = y[3, b] + w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3
                out[k, b] += y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
    if x.shape[0] == 0:
        for b in range(width):
            out[k, b] = 0.0
    for b in range(width):
        out[k, b] = log_norm[k] - 0.5 * out[k, b]


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def soften_block(
    joint: np.ndarray, width: int, row_weight: np.ndarray, log_density: np.ndarray
) -> None:
    """Turn log(weight_k N(x | k)) into responsibilities times row weights, in place.

    Parameters
    ----------
    joint : ndarray of shape (K, 128)
    width : int
        How many of the block's rows are wanted.
    row_weight : ndarray of shape (128,)
    log_density : ndarray of shape (128,)
        Written to: log of the sum over the components.
    """
    largest, total = np.empty(BLOCK), np.zeros(BLOCK)
    for b in range(width):
        largest[b] = joint[0, b]
    for k in range(1, joint.shape[0]):
        for b in range(width):
            largest[b] = joint[k, b] if joint[k, b] > largest[b] else largest[b]
    for k in range(joint.shape[0]):
        for b in range(width):
            e = exp_nonpositive(joint[k, b] - largest[b])
            joint[k, b] = e
            total[b] += e
    for b in range(width):
        log_density[b] = largest[b] + log_positive(total[b])
    for b in range(width):
        total[b] = row_weight[b] / total[b]
    for k in range(joint.shape[0]):
        for b in range(width):
            joint[k, b] *= total[b]


@kernel_part(nogil=True, fastmath=SUMS)
def weighted_sum(weight: np.ndarray, values: np.ndarray) -> float:
    """Return the sum of weight times value over a block."""
    total = 0.0
    for b in range(BLOCK):
        total += weight[b] * values[b]
    return total


@kernel_part(nogil=True, fastmath=SUMS, error_model="numpy")
def add_moments_block(
    k: int,
    x: np.ndarray,
    means: np.ndarray,
    r: np.ndarray,
    root: np.ndarray,
    z: np.ndarray,
    shift: np.ndarray,
    scatter: np.ndarray,
) -> float:
    """Add sum r (x - mean) and sum r (x - mean) (x - mean)^T over a block; return sum r.

    The second is z z^T with z = r^1/2 (x - mean): one array to write and to read again, not two.
    """
    count = 0.0
    for b in range(BLOCK):
        root[b] = np.sqrt(r[b])
        count += r[b]
    for j in range(0, x.shape[0], 2):  # two sums at a time: neither waits for the other
        mean0, mean1, total0, total1 = means[k, j], means[k, j + 1], 0.0, 0.0
        for b in range(BLOCK):
            z0, z1 = root[b] * (x[j, b] - mean0), root[b] * (x[j + 1, b] - mean1)
            total0 += root[b] * z0
            total1 += root[b] * z1
            z[j, b], z[j + 1, b] = z0, z1
        shift[k, j] += total0
        shift[k, j + 1] += total1
    for i in range(0, x.shape[0], 2):
        for j in range(0, i // TILE * TILE, TILE):  # tiles below the diagonal, two rows at a time
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
            for b in range(BLOCK):
                u, v = z[i, b], z[i + 1, b]
                z0, z1, z2, z3 = z[j, b], z[j + 1, b], z[j + 2, b], z[j + 3, b]
                s00 += u * z0
                s01 += u * z1
                s02 += u * z2
                s03 += u * z3
                s10 += v * z0
                s11 += v * z1
                s12 += v * z2
                s13 += v * z3
            add_four(scatter, k, i, j, s00, s01, s02, s03)
            add_four(scatter, k, i + 1, j, s10, s11, s12, s13)
    for i in range(0, x.shape[0], TILE):  # tiles on the diagonal
        s00 = s10 = s11 = s20 = s21 = s22 = s30 = s31 = s32 = s33 = 0.0
        for b in range(BLOCK):
            z0, z1, z2, z3 = z[i, b], z[i + 1, b], z[i + 2, b], z[i + 3, b]
            s00 += z0 * z0
            s10 += z1 * z0
            s11 += z1 * z1
            s20 += z2 * z0
            s21 += z2 * z1
            s22 += z2 * z2
            s30 += z3 * z0
            s31 += z3 * z1
            s32 += z3 * z2
            s33 += z3 * z3
        add_four(scatter, k, i, i, s00, 0.0, 0.0, 0.0)
        add_four(scatter, k, i + 1, i, s10, s11, 0.0, 0.0)
        add_four(scatter, k, i + 2, i, s20, s21, s22, 0.0)
        add_four(scatter, k, i + 3, i, s30, s31, s32, s33)
    return count


@kernel_part(nogil=True)
def four(matrices: np.ndarray, k: int, i: int, j: int) -> tuple[float, float, float, float]:
    """Return ``matrices[k, i, j : j + 4]`` as numbers."""
    return matrices[k, i, j], matrices[k, i, j + 1], matrices[k, i, j + 2], matrices[k, i, j + 3]


@kernel_part(nogil=True)
def add_four(
    matrices: np.ndarray, k: int, i: int, j: int, a: float, b: float, c: float, d: float
) -> None:
    """Add numbers to ``matrices[k, i, j : j + 4]``."""
    matrices[k, i, j] += a
    matrices[k, i, j + 1] += b
    matrices[k, i, j + 2] += c
    matrices[k, i, j + 3] += d
