"""The expectation over a block of rows: log-densities and responsibilities.

Rows are worked on in blocks of 128, laid out feature by feature: `x[j]` is feature j of 128 rows.
Every inner loop runs over the rows of a block, so that the compiler turns it into vector
instructions without remainders, and a block stays in the first-level cache.

No loop writes to what another row's result depends on, and elementwise arithmetic may be fused but
not reordered: a row has the same bits wherever it stands.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel_part
from xsift.mixture.elementary import ELEMENTWISE, exp_nonpositive, log_positive
from xsift.mixture.missing import TILE

__all__ = [
    "BLOCK",
    "expect_block",
    "filled_lanes",
    "lanes",
    "load_block",
    "log_joint_block",
    "soften_block",
]

BLOCK = 128


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


@kernel_part(nogil=True, inline="always", error_model="numpy")
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


@kernel_part(nogil=True)
def four(matrices: np.ndarray, k: int, i: int, j: int) -> tuple[float, float, float, float]:
    """Return ``matrices[k, i, j : j + 4]`` as numbers."""
    return matrices[k, i, j], matrices[k, i, j + 1], matrices[k, i, j + 2], matrices[k, i, j + 3]
