"""The formulas by which a feature follows from columns: a closed list, nothing is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["FORMULAS", "Formula"]


class Formula(NamedTuple):
    """A formula: how many inputs it takes, and what it makes of them.

    Attributes
    ----------
    least, most : int
        Number of inputs.
    said : str
        In words; ``{0}`` is the first input.
    compute : callable
        Takes one array per input. What cannot be computed is not finite: a quotient by zero, the
        logarithm of a number that is not positive.
    """

    least: int
    most: int
    said: str
    compute: Callable[[Sequence[np.ndarray]], np.ndarray]

    def in_words(self, inputs: Sequence[str]) -> str:
        """Return the formula with the names of its inputs."""
        return " + ".join(inputs) if self.most > self.least else self.said.format(*inputs)


def _positive_log10(x: np.ndarray) -> np.ndarray:
    # Flux 0 is no measurement of a logarithm: NaN, not minus infinity.
    return np.where(x > 0, np.log10(np.where(x > 0, x, 1.0)), np.nan)


FORMULAS: dict[str, Formula] = {
    "ratio": Formula(2, 2, "{0} / {1}", lambda x: x[0] / x[1]),
    "difference": Formula(2, 2, "{0} - {1}", lambda x: x[0] - x[1]),
    "sum": Formula(2, 20, "", lambda x: np.sum(x, axis=0)),
    "log10": Formula(1, 1, "log10 {0}", lambda x: _positive_log10(x[0])),
    "log10-ratio": Formula(
        2, 2, "log10({0} / {1})", lambda x: _positive_log10(x[0]) - _positive_log10(x[1])
    ),
    "hardness": Formula(2, 2, "({0} - {1}) / ({0} + {1})", lambda x: (x[0] - x[1]) / (x[0] + x[1])),
    "midrange-ratio": Formula(3, 3, "(({0} + {1}) / 2) / {2}", lambda x: (x[0] + x[1]) / 2 / x[2]),
    "log-flux-magnitude": Formula(
        2, 2, "log10 {0} + 0.4 {1}", lambda x: _positive_log10(x[0]) + 0.4 * x[1]
    ),
}
"""By their names in a profile. `log-flux-magnitude` is the logarithm of the ratio of X-ray to
optical or infrared flux, but for a constant."""
