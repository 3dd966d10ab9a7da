"""Positions, against astropy."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from xsift.classes import DASHES
from xsift.serve.sky import galactic, in_cone, parse_coordinates, unit_vectors

LON, LAT = st.floats(0, 359.999), st.floats(-90, 90)


def test_galactic_coordinates_are_astropys():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 500), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 500)))
    ours = SkyCoord(*galactic(ra, dec), unit="deg", frame="galactic")
    theirs = SkyCoord(ra, dec, unit="deg").galactic
    # The matrix is that of Hipparcos, in J2000; ICRS is 23 mas from it.
    assert ours.separation(theirs).max() < 0.05 * u.arcsec


@pytest.mark.parametrize("radius", [1 / 3600, 0.5, 30, 120, 180])
def test_cones_are_astropys(radius):
    rng = np.random.default_rng(2)
    centre = SkyCoord(40.0, -70.0, unit="deg")
    around = centre.directional_offset_by(
        rng.uniform(0, 360, 400) * u.deg,
        (rng.uniform(0, 2, 400) * radius * u.deg).clip(0, 180 * u.deg),
    )
    distance = centre.separation(around).deg
    sure = np.abs(distance - radius) > 1e-9
    inside = in_cone(unit_vectors(around.ra.deg, around.dec.deg), 40.0, -70.0, radius)
    assert (inside == (distance <= radius))[sure].all()
    assert inside.sum() > 0


def test_a_source_without_a_position_is_in_no_cone():
    xyz = unit_vectors(np.array([10.0, np.nan]), np.array([0.0, 0.0]))
    assert in_cone(xyz, 10, 0, 180).tolist() == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "83.8221 -5.3911",
        " 83.8221,  -5.3911 ",
        "83.8221d -5.3911d",
        "83.8221 \N{MINUS SIGN}5.3911",
        "5 35 17.304 -5 23 27.96",
        "05:35:17.304 -05:23:27.96",
        "5h35m17.304s -5d23m27.96s",
        "05h 35m 17.304s, -05d 23' 27.96\"",
        "209.0138 -19.3823 galactic",
        "l=209.0138 b=-19.3823",
        "g 209.0138, -19.3823",
        "GAL 209.0138 -19.3823",
    ],
)
def test_coordinates_as_people_write_them(text):
    assert_allclose(parse_coordinates(text), (83.8221, -5.3911), atol=2e-3)


@given(LON, LAT)
def test_sexagesimal_is_astropys(ra, dec):
    text = SkyCoord(ra, dec, unit="deg").to_string("hmsdms", precision=4)
    assert_allclose(parse_coordinates(text), (ra, dec), atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *("", "M 42", "J004231.1+411621", "1 2 3", "10", "10 91", "361 0", "nan nan", "inf 0"),
        *("25:00:00 0:0:0", "5:60:0 0:0:0", "1" * 200 + " 3"),
    ],
)
def test_what_is_no_position(text):
    assert parse_coordinates(text) is None


@pytest.mark.parametrize("dash", DASHES)
def test_every_dash_is_a_minus_sign(dash):
    assert parse_coordinates(f"83.82 {dash}5.39") == (83.82, -5.39)
