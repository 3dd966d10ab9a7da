"""Kernel densities on a grid: values are binned first, so that a million cost as much as a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from scipy.ndimage import gaussian_filter1d

__all__ = ["FEWEST", "bandwidth", "curve", "curves", "level_of", "surface", "surfaces"]

N_CURVE, N_SURFACE = 200, 60
"""Points of a curve, and of each axis of a surface."""
FEWEST = 30
"""Values below which a population has no density: its values stand for themselves."""
_SPARSE = 1000
"""Points in a plane below which the kernel of a bounded quantity may be wider."""

Span = tuple[float, float]


def bandwidth(values: np.ndarray, dimensions: int = 1) -> float:
    """Return Silverman's robust bandwidth: 0.9 min(sd, IQR / 1.34) n^(-1 / (4 + d)).

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite values.
    dimensions : int
        Number of dimensions of the density.

    Returns
    -------
    float
        The bandwidth is 0 for fewer than two values, or if all are equal. If the quartiles coincide
        (many equal values), only the standard deviation is used.

    References
    ----------
    Silverman 1986, Density Estimation, section 3.4.
    """
    if len(values) < 2:
        return 0.0
    sd = float(np.std(values, ddof=1))
    low, high = np.quantile(values, [0.25, 0.75])
    width = min(sd, (high - low) / 1.34) if high > low else sd
    return float(0.9 * width * len(values) ** (-1 / (4 + dimensions)))


def curve(values: np.ndarray, span: Span, bounded: bool, n: int = N_CURVE) -> np.ndarray:
    """Estimate the density of `values` at the centres of `n` equal bins over `span`.

    Parameters
    ----------
    values : ndarray of shape (m,)
        Values that are NaN or outside the span are left out.
    span : pair of float
    bounded : bool
        Whether the quantity is bounded by the span. If so, the part of a kernel beyond the span is
        reflected, and the density integrates to 1. Such quantities pile up at their bounds, so
        their spread does not show the detail. Therefore the bandwidth is at most a 20th of the
        span.
    n : int

    Returns
    -------
    ndarray of shape (n,)
        Density per unit of the values. All zeros if there is no value.
    """
    inside = _inside(values, span)
    counts, edges = np.histogram(inside, bins=n, range=span)
    step = edges[1] - edges[0]
    density = counts / max(len(inside), 1) / step
    return _smooth(density, bandwidth(inside) / step, 0, bounded)


def surface(
    x: np.ndarray,
    y: np.ndarray,
    spans: tuple[Span, Span],
    bounded: tuple[bool, bool],
    n: int = N_SURFACE,
) -> np.ndarray:
    """Estimate the density of points at the centres of `n` by `n` equal cells.

    Parameters
    ----------
    x, y : ndarray of shape (m,)
        Points with a NaN, or outside the spans, are left out.
    spans : pair of pairs of float
    bounded : pair of bool
        As in `curve`, for each axis. On a bounded axis the bandwidth is also at least a 40th of the
        span. Its upper bound grows below 1,000 points. Otherwise a few points would appear as dots
        around a peak.
    n : int

    Returns
    -------
    ndarray of shape (n, n)
        ``[i, j]`` is the density at the i-th x and j-th y, per unit of both.
    """
    keep = (x >= spans[0][0]) & (x <= spans[0][1]) & (y >= spans[1][0]) & (y <= spans[1][1])
    x, y = x[keep], y[keep]
    counts, *edges = np.histogram2d(x, y, bins=n, range=spans)
    density = counts
    area = 1.0
    for axis, (values, edge) in enumerate(zip((x, y), edges, strict=True)):
        step = edge[1] - edge[0]
        area *= step
        sigma = max(bandwidth(values, 2) / step, n / 40 if bounded[axis] else 1.0)
        widest = 0.05 * max(_SPARSE / max(len(x), 1), 1.0) ** (1 / 6)
        density = _smooth(density, sigma, axis, bounded[axis], widest)
    return np.asarray(density / max(len(x), 1) / area)


def level_of(density: np.ndarray, share: float) -> float:
    """Return the density level whose region above it holds a `share` of the mass.

    This region is the smallest one that holds the share.

    Parameters
    ----------
    density : ndarray
        Density on cells of equal area.
    share : float
        0 to 1.

    Returns
    -------
    float
        NaN if there is no mass.
    """
    ordered = np.sort(density, axis=None)[::-1]
    total = ordered.sum()
    if not total > 0:
        return float("nan")
    at = int(np.searchsorted(np.cumsum(ordered), share * total))
    return float(ordered[min(at, len(ordered) - 1)])


def curves(
    features: Mapping[str, np.ndarray],
    code: np.ndarray,
    names: Sequence[str],
    spans: Mapping[str, tuple[Span, bool]],
) -> pa.Table:
    """Estimate the density of each feature in each population.

    Parameters
    ----------
    features : mapping of str to ndarray of shape (n,)
    code : ndarray of int, shape (n,)
        Population of each row. -1 means none.
    names : sequence of str
        Names of the populations.
    spans : mapping of str to (span, bounded)
        Span of each feature, and whether it is bounded.

    Returns
    -------
    pyarrow.Table
        ``feature``, ``population``, ``n`` (values inside the span), ``x`` and ``density``. A
        population with fewer than `FEWEST` values has one row per value, and its density is NaN. A
        population without a value in a feature has no rows for it.
    """
    parts = []
    for feature, values in features.items():
        span, bounded = spans[feature]
        for k, name in enumerate(names):
            inside = _inside(values[code == k], span)
            few = len(inside) < FEWEST
            x = np.sort(inside) if few else _centres(span, N_CURVE)
            density = np.full(len(x), np.nan) if few else curve(inside, span, bounded)
            said = {"feature": [feature] * len(x), "population": [name] * len(x)}
            n = np.full(len(x), len(inside))
            parts.append(pa.table({**said, "n": n, "x": x, "density": density}))
    return _joined(parts, ("feature", "population", "n", "x", "density"))


def surfaces(
    x: np.ndarray,
    y: np.ndarray,
    code: np.ndarray,
    names: Sequence[str],
    spans: tuple[Span, Span],
    bounded: tuple[bool, bool],
) -> pa.Table:
    """Estimate the density of each population in a plane.

    Returns
    -------
    pyarrow.Table
        ``population``, ``n`` (points inside the spans), ``x``, ``y`` and ``density``: `N_SURFACE`
        squared rows per population, with y varying fastest. A population with fewer than `FEWEST`
        points has one row per point, and its density is NaN.
    """
    parts = []
    grid_x, grid_y = np.meshgrid(*(_centres(s, N_SURFACE) for s in spans), indexing="ij")
    for k, name in enumerate(names):
        (low_x, high_x), (low_y, high_y) = spans
        inside = (x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y) & (code == k)
        n, at_x, at_y = int(inside.sum()), x[inside], y[inside]
        density = np.full(n, np.nan)
        if n >= FEWEST:
            density = surface(at_x, at_y, spans, bounded).ravel()
            at_x, at_y = grid_x.ravel(), grid_y.ravel()
        columns = {"x": at_x, "y": at_y, "density": density}
        singles = {c: v.astype(np.float32) for c, v in columns.items()}
        size = len(density)
        parts.append(pa.table({"population": [name] * size, "n": np.full(size, n), **singles}))
    return _joined(parts, ("population", "n", "x", "y", "density"))


def _joined(parts: list[pa.Table], names: tuple[str, ...]) -> pa.Table:
    if parts := [part for part in parts if part.num_rows]:
        return pa.concat_tables(parts)
    kinds = {"feature": pa.string(), "population": pa.string(), "n": pa.int64()}
    return pa.table({n: pa.array([], kinds.get(n, pa.float64())) for n in names})


def _inside(values: np.ndarray, span: Span) -> np.ndarray:
    return values[(values >= span[0]) & (values <= span[1])]  # NaN fails both


def _centres(span: Span, n: int) -> np.ndarray:
    edges = np.linspace(*span, n + 1)
    return np.asarray((edges[:-1] + edges[1:]) / 2)


def _smooth(
    density: np.ndarray, sigma: float, axis: int, bounded: bool, widest: float = 0.05
) -> np.ndarray:
    mode = "reflect" if bounded else "constant"
    if bounded:
        sigma = min(sigma, density.shape[axis] * widest)
    # Below a bin's width the grid could not show the kernel.
    return np.asarray(gaussian_filter1d(density, max(sigma, 1.0), axis, mode=mode, truncate=5.0))
