"""The EM iteration over rows: expectation, responsibilities and moments in one pass.

A block of rows stays in the first-level cache from the moment it is loaded until its moments are
taken. Loops over features take two or four at a time, to use a value more than once while it is in
a register.

    em_pieces    fixed pieces of the rows, pattern of missing features by pattern
    └─ em_run    rows of one pattern
       └─ em_block
          ├─ load_block          X -> x, centred and scaled
          ├─ expect_block
          │  ├─ log_joint_block  x -> log(weight_k N(x | k))
          │  └─ soften_block     -> responsibilities, log-density
          └─ add_moments_block   -> sums over the rows, about each component's mean

Moments are taken about the component's current mean, not about zero: nothing cancels where a narrow
component lies far from the origin. Sums over rows may be reordered by the compiler, once and for
all when it vectorises them: the same rows give the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xsift.jit import kernel, kernel_part
from xsift.mixture.completion import complete_moments
from xsift.mixture.expectation import BLOCK, expect_block, filled_lanes, lanes, load_block
from xsift.mixture.marginals import Components, marginals_of
from xsift.mixture.missing import TILE

__all__ = ["Moments", "em_pieces"]

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


class Room(NamedTuple):
    """Memory for a block: rows, their weighted deviations, and what the expectation needs."""

    x: np.ndarray
    z: np.ndarray
    work: np.ndarray
    joint: np.ndarray
    rows: np.ndarray


class Local(NamedTuple):
    """What the blocks of a run share: components over the features that its rows have, and sums."""

    observed: np.ndarray
    whitening: np.ndarray
    offset: np.ndarray
    log_norm: np.ndarray
    means: np.ndarray
    size: np.ndarray
    shift: np.ndarray
    scatter: np.ndarray


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
    K, d = components.means.shape
    padded = (d + TILE - 1) // TILE * TILE
    room = Room(lanes(padded), lanes(padded), lanes(TILE), lanes(K), lanes(2))
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
                room,
                moments.size[piece],
                moments.shift[piece],
                moments.scatter[piece],
            )
            first = end


@kernel_part(nogil=True, inline="always", error_model="numpy")
def em_run(
    X: np.ndarray,
    weight: np.ndarray,
    first: int,
    last: int,
    components: Components,
    room: Room,
    count: np.ndarray,
    shift: np.ndarray,
    scatter: np.ndarray,
) -> float:
    """Add the sums over rows that lack the same features, and return their log-likelihood."""
    observed, missing, whitening, offset, log_norm = marginals_of(X[first], components)
    K, padded = offset.shape
    means_o = np.zeros((K, padded))
    for k in range(K):
        for i in range(observed.size):
            means_o[k, i] = components.means[k, observed[i]]
    count_o = np.zeros(K)
    shift_o = np.zeros((K, padded))
    scatter_o = np.zeros((K, padded, padded))

    room.x[observed.size : padded] = 0.0
    local = Local(observed, whitening, offset, log_norm, means_o, count_o, shift_o, scatter_o)
    log_likelihood = 0.0
    for start in range(first, last, BLOCK):
        size = min(BLOCK, last - start)
        if size == BLOCK:  # a length known to the compiler: an eighth of the time
            log_likelihood += em_block(X, weight, start, size, BLOCK, components, room, local)
        else:
            width = filled_lanes(size)
            log_likelihood += em_block(X, weight, start, size, width, components, room, local)
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


@kernel_part(nogil=True, inline="always", error_model="numpy")
def em_block(
    X: np.ndarray,
    weight: np.ndarray,
    start: int,
    size: int,
    width: int,
    components: Components,
    room: Room,
    local: Local,
) -> float:
    """Do so for one block; `width` of its lanes are worked on, `size` of them hold rows."""
    padded = local.offset.shape[1]
    x, z, work, joint = room.x[:padded], room.z[:padded], room.work, room.joint
    log_density, row_weight = room.rows
    for b in range(size):
        row_weight[b] = weight[start + b]
    for b in range(size, width):
        row_weight[b] = 0.0
    load_block(X, start, size, local.observed, components.centre, components.inverse_scale, x)
    expect_block(
        x,
        width,
        local.whitening,
        local.offset,
        local.log_norm,
        work,
        joint,
        row_weight,
        log_density,
    )
    for k in range(joint.shape[0]):
        local.size[k] += add_moments_block(
            k, x, width, local.means, joint[k], work[0], z, local.shift, local.scatter
        )
    return weighted_sum(row_weight, log_density, width)


@kernel_part(nogil=True, fastmath=SUMS)
def weighted_sum(weight: np.ndarray, values: np.ndarray, width: int) -> float:
    """Return the sum of weight times value over a block."""
    total = 0.0
    for b in range(width):
        total += weight[b] * values[b]
    return total


@kernel_part(nogil=True, fastmath=SUMS, error_model="numpy")
def add_moments_block(
    k: int,
    x: np.ndarray,
    width: int,
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
    for b in range(width):
        root[b] = np.sqrt(r[b])
        count += r[b]
    for j in range(0, x.shape[0], 2):  # two sums at a time: neither waits for the other
        mean0, mean1, total0, total1 = means[k, j], means[k, j + 1], 0.0, 0.0
        for b in range(width):
            z0, z1 = root[b] * (x[j, b] - mean0), root[b] * (x[j + 1, b] - mean1)
            total0 += root[b] * z0
            total1 += root[b] * z1
            z[j, b], z[j + 1, b] = z0, z1
        shift[k, j] += total0
        shift[k, j + 1] += total1
    for i in range(0, x.shape[0], 2):
        for j in range(0, i // TILE * TILE, TILE):  # tiles below the diagonal, two rows at a time
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
            for b in range(width):
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
        for b in range(width):
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
def add_four(
    matrices: np.ndarray, k: int, i: int, j: int, a: float, b: float, c: float, d: float
) -> None:
    """Add numbers to ``matrices[k, i, j : j + 4]``."""
    matrices[k, i, j] += a
    matrices[k, i, j + 1] += b
    matrices[k, i, j + 2] += c
    matrices[k, i, j + 3] += d
