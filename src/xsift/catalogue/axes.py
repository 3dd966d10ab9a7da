"""What figures, cards, tables and the page call a feature, and which planes they draw.

A feature has a symbol (``HR_hs``), words ("hardness, hard to soft") and a unit, all three from the
survey's profile. An underscore begins an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from xsift.surveys import Survey

__all__ = [
    "apart",
    "is_logarithmic",
    "label_of",
    "lowest_of",
    "planes_of",
    "symbol_of",
    "unit_of",
]

Plane = tuple[str, str]
_MOST_PAIRS = 4
_LOWEST = 1e-5


def planes_of(survey: Survey, features: Sequence[str]) -> tuple[Plane, ...]:
    """Return the pairs of features to draw against each other.

    Those of the profile of which both are among `features`. Where there are none: each of the
    first five features against the next.
    """
    named = tuple((x, y) for x, y in survey.planes if {x, y} <= set(features))
    return named or tuple(pairwise(features))[:_MOST_PAIRS]


def apart(planes: Sequence[Plane], most: int = 2) -> tuple[Plane, ...]:
    """Choose planes, the first ones, but such that share no feature as far as there are any."""
    chosen: list[Plane] = []
    shown: set[str] = set()
    for plane in planes:
        if not shown & set(plane):
            chosen.append(plane)
            shown.update(plane)
    chosen += [plane for plane in planes if plane not in chosen]
    return tuple(chosen[:most])


def symbol_of(survey: Survey, name: str) -> str:
    """Return the symbol of a feature, such as ``HR_hs``; its name where it has none."""
    feature = survey.feature(name)
    return (feature.symbol if feature else "") or name


def label_of(survey: Survey, name: str) -> str:
    """Return the words of a feature and its symbol: "photon index: Γ"; or its name."""
    feature = survey.feature(name)
    if feature is None:
        return name
    return ": ".join(part for part in (feature.label, feature.symbol) if part) or name


def unit_of(survey: Survey, name: str) -> str:
    """Return the unit of a column, as VOUnits write it; empty where there is none.

    The logarithm of a column has the unit of that column.
    """
    units = {c.name: c.unit for c in survey.columns}
    feature = survey.feature(name)
    if not units.get(name) and feature is not None and feature.formula == "log10":
        return units.get(feature.inputs[0], "")
    return units.get(name, "")


def is_logarithmic(survey: Survey, name: str) -> bool:
    """Tell whether a feature's axis is logarithmic: where the method takes its logarithm."""
    feature = survey.feature(name)
    return feature is not None and feature.scaling == "log-range"


def lowest_of(values: np.ndarray, lowest: float = _LOWEST) -> float:
    """Return the value at which a logarithmic axis begins: smaller ones, 0 included, stand there.

    Ratios have outliers of 1e-17, from light curves that are constant: they stand at `lowest`.
    Values that all lie below it, such as fluxes, begin with the smallest positive one.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive) or np.quantile(positive, 0.995) > lowest:
        return lowest
    return float(positive.min())
