"""exp and log in plain arithmetic, so that loops over rows become vector instructions.

The library's functions are calls for one number each. numba can use vector versions only with
Intel's SVML, which the wheels on PyPI do not have.
"""

from __future__ import annotations

import numpy as np

from xsift.jit import kernel_part

__all__ = ["ELEMENTWISE", "exp_nonpositive", "log_positive"]

ELEMENTWISE = {"contract", "nsz"}
"""Fused multiply-add is allowed, reordering is not: a row's bits do not depend on its place."""

_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_REST = 2.3190468138462996e-17  # ln 2 - _LN2
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves an integer in the low bits
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def exp_nonpositive(x: float) -> float:
    """Return exp(x) for x <= 0, to 1e-14 relative; 0 from -708 downwards.

    x = n ln 2 + r with |r| <= ln(2) / 2, and exp(x) = 2^n exp(r) (Cody & Waite 1980, chapter 6);
    exp(r) by its Taylor polynomial of degree 11.
    """
    inside = x if x > -708.0 else -708.0
    shifted = inside * _LOG2_E + _ROUND
    n = shifted - _ROUND
    r = inside - n * _LN2 - n * _LN2_REST
    p = 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    bits = np.float64(shifted).view(np.int64)
    power = np.int64((bits + np.int64(1023)) << np.int64(52)).view(np.float64)
    return p * power if x > -708.0 else 0.0


@kernel_part(nogil=True, fastmath=ELEMENTWISE, error_model="numpy")
def log_positive(x: float) -> float:
    """Return log(x) for normal x > 0, to 1e-14 relative.

    x = 2^n m with m between sqrt(1/2) and sqrt(2), and log(m) = 2 artanh(f) with
    f = (m - 1) / (m + 1), |f| < 0.172, by its series to f^19.
    """
    bits = np.float64(x).view(np.int64)
    n = (bits - np.int64(_SQRT_HALF_BITS)) >> np.int64(52)
    m = np.int64(bits - (n << np.int64(52))).view(np.float64)
    f = (m - 1.0) / (m + 1.0)
    g = f * f
    p = 1.0 / 19.0
    p = p * g + 1.0 / 17.0
    p = p * g + 1.0 / 15.0
    p = p * g + 1.0 / 13.0
    p = p * g + 1.0 / 11.0
    p = p * g + 1.0 / 9.0
    p = p * g + 1.0 / 7.0
    p = p * g + 1.0 / 5.0
    p = p * g + 1.0 / 3.0
    return n * _LN2 + (2.0 * f + 2.0 * f * g * p)
