"""ADQL for the Chandra archive, and the parts of the sky or of a list that one query asks for.

Its service is said to refuse geometry functions and ``JOIN ... ON``: cones become boxes in right
ascension and declination, which the client then cuts to the cone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from xsift.errors import ServiceError, SettingError
from xsift.surveys.query import Query

__all__ = [
    "RA_HIGH",
    "RA_LOW",
    "Box",
    "Boxes",
    "Cone",
    "OneOf",
    "Part",
    "adql",
    "boxes_around",
    "parse_cone",
    "sky",
]

# Right ascensions are told from marks such as -999 by these; what they hold is taken modulo 360.
RA_LOW, RA_HIGH = -360, 720

# Slack of the boxes, deg: the numbers in a query are rounded to nine decimals.
_PAD = 1e-7
# A box is not split below this, deg: no archive has so many detections in a tenth of an arcsec.
_SMALLEST = 3e-5


class Part(Protocol):
    """A part of what is asked for, small enough for one query."""

    def condition(self, columns: dict[str, str]) -> str:
        """Write it in ADQL."""

    def split(self) -> Sequence[Part]:
        """Divide it; raise ServiceError where it cannot be divided."""


@dataclass(frozen=True)
class Box:
    """A box in right ascension and declination, deg.

    The lower edges are inside, the upper ones only at 360 and 90: boxes side by side share no
    source. `ra_low` <= `ra_high`: what crosses right ascension 0 is two boxes.
    """

    ra_low: float
    ra_high: float
    dec_low: float
    dec_high: float

    def condition(self, columns: dict[str, str]) -> str:
        """Write it in ADQL; an edge that excludes nothing is left out."""
        sides = (("ra", self.ra_low, self.ra_high, 0, 360), ("dec", *self._dec(), -90, 90))
        said = []
        for name, low, high, least, most in sides:
            if low > least:
                said.append(f"{columns[name]} >= {low:.9f}")
            if high < most:
                said.append(f"{columns[name]} < {high:.9f}")
        return " AND ".join(said) or f"{columns['dec']} >= -90"

    def _dec(self) -> tuple[float, float]:
        return self.dec_low, self.dec_high

    def split(self) -> tuple[Box, Box]:
        """Divide it along its longer side, as it is on the sky."""
        width = (self.ra_high - self.ra_low) * math.cos(
            math.radians(min(abs(self.dec_low), abs(self.dec_high)))
        )
        height = self.dec_high - self.dec_low
        if max(width, height) < _SMALLEST:
            raise ServiceError(
                f"the service cuts off even the detections at RA {self.ra_low:.5f}, "
                f"Dec {self.dec_low:.5f}: its row limit is too low (--fresh asks again)"
            )
        # Rounded as it is written, so that the halves meet.
        if width > height:
            middle = round((self.ra_low + self.ra_high) / 2, 9)
            first = Box(self.ra_low, middle, self.dec_low, self.dec_high)
            return first, Box(middle, self.ra_high, self.dec_low, self.dec_high)
        middle = round((self.dec_low + self.dec_high) / 2, 9)
        first = Box(self.ra_low, self.ra_high, self.dec_low, middle)
        return first, Box(self.ra_low, self.ra_high, middle, self.dec_high)


@dataclass(frozen=True)
class Boxes:
    """Small boxes around positions of a list."""

    boxes: tuple[Box, ...]

    def condition(self, columns: dict[str, str]) -> str:
        """Write it in ADQL."""
        return "(" + " OR ".join(f"({b.condition(columns)})" for b in self.boxes) + ")"

    def split(self) -> Sequence[Part]:
        """Divide the list, or its only box."""
        half = len(self.boxes) // 2
        if not half:
            return self.boxes[0].split()
        return Boxes(self.boxes[:half]), Boxes(self.boxes[half:])


@dataclass(frozen=True)
class OneOf:
    """Some values of a column: names or observations."""

    column: str
    values: tuple[str | int, ...]

    def condition(self, columns: dict[str, str]) -> str:
        """Write it in ADQL."""
        return f"{columns[self.column]} IN ({', '.join(map(_literal, self.values))})"

    def split(self) -> tuple[OneOf, OneOf]:
        """Divide the list."""
        half = len(self.values) // 2
        if not half:
            raise ServiceError(
                f"the service cuts off even the detections of {self.column} {self.values[0]}: its "
                "row limit is too low (--fresh asks again)"
            )
        return OneOf(self.column, self.values[:half]), OneOf(self.column, self.values[half:])


@dataclass(frozen=True)
class Cone:
    """All within `radius` of a position, deg, ICRS."""

    ra: float
    dec: float
    radius: float

    def holds(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Tell which positions (deg) are inside; NaN is not."""
        from astropy.coordinates import angular_separation

        here = np.radians([self.ra, self.dec])
        return np.asarray(
            angular_separation(*here, np.radians(ra), np.radians(dec)) <= math.radians(self.radius)
        )

    def boxes(self) -> tuple[Box, ...]:
        """Return the one or two boxes around it: right across RA 0, and at the poles."""
        low, high = self.dec - self.radius - _PAD, self.dec + self.radius + _PAD
        if low <= -90 or high >= 90:  # a pole is inside: every right ascension is
            return (Box(0, 360, max(low, -90), min(high, 90)),)
        # The meridians touch the cone where sin(half width) = sin(radius) / cos(dec).
        sine = math.sin(math.radians(self.radius)) / math.cos(math.radians(self.dec))
        if sine >= 1:
            return (Box(0, 360, low, high),)
        half = math.degrees(math.asin(sine)) + _PAD / math.cos(math.radians(self.dec))
        left, right = self.ra - half, self.ra + half
        if left < 0:
            return Box(0, right, low, high), Box(left + 360, 360, low, high)
        if right > 360:
            return Box(0, right - 360, low, high), Box(left, 360, low, high)
        return (Box(left, right, low, high),)


def parse_cone(text: str) -> Cone:
    """Read ``"RA DEC RADIUS"``, deg; the right ascension is taken modulo 360.

    Raises
    ------
    SettingError
        If it is not three numbers, or one is out of range.
    """
    try:
        ra, dec, radius = (float(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise SettingError(f'--cone "{text}": give "RA DEC RADIUS" in degrees') from None
    if not (RA_LOW <= ra <= RA_HIGH and -90 <= dec <= 90 and 0 < radius <= 90):
        raise SettingError(
            f'--cone "{text}": allowed are RA {RA_LOW} to {RA_HIGH} (modulo 360), Dec -90 to 90, '
            "a radius above 0, to 90 deg"
        )
    return Cone(ra if 0 <= ra <= 360 else ra % 360, dec, radius)


def boxes_around(ra: np.ndarray, dec: np.ndarray, radius: float, each: int) -> list[Boxes]:
    """Return boxes around positions (deg), `each` positions to a query, neighbours together."""
    order = np.lexsort((ra, dec))
    cones = [Cone(float(ra[i]), float(dec[i]), radius) for i in order]
    groups = [cones[i : i + each] for i in range(0, len(cones), each)]
    return [Boxes(tuple(b for cone in group for b in cone.boxes())) for group in groups]


def sky(n_bands: int = 8, n_boxes: int = 6) -> list[Box]:
    """Return boxes that cover the sky: bands of equal area in declination, cut alike."""
    edges = [round(math.degrees(math.asin(2 * i / n_bands - 1)), 9) for i in range(n_bands + 1)]
    step = 360 / n_boxes
    return [
        Box(j * step, (j + 1) * step, low, high)
        for low, high in pairwise(edges)
        for j in range(n_boxes)
    ]


def adql(query: Query, part: Part | None, cuts: bool = True) -> str:
    """Write the query of a part of the archive; of all of it where `part` is None."""
    selected = query.selected
    tables = [f"{query.schema_name}.{table} {alias}" for alias, table in query.tables.items()]
    conditions = [*query.joins, *(query.cuts if cuts else ())]
    if part is not None:
        conditions.append(part.condition(selected))
    lines = _wrapped(list(selected.values()))
    return f"SELECT DISTINCT {lines}\nFROM {', '.join(tables)}\nWHERE " + "\n  AND ".join(
        conditions
    )


def _wrapped(names: list[str], each: int = 8) -> str:
    rows = [", ".join(names[i : i + each]) for i in range(0, len(names), each)]
    return ",\n  ".join(rows)


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if not value.isprintable():
        raise SettingError(f"a name with characters that cannot be printed: {value!r}")
    return "'" + value.replace("'", "''") + "'"
