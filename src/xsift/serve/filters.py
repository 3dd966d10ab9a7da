"""Which sources are wanted: the parameters of a question, and the mask that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow.compute as pc
from fastapi import Query

from xsift.errors import SettingError, nearest
from xsift.serve.catalogue import Served, plain
from xsift.serve.conditions import is_one_of, is_there
from xsift.serve.lasso import in_lasso
from xsift.serve.sky import in_cone

__all__ = ["MOST_INDICES", "Filters", "indices_of"]

MOST_INDICES = 5000


def _share(what: str) -> Any:
    return Query(ge=0, le=1, allow_inf_nan=False, description=what)


def _count(what: str) -> Any:
    return Query(ge=0, le=2**31, description=what)


def _latitude(what: str) -> Any:
    return Query(ge=0, le=90, allow_inf_nan=False, description=what)


@dataclass(frozen=True)
class Filters:
    """Filters on the sources. A source must pass all of them. None means no filter.

    A source without a value for a filter does not pass it.
    """

    class_: Annotated[
        str | None, Query(alias="class", max_length=20_000, description="Class codes, by commas")
    ] = None
    group: Annotated[str | None, Query(max_length=20_000, description="Groups, by commas")] = None
    status: Annotated[
        str | None, Query(max_length=100, description="unique or ambiguous, or both by commas")
    ] = None
    min_p: Annotated[float | None, _share("Least probability of its class")] = None
    min_typicality: Annotated[float | None, _share("Least typicality")] = None
    max_typicality: Annotated[float | None, _share("Highest typicality")] = None
    min_detections: Annotated[int | None, _count("Fewest detections that voted")] = None
    max_detections: Annotated[int | None, _count("Most detections that voted")] = None
    min_abs_b: Annotated[float | None, _latitude("From the Galactic plane at least, deg")] = None
    max_abs_b: Annotated[float | None, _latitude("From the Galactic plane at most, deg")] = None
    cone: Annotated[
        str | None, Query(max_length=200, description="RA,DEC,RADIUS in degrees, ICRS")
    ] = None
    text: Annotated[
        str | None, Query(max_length=200, description="A part of the name, without regard to case")
    ] = None
    range_: Annotated[
        list[str] | None,
        Query(alias="range", max_length=100, description="column:low:high, either may be empty"),
    ] = None
    missing: Annotated[
        list[str] | None,
        Query(max_length=100, description="Columns that must lack a value; any kind of column"),
    ] = None
    present: Annotated[
        list[str] | None,
        Query(max_length=100, description="Columns that must have a value; any kind of column"),
    ] = None
    is_: Annotated[
        list[str] | None,
        Query(
            alias="is",
            max_length=400,
            description="column:word, a column of words; of one column any word may hold",
        ),
    ] = None
    lasso: Annotated[
        str | None,
        Query(max_length=10_000, description="XCOL:YCOL:XLOG:YLOG:x1:y1:x2:y2:..., a polygon"),
    ] = None
    index: Annotated[
        str | None, Query(max_length=60_000, description="Indices of sources, by commas")
    ] = None

    @property
    def are_none(self) -> bool:
        """Whether no filter is set."""
        return all(value in (None, []) for value in vars(self).values())

    def mask(self, served: Served) -> np.ndarray:
        """Tell which sources pass all filters, shape (n,).

        Raises
        ------
        SettingError
            If a filter is not valid, or names something that the catalogue does not have.
        """
        passes = np.ones(served.n, dtype=bool)
        for name, asked in (("class", self.class_), ("group", self.group), ("status", self.status)):
            if asked is not None:
                passes &= _among(served, name, asked)
        for column, low, high in self._bounds(served):
            passes &= _between(served.numbers[column], low, high)
        if self.min_abs_b is not None or self.max_abs_b is not None:
            b = np.abs(served.numbers[_column(served, "glat", "min_abs_b, max_abs_b")])
            passes &= _between(b, self.min_abs_b, self.max_abs_b)
        if self.cone is not None:
            passes &= _cone(served, self.cone)
        if self.text is not None and (part := plain(self.text).as_py()):
            passes &= np.asarray(pc.match_substring(served.plain_names, part))
        for name in self.missing or []:
            passes &= ~is_there(served, name, "missing")
        for name in self.present or []:
            passes &= is_there(served, name, "present")
        if self.is_:
            passes &= is_one_of(served, self.is_)
        if self.lasso is not None:
            passes &= in_lasso(served, self.lasso)
        if self.index is not None:
            chosen = np.zeros(served.n, dtype=bool)
            chosen[indices_of(self.index, served.n, "index")] = True
            passes &= chosen
        return passes

    def _bounds(self, served: Served) -> list[tuple[str, float | None, float | None]]:
        bounds: list[tuple[str, float | None, float | None]] = []
        for column, low, high, said in (
            ("p_class", self.min_p, None, "min_p"),
            ("typicality", self.min_typicality, self.max_typicality, "typicality"),
            ("n_detections", self.min_detections, self.max_detections, "detections"),
        ):
            if low is not None or high is not None:
                bounds.append((_column(served, column, said), low, high))
        return bounds + [_range(served, asked) for asked in self.range_ or []]


def indices_of(text: str, n: int, name: str) -> list[int]:
    """Read a list of indices of sources.

    Raises
    ------
    SettingError
        If an entry is not a valid index, or if there are too many.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MOST_INDICES:
        raise SettingError(f"{name}: {len(parts):,} indices: at most {MOST_INDICES:,} are allowed")
    for part in parts:
        # isdecimal alone would take digits of other scripts, and numbers without end.
        if not (part.isascii() and part.isdecimal() and len(part) < 12 and int(part) < n):
            raise SettingError(f"{name} {part[:40]!r}: allowed is 0 to {n - 1}")
    return [int(part) for part in parts]


def _among(served: Served, name: str, asked: str) -> np.ndarray:
    words = served.words[name]
    wanted = {w.strip() for w in asked.split(",")} - {""}
    if unknown := sorted(wanted - set(words)):
        raise SettingError(f"{name} {unknown[0][:40]!r}: allowed are {', '.join(words)}")
    is_wanted = np.zeros(256, dtype=bool)
    is_wanted[[words.index(w) for w in wanted]] = True
    return np.asarray(is_wanted[served.codes[name]])


def _between(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    passes = ~np.isnan(values)
    if low is not None:
        passes &= values >= low
    if high is not None:
        passes &= values <= high
    return np.asarray(passes)


def _column(served: Served, column: str, said: str) -> str:
    if column not in served.numbers:
        near = nearest(column, served.numbers)
        hint = f": did you mean {near}?" if near else f": allowed are {', '.join(served.numbers)}"
        raise SettingError(f"{said}: the catalogue has no numbers {column[:40]!r}{hint}")
    return column


def _range(served: Served, asked: str) -> tuple[str, float | None, float | None]:
    column, *ends = asked.split(":")
    if len(ends) != 2:
        raise SettingError(f"range {asked[:60]!r}: give column:low:high, either may be empty")
    _column(served, column, "range")
    low, high = (_number(end, f"range {asked[:60]!r}") for end in ends)
    if low is not None and high is not None and low > high:
        raise SettingError(f"range {asked[:60]!r}: the low end is above the high end")
    return column, low, high


def _number(text: str, what: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise SettingError(f"{what}: {text[:40]!r} is not a number")
    return value


def _cone(served: Served, asked: str) -> np.ndarray:
    parts = asked.replace(",", " ").split()
    what = f"cone {asked[:60]!r}"
    if len(parts) != 3:
        raise SettingError(f"{what}: give RA,DEC,RADIUS in degrees")
    numbers = [_number(part, what) for part in parts]
    ra, dec, radius = (0.0 if x is None else x for x in numbers)
    if not (-360 <= ra <= 360 and -90 <= dec <= 90 and 0 < radius <= 180):
        raise SettingError(f"{what}: allowed are RA to 360, DEC -90 to 90, RADIUS above 0, to 180")
    if served.xyz is None:
        raise SettingError(f"{what}: the catalogue has no positions")
    return in_cone(served.xyz, ra, dec, radius)
