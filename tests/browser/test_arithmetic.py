"""The page's own arithmetic, in the browser that runs it: projection, axes, frames of the sky."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord


@pytest.fixture
def compute(open_page):
    """Run a piece of JavaScript with the exports of a module as `m`."""
    page = open_page(ready=False)

    def run(module, code, argument=None):
        load = f"const m = await import('/static/{module}.js');"
        return page.evaluate(f"async (given) => {{ {load} {code} }}", argument)

    return run


@pytest.mark.parametrize("centre", [(0, 0), (209, -19.4), (10, 89)])
def test_the_projection_comes_back(compute, centre):
    places = [[a, b] for a in (0, 17, 181, 300) for b in (-88, -30, 0, 45)]
    found = compute(
        "geometry",
        """const map = new m.Hammer(...given.centre, 1000, 5, 7);
        return given.places.map((p) => map.direction(...map.point(...p)));""",
        {"centre": centre, "places": places},
    )
    sky = SkyCoord(found, unit="deg")
    assert sky.separation(SkyCoord(places, unit="deg")).arcsec.max() < 0.1


def test_the_projection_keeps_areas(compute):
    """A square degree covers as many pixels anywhere: here 1,000 pixels go to the radian."""
    areas = compute(
        "geometry",
        """const map = new m.Hammer(0, 0, 1000, 0, 0);
        return given.map(([l, b]) => {
          const w = 0.5 / Math.cos(b * m.DEG);
          const corners = [[l - w, b - 0.5], [l + w, b - 0.5], [l + w, b + 0.5], [l - w, b + 0.5]];
          const q = corners.map((p) => map.point(...p));
          const twice = q.reduce((sum, [x, y], k) => {
            const [u, v] = q[(k + 1) % 4];
            return sum + x * v - u * y;
          }, 0);
          return Math.abs(twice) / 2;
        });""",
        [[0, 0], [100, 30], [170, -70]],
    )
    assert np.allclose(areas, (1000 * np.pi / 180) ** 2, rtol=0.002)


def test_galactic_coordinates_agree_with_astropy(compute):
    places = [[a, d] for a in (0.0, 83.8, 266.4, 359.9) for d in (-89.0, -28.9, 0.0, 60.0)]
    found = compute("geometry", "return given.map((p) => m.toGalactic(...p));", places)
    expected = SkyCoord(places, unit="deg", frame="icrs").galactic
    assert SkyCoord(found, unit="deg", frame="galactic").separation(expected).arcsec.max() < 0.05
    back = compute("geometry", "return given.map((p) => m.toEquatorial(...p));", found)
    assert SkyCoord(back, unit="deg").separation(SkyCoord(places, unit="deg")).arcsec.max() < 1e-6


def test_a_log_axis_gives_each_decade_the_same_length(compute):
    at = compute(
        "axes",
        "const a = new m.Axis(0.01, 100, true, 0, 400); return given.map((v) => a.at(v));",
        [0.01, 0.1, 1, 10, 100],
    )
    assert np.allclose(at, [0, 100, 200, 300, 400])


@pytest.mark.parametrize(
    ("low", "high", "is_log", "ticks"),
    [
        (-1, 1, False, ["\N{MINUS SIGN}1.0", "\N{MINUS SIGN}0.5", "0.0", "0.5", "1.0"]),
        (0.5, 2000, True, ["1", "10", "100", "1000"]),
        (1e-6, 1, True, ["10⁻⁶", "10⁻⁴", "0.01", "1"]),
    ],
)
def test_ticks_are_round_numbers(compute, low, high, is_log, ticks):
    found = compute(
        "axes",
        "return new m.Axis(...given, 0, 400).ticks(4).map(([, text]) => text);",
        [low, high, is_log],
    )
    assert found == ticks
