"""A polygon drawn in the plane of two columns."""

from __future__ import annotations

import math

import numpy as np

from xsift.errors import SettingError
from xsift.serve.catalogue import Served

__all__ = ["in_lasso"]

_MOST_CORNERS = 200


def in_lasso(served: Served, asked: str) -> np.ndarray:
    """Tell which sources lie in a polygon, shape (n,), by the even-odd rule.

    Parameters
    ----------
    served : Served
    asked : str
        ``XCOL:YCOL:XLOG:YLOG:x1:y1:x2:y2:...``. XLOG and YLOG are 0 or 1. With 1, the sides are
        straight in the common logarithm of that column. Missing values lie outside. On a
        logarithmic axis, values that are not positive lie outside, too.

    Raises
    ------
    SettingError
        If it does not name numeric columns, or is not a polygon.
    """
    what = f"lasso {asked[:60]!r}"
    names, flags, numbers = _parts(asked, what)
    for name in names:
        if name not in served.numbers:
            raise SettingError(f"{what}: the catalogue has no numbers {name[:40]!r}")
    corners = np.array(numbers).reshape(-1, 2)
    for axis, is_log in enumerate(flags):
        if is_log and (corners[:, axis] <= 0).any():
            raise SettingError(f"{what}: a corner is not positive on a logarithmic axis")
    x, y = (_plane(served.numbers[n], is_log) for n, is_log in zip(names, flags, strict=True))
    px, py = (_plane(corners[:, axis], is_log) for axis, is_log in enumerate(flags))
    return _inside(px, py, x, y)


def _parts(asked: str, what: str) -> tuple[list[str], list[bool], list[float]]:
    parts = asked.split(":")
    if len(parts) < 10 or len(parts) % 2 or len(parts) > 4 + 2 * _MOST_CORNERS:
        raise SettingError(f"{what}: give XCOL:YCOL:XLOG:YLOG and 3 to {_MOST_CORNERS} corners x:y")
    if not set(parts[2:4]) <= {"0", "1"}:
        raise SettingError(f"{what}: XLOG and YLOG are 0 or 1")
    try:
        numbers = [float(part) for part in parts[4:]]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise SettingError(f"{what}: a corner is not a number")
    return parts[:2], [part == "1" for part in parts[2:4]], numbers


def _plane(values: np.ndarray, is_log: bool) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if not is_log:
        return np.where(np.isfinite(values), values, np.nan)
    return np.asarray(np.log10(values, out=np.full(len(values), np.nan), where=values > 0))


def _inside(px: np.ndarray, py: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    there = np.isfinite(x) & np.isfinite(y)
    inside = np.zeros(len(x), dtype=bool)
    for k in range(len(px)):
        (x0, x1), (y0, y1) = (px[k - 1], px[k]), (py[k - 1], py[k])
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        inside ^= crosses & (x < (x1 - x0) * ((y - y0) / (y1 - y0)) + x0)
    return np.asarray(inside & there)
