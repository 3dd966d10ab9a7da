"""Linear interpolation between knots, in blocks of values.

`numpy.interp` looks up one value after the other, and its jumps cannot be foreseen. Here the same
step of the search is taken for a block of values at once, without jumps.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel

__all__ = ["interpolate"]

_BLOCK = 256


def _in_numpy(x: np.ndarray, value: np.ndarray, score: np.ndarray) -> np.ndarray:
    return np.asarray(np.interp(x, value, score))


@kernel(instead=_in_numpy, nogil=True, error_model="numpy")
def interpolate(x: np.ndarray, value: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return what `numpy.interp` returns, to the last bit, and NaN for NaN.

    Parameters
    ----------
    x : ndarray of shape (n,)
    value, score : ndarray of shape (m,)
        Knots, `value` rising; constant beyond them.
    """
    m = value.size
    slope = np.zeros(m)
    for i in range(m - 1):
        steep = (score[i + 1] - score[i]) / (value[i + 1] - value[i])
        slope[i] = steep if np.isfinite(steep) else 0.0  # knots a subnormal step apart: a stair
    out, knot = np.empty(x.size), np.zeros(_BLOCK, np.int64)
    for start in range(0, x.size, _BLOCK):
        size = min(_BLOCK, x.size - start)
        knot[:] = 0
        left = m
        while left > 1:  # halves the knots that are left; as many steps for every value
            half = left >> 1
            for b in range(size):
                knot[b] += half * (value[knot[b] + half] <= x[start + b])
            left -= half
        for b in range(size):
            k, here = knot[b], x[start + b]
            inside = slope[k] * (here - value[k]) + score[k]
            inside = score[0] if here < value[0] else inside
            beyond = score[m - 1] if here == here else here
            out[start + b] = inside if k < m - 1 else beyond
    return out
