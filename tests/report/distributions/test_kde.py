"""Kernel densities on a grid against scipy's and against counting."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde, norm

from xsift.report.distributions import bandwidth, curve, curves, level_of, surface, surfaces


def centres(span, n):
    edges = np.linspace(*span, n + 1)
    return (edges[:-1] + edges[1:]) / 2


def test_bandwidth_by_hand():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert bandwidth(values) == pytest.approx(0.9 * (2 / 1.34) * 5 ** (-1 / 5))
    assert bandwidth(values, 2) == pytest.approx(0.9 * (2 / 1.34) * 5 ** (-1 / 6))
    assert bandwidth(np.zeros(9)) == bandwidth(np.array([1.0])) == bandwidth(np.array([])) == 0
    heap = np.array([0.0] * 8 + [1.0] * 2)  # the quartiles coincide: the standard deviation counts
    assert bandwidth(heap) == pytest.approx(0.9 * heap.std(ddof=1) * 10**-0.2)


def test_curve_agrees_with_scipy():
    values = np.random.default_rng(1).normal(1, 0.7, 3000)
    span, n = (-4.0, 6.0), 1000
    ours = curve(values, span, bounded=False, n=n)
    h = bandwidth(values)
    theirs = gaussian_kde(values, h / values.std(ddof=1))(centres(span, n))
    np.testing.assert_allclose(ours, theirs, atol=0.002 * theirs.max())


def test_a_bounded_curve_reflects_and_keeps_its_mass():
    values = np.random.default_rng(2).beta(0.8, 3, 4000)
    n = 2000
    ours = curve(values, (0.0, 1.0), bounded=True, n=n)
    assert ours.sum() / n == pytest.approx(1, abs=1e-9)
    h = min(bandwidth(values), 1 / 20)
    x = centres((0.0, 1.0), n)
    mirrored = np.concatenate([values, -values, 2 - values])
    theirs = np.array([norm.pdf((v - mirrored) / h).sum() / h / len(values) for v in x[::100]])
    np.testing.assert_allclose(ours[::100], theirs, rtol=0.01, atol=0.01)


def test_values_outside_and_nan_are_left_out():
    values = np.array([0.2, 0.4, 0.6, 0.8])
    more = np.append(values, [np.nan, -3, 7])
    np.testing.assert_array_equal(curve(values, (0, 1), True), curve(more, (0, 1), True))
    assert not curve(np.array([np.nan]), (0, 1), True).any()
    assert curve(np.array([0.5]), (0, 1), True).max() > 0  # one value: a spike of a bin's width


def test_surface_agrees_with_a_sum_of_kernels():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 800), rng.normal(1, 0.5, 800)
    spans, n = ((-5.0, 5.0), (-2.0, 4.0)), 200
    ours = surface(x, y, spans, (False, False), n)
    hx, hy = bandwidth(x, 2), bandwidth(y, 2)
    at_x, at_y = centres(spans[0], n)[::20], centres(spans[1], n)[::20]
    kernel_x = norm.pdf((at_x[:, None] - x) / hx) / hx
    kernel_y = norm.pdf((at_y[:, None] - y) / hy) / hy
    theirs = kernel_x @ kernel_y.T / len(x)
    np.testing.assert_allclose(ours[::20, ::20], theirs, atol=0.01 * theirs.max())
    cell = 10 / n * 6 / n
    assert ours.sum() * cell == pytest.approx(1, abs=1e-3)


def test_surface_keeps_x_and_y_apart():
    z = surface(np.full(50, 0.9), np.full(50, 0.1), ((0, 1), (0, 1)), (True, True), 10)
    assert np.unravel_index(z.argmax(), z.shape) == (9, 1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_level_encloses_its_share(share):
    x = centres((-6, 6), 400)
    z = norm.pdf(x)[:, None] * norm.pdf(x)[None, :]
    level = level_of(z, share)
    assert z[z >= level].sum() / z.sum() == pytest.approx(share, abs=0.003)
    # Of a normal density in a plane: a share s lies above (1 - s) times its maximum.
    assert level == pytest.approx((1 - share) * z.max(), rel=0.05)


def test_no_mass_has_no_level():
    assert np.isnan(level_of(np.zeros((3, 3)), 0.5))


def test_curves_of_populations():
    values = np.array([0.1, 0.2, 0.8, 0.9, 0.5, np.nan])
    code = np.array([0, 0, 2, 2, -1, 0])
    table = curves({"f": values}, code, ["a", "empty", "b"], {"f": ((0.0, 1.0), True)})
    assert table["population"].unique().to_pylist() == ["a", "b"]
    rows = table.to_pydict()
    a = [d for d, p in zip(rows["density"], rows["population"], strict=True) if p == "a"]
    np.testing.assert_array_equal(a, curve(values[:2], (0.0, 1.0), True))
    assert set(rows["n"]) == {2}


def test_surfaces_leave_out_small_populations():
    x = np.linspace(0.1, 0.9, 9)
    code = np.array([0] * 5 + [1] * 4)
    table = surfaces(x, x, code, ["five", "four"], ((0, 1), (0, 1)), (True, True))
    assert table["population"].unique().to_pylist() == ["five"]
    whole = surface(x[:5], x[:5], ((0, 1), (0, 1)), (True, True))
    np.testing.assert_allclose(table["density"].to_numpy(), whole.ravel(), rtol=1e-6)
    assert surfaces(x, x, code - 2, ["none"], ((0, 1), (0, 1)), (True, True)).num_rows == 0
