"""The report of a catalogue: what was found, figures, tables, hypotheses, cards of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xsift.report.page import render

__all__ = ["catalogue_page"]

_WIDE = 9  # populations side by side: more would not fit a page in print
_FIRST = 3
_SCALE = 1.45  # of figures, drawn 7.2 inches wide for print: about the page's width
_NOTHING = "\N{EN DASH}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SHARES = {
    "below_5_deg": "share below 5 deg of Galactic latitude",
    "below_10_deg": "share below 10 deg of Galactic latitude",
    "variable": "share with var_prob_b > 0.9",
}


def catalogue_page(record: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record : mapping
        Content of `report.json`: ``title``, ``author``, ``group_counts``, ``how_expected``,
        ``highlights``, ``no_highlights`` and ``cards``, ``caveats`` (kind and sentence),
        ``in_sample`` (a sentence or nothing), ``status`` (pairs), ``notes``, ``figures`` (stem,
        title, caption, size, files), ``not_drawn`` (stem, title, why), ``class_counts`` and
        ``class_medians`` (lists of rows), ``features``, ``hypotheses`` (rows), ``rule`` and
        ``why_not``.
    figures : mapping of str to str
        SVG by stem.

    Returns
    -------
    str
    """
    return render(
        "catalogue.html.jinja",
        title=record["title"],
        record=record,
        drawn={f["stem"]: {**f, "svg": figures[f["stem"]]} for f in record["figures"]},
        missing={f["stem"]: f for f in record["not_drawn"]},
        statements=list({r["key"]: r for r in record["hypotheses"]}.values()),
        cards=[_with_rows(card) for card in record["cards"]],
        anchors={card["name"]: f"source-{k}" for k, card in enumerate(record["cards"], start=1)},
        medians=_medians(record["class_medians"], record["features"]),
        most_first=_FIRST,
        scale=_SCALE,
    )


def _medians(
    rows: Sequence[Mapping[str, Any]], features: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Turn the medians: a row for each feature, a column for each population that has sources.

    Returns
    -------
    list of dict
        Tables: ``level``, ``names``, ``sources`` and ``rows`` (label, unit, cells).
    """
    tables = []
    for level in dict.fromkeys(row["level"] for row in rows):
        mine = [row for row in rows if row["level"] == level and row["sources"]]
        for some in np.array_split(np.arange(len(mine)), -(-len(mine) // _WIDE) or 1):
            part = [mine[k] for k in some]
            found = [
                _row(
                    *_label(key, features.get(key)),
                    [row[key] for row in part],
                    [row[key] for row in mine],
                )
                for key in (mine[0] if part else ())
                if key not in ("level", "name", "sources")
            ]
            of = {key: [row[key] for row in part] for key in ("name", "sources")}
            tables.append(
                {"level": level, "names": of["name"], "sources": of["sources"], "rows": found}
            )
    return [t for t in tables if t["names"]]


def _label(key: str, feature: Mapping[str, str] | None) -> tuple[str, str]:
    """Return what a row is called, and its unit."""
    return (feature["label"], feature["unit"]) if feature else (_SHARES.get(key, key), "")


def _with_rows(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card with the rows of its table of features."""
    rows = [
        _row(f["label"], f["unit"], pair := [f["value"], f["median"]], pair, 4)
        for f in card["features"]
    ]
    return {**card, "rows": rows}


def _row(
    label: str,
    unit: str,
    values: Sequence[float | None],
    every: Sequence[float | None],
    digits: int = 3,
) -> dict[str, Any]:
    """Return a row whose numbers have the same decimals, and one power of ten for all of them.

    `every` are the numbers that the power is chosen for.
    """
    largest = max((abs(v) for v in every if v), default=1.0)
    power = int(np.floor(np.log10(largest))) if not 0.01 <= largest < 1e5 else 0
    if power:
        unit = f"10{str(power).translate(_RAISED)} {unit}".strip()
    cells = [_NOTHING if v is None else f"{v / 10.0**power:,.{digits}f}" for v in values]
    return {"label": label, "unit": unit, "cells": cells}
