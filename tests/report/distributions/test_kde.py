"""Kernel densities on a grid against scipy's and against counting."""

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy.ndimage import label
from scipy.stats import gaussian_kde, norm

from xsift.report.distributions import bandwidth, curve, curves, level_of, surface, surfaces

NAN = np.nan


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


def of(table, name, column="density"):
    return table.filter(pc.equal(table["population"], name))[column].to_numpy()


def test_curves_of_populations_and_the_values_of_small_ones():
    values = np.concatenate([np.linspace(0.1, 0.6, 30), [0.9, 0.8, NAN], np.linspace(0, 1, 29)])
    code = np.array([0] * 30 + [2, 2, 2] + [3] * 29)
    table = curves({"f": values}, code, ["a", "empty", "b", "c"], {"f": ((0.0, 1.0), True)})
    assert table["population"].unique().to_pylist() == ["a", "b", "c"]
    np.testing.assert_array_equal(of(table, "a"), curve(values[:30], (0.0, 1.0), True))
    for name, n in (("b", 2), ("c", 29)):
        assert np.isnan(of(table, name)).all()
        assert of(table, name, "n").tolist() == [n] * n
    assert of(table, "b", "x").tolist() == [0.8, 0.9]


def test_surfaces_of_populations_and_the_points_of_small_ones():
    x = np.concatenate([np.linspace(0.1, 0.9, 30), np.linspace(0.2, 0.8, 29), [5.0]])
    code = np.array([0] * 30 + [1] * 30)
    spans = ((0, 1), (0, 1))
    table = surfaces(x, x**2, code, ["many", "few"], spans, (True, True))
    whole = surface(x[:30], x[:30] ** 2, spans, (True, True))
    np.testing.assert_allclose(of(table, "many"), whole.ravel(), rtol=1e-6)
    assert np.isnan(of(table, "few")).all()
    assert of(table, "few", "n").tolist() == [29] * 29  # what lies outside is not there
    np.testing.assert_allclose(of(table, "few", "y"), x[30:59] ** 2, rtol=1e-6)
    assert surfaces(x, x, code - 2, ["none"], spans, (True, True)).num_rows == 0


def test_a_sparse_plane_has_a_wider_kernel():
    """Sixty points over a square are no sixty islands."""
    rng = np.random.default_rng(0)
    ends = ((0.0, 1.0), (0.0, 1.0))

    def islands(n):
        z = surface(*rng.uniform(0, 1, (2, n)), ends, (True, True))
        return label(z >= level_of(z, 0.9))[1]

    assert islands(60) <= 3
    assert islands(3000) == 1
