"""Planes of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xsift.plots.legends import legend_beside
from xsift.plots.names import feature_label
from xsift.plots.style import PerPoint, scatter_groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["hardness_plane", "variability_plane"]

_LOWEST_RATIO = 1e-5


def hardness_plane(
    ax: Axes, hard_hs: ArrayLike, hard_hm: ArrayLike, group: PerPoint, groups: Sequence[str]
) -> Axes:
    """Plot the hard-to-medium hardness ratio against the hard-to-soft hardness ratio.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    hard_hs, hard_hm : array_like, (n,)
        Dimensionless, in [-1, 1]. NaN is left out.
    group, groups
        As in `galactic_map`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    scatter_groups(ax, hard_hs, hard_hm, group, groups)
    ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
    ax.set_xlabel(feature_label("hardness, hard to soft", symbol="HR_hs"))
    ax.set_ylabel(feature_label("hardness, hard to medium", symbol="HR_hm"))
    ticks = np.arange(-1, 1.1, 0.5)
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    return legend_beside(ax)


def variability_plane(
    ax: Axes, var_prob_b: ArrayLike, var_ratio_b: ArrayLike, group: PerPoint, groups: Sequence[str]
) -> Axes:
    """Plot the relative scatter of the light curve against the probability that it varies.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    var_prob_b : array_like, (n,)
        Probability that the broad-band count rate varies, in [0, 1]. NaN is left out.
    var_ratio_b : array_like, (n,)
        Standard deviation of that rate divided by its mean, dimensionless, on a logarithmic axis.
        NaN is left out. Ratios below 1e-5, including 0, are drawn at 1e-5.
    group, groups
        As in `galactic_map`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ratio = np.asarray(var_ratio_b, dtype=float)
    # The archive's constant light curves (1e-17) would squeeze all others into a strip.
    drawn = np.maximum(ratio, _LOWEST_RATIO)
    ax.set_yscale("log")
    scatter_groups(ax, var_prob_b, drawn, group, groups)
    highest = max(1.0, float(np.max(drawn, initial=1.0, where=np.isfinite(drawn))))
    ax.set(xlim=(-0.03, 1.03), ylim=(_LOWEST_RATIO / 2, 2 * highest))
    powers = np.arange(-5, int(np.log10(highest)) + 1)
    labels = [f"$10^{{{p}}}$" for p in powers]
    ax.set_yticks(10.0**powers, [r"$\leq$" + labels[0], *labels[1:]])
    ax.set_xlabel(feature_label("prob. of variability, broad", symbol="P_b"))
    ax.set_ylabel(
        feature_label("scatter / mean rate, broad", symbol="\N{GREEK SMALL LETTER SIGMA}_b/μ_b")
    )
    return legend_beside(ax)
