"""The constants of a scaling, and what they do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Scaling"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Scale features with stored constants (paper, section on features and transforms).

    Attributes
    ----------
    how : tuple of {"log-range", "range", "none"}
        One per feature. ``log-range``: x' = ln(x + offset), then (x' - low) / (high - low);
        ``range``: the latter only; ``none``: unchanged.
    offset, low, high : ndarray of shape (d,)
    """

    how: tuple[str, ...]
    offset: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale features: shape (n, d) to shape (n, d); NaN stays NaN.

        A row's result does not depend on the other rows. It lies outside [0, 1] where a value lies
        outside the range seen in training.
        """
        Z = np.array(X, dtype=np.float64, order="F")
        for j, how in enumerate(self.how):
            if how == "none":
                continue
            x = Z[:, j]
            if how == "log-range":
                x = log_with_offset(x, self.offset[j])
            Z[:, j] = (x - self.low[j]) / (self.high[j] - self.low[j])
        return np.ascontiguousarray(Z)


def log_with_offset(x: np.ndarray, offset: float) -> np.ndarray:
    """Return ln(x + offset), and the logarithm of the smallest number where that is not defined."""
    return np.asarray(np.log(np.maximum(x + offset, np.finfo(float).tiny)))
