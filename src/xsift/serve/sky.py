"""Directions on the sky: unit vectors, Galactic coordinates, cones, and coordinates as written."""

from __future__ import annotations

import re

import numpy as np

from xsift.classes import DASHES

__all__ = ["galactic", "in_cone", "parse_coordinates", "unit_vectors"]

_TO_HYPHEN = str.maketrans(dict.fromkeys(DASHES, "-"))
# From ICRS to Galactic coordinates (Hipparcos catalogue, ESA SP-1200, vol. 1, eq. 1.5.11).
_TO_GALACTIC = np.array(
    [
        [-0.0548755604162154, -0.8734370902348850, -0.4838350155487132],
        [+0.4941094278755837, -0.4448296299600112, +0.7469822444972189],
        [-0.8676661490190047, -0.1980763734312015, +0.4559837761750669],
    ]
)
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_DECIMAL = re.compile(rf"({_NUMBER})\s*(?:d|deg|°)?[\s,;]+({_NUMBER})\s*(?:d|deg|°)?")
_HOURS = re.compile(
    r"(\d{1,2})\s*[h:\s]\s*(\d{1,2})\s*[m:\s'\u2032]\s*(\d{1,2}(?:\.\d*)?)\s*[s\"\u2033]?[\s,;]*"
    r"([+-]?)\s*(\d{1,2})\s*[d°:\s]\s*(\d{1,2})\s*[m:\s'\u2032]\s*(\d{1,2}(?:\.\d*)?)\s*[s\"\u2033]?"
)
_FRAME = re.compile(
    r"^(?:galactic|gal|g)\b|\b(?:galactic|gal)$|^l\s*=?\s*(?=[\d.+-])", re.IGNORECASE
)


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the unit vectors, shape (3, n), of positions in degrees. NaN stays NaN."""
    ra, dec = np.deg2rad(ra), np.deg2rad(dec)
    cos_dec = np.cos(dec)
    return np.stack([cos_dec * np.cos(ra), cos_dec * np.sin(ra), np.sin(dec)])


def galactic(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Galactic longitude and latitude, deg, of ICRS positions in degrees."""
    x, y, z = _TO_GALACTIC @ unit_vectors(ra, dec)
    return np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def in_cone(xyz: np.ndarray, ra: float, dec: float, radius: float) -> np.ndarray:
    """Tell which directions, shape (3, n), lie within `radius` of a position, all in degrees."""
    centre = unit_vectors(np.array([ra]), np.array([dec]))
    # The chord, not the cosine: a cosine cannot tell arcseconds apart.
    chord = 2 * np.sin(np.deg2rad(min(radius, 180.0)) / 2)
    return np.asarray(((xyz - centre) ** 2).sum(axis=0) <= chord**2)


def parse_coordinates(text: str) -> tuple[float, float] | None:
    """Read a position from text. Return None if the text is not a position.

    The text may hold decimal degrees or sexagesimal hours and degrees, ICRS. With ``galactic``,
    ``g`` or ``l= b=`` it holds Galactic degrees.

    Returns
    -------
    ra, dec : float
        ICRS, deg.

    Examples
    --------
    >>> parse_coordinates("83.82 -5.39"), parse_coordinates("M 42")
    ((83.82, -5.39), None)
    """
    text = " ".join(text.translate(_TO_HYPHEN).split())
    is_galactic = _FRAME.search(text) is not None
    if is_galactic:
        text = re.sub(r"\bb\s*=?\s*(?=[\d.+-])", " ", _FRAME.sub("", text)).strip(" =,")
    found = _DECIMAL.fullmatch(text)
    if found:
        lon, lat = float(found[1]), float(found[2])
    elif (found := _HOURS.fullmatch(text)) and not is_galactic:
        h, m, s, d, arcmin, arcsec = (float(found[i]) for i in (1, 2, 3, 5, 6, 7))
        if h >= 24 or max(m, s, arcmin, arcsec) >= 60:
            return None
        lon = 15 * (h + m / 60 + s / 3600)
        lat = (d + arcmin / 60 + arcsec / 3600) * (-1 if found[4] == "-" else 1)
    else:
        return None
    if not (-360 <= lon <= 360 and -90 <= lat <= 90):
        return None
    return _to_icrs(lon % 360, lat) if is_galactic else (lon % 360, lat)


def _to_icrs(lon: float, lat: float) -> tuple[float, float]:
    x, y, z = (_TO_GALACTIC.T @ unit_vectors(np.array([lon]), np.array([lat])))[:, 0]
    ra, dec = np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))
    return float(ra), float(dec)
