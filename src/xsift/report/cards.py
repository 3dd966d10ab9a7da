"""The cards of the sources that a report mentions, as plain data for its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.anomalies import least_typical
from xsift.catalogue.axes import label_of, unit_of
from xsift.catalogue.card import find_name
from xsift.catalogue.view import CatalogueView
from xsift.model import Model, model_of
from xsift.plots.names import unit_text

__all__ = ["cards_of", "feature_text", "named_sources"]

_CLASSES = 5
_DETECTIONS = 6


def named_sources(view: CatalogueView, names: Sequence[str]) -> list[Any]:
    """Return the names of sources as the catalogue spells them.

    Raises
    ------
    TableError
        If the catalogue has no such source.
    """
    stem = "detections" if view.found.has_detections else "sources"
    known = view.found.read(stem, ["name"])["name"] if names else None
    return [find_name(name, known, view.folder) for name in names]


def cards_of(view: CatalogueView, names: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a card for each source: verdict, probabilities, features, detections.

    Parameters
    ----------
    view : CatalogueView
    names : sequence
        Names as the catalogue spells them.
    """
    if not names:
        return []
    found = view.found
    sources = {row["name"]: row for row in found.rows_of("sources", *names).to_pylist()}
    detections, model = None, None
    if found.has_detections and found.tree is not None:
        detections, model = found.rows_of("detections", *names), model_of(found.tree)
    return [_card(view, name, sources.get(name), detections, model) for name in names]


def _card(
    view: CatalogueView,
    name: Any,
    source: dict[str, Any] | None,
    detections: pa.Table | None,
    model: Model | None,
) -> dict[str, Any]:
    mine = None if detections is None else detections.filter(pc.equal(detections["name"], name))
    rows = [] if mine is None else mine.to_pylist()
    shown = source or (rows[0] if rows else {})
    columns = {c.column: (c.code, c.title) for c in view.classes.classes}
    columns |= {"p_none": ("none", "none of the classes")}
    p = [(c, float(shown[c])) for c in columns if _known(shown.get(c))]
    ranked = sorted(p, key=lambda pair: -pair[1])[:_CLASSES]
    return {
        "name": str(name),
        "verdict": _verdict(view, source),
        "position": [shown.get("ra"), shown.get("dec")],
        "typicality": shown.get("typicality"),
        "labels": sorted({r["label"] for r in rows if r.get("label")}),
        "odd": _odd(view, mine, model),
        "classes": [
            {"code": columns[c][0], "title": columns[c][1], "p": q, "sd": shown.get(f"{c}_std")}
            for c, q in ranked
        ],
        "features": _features(view, shown),
        "detections": [_detection(r) for r in rows[:_DETECTIONS]],
        "more": _summary(rows[_DETECTIONS:]),
        "n_detections": len(rows),
    }


def _verdict(view: CatalogueView, source: dict[str, Any] | None) -> str:
    if source is None:
        return "No detection of this source voted. The probabilities are those of its first one."
    code, n = source["class"], source["n_detections"]
    if code is None:
        return "No class."
    title = "none of the classes" if code == "none" else view.classes.title_of(code)
    return f"{code} ({title}), {source['status']}, from {n:.0f} detection{'s'[: n != 1]}."


def _odd(view: CatalogueView, mine: pa.Table | None, model: Model | None) -> list[dict[str, Any]]:
    """Return the features that make the source's least typical detection atypical."""
    if mine is None or "typicality" not in mine.column_names:
        return []
    least = least_typical(mine, model, 1)
    return [
        feature_text(view, o.feature) | {"value": o.value, "quantile": o.quantile}
        for a in least
        for o in a.oddities
    ]


def feature_text(view: CatalogueView, name: str) -> dict[str, Any]:
    """Return the description of a feature for a table: name, label and unit."""
    return {
        "feature": name,
        "label": label_of(view.survey, name),
        "unit": unit_text(unit_of(view.survey, name)),
    }


def _features(view: CatalogueView, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each feature's value, with the median of the catalogue's sources."""
    return [
        feature_text(view, name)
        | {"value": shown.get(name), "median": float(np.nanmedian(view.features[name]))}
        for name in view.features
    ]


def _detection(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("obsid", "obi")
    return {
        "observation": ", ".join(str(row[k]) for k in keys if row.get(k) is not None),
        **{k: row.get(k) for k in ("role", "class", "typicality", "effective_counts", "flag")},
    }


def _summary(rows: list[dict[str, Any]]) -> str:
    """Say what the detections are that the card does not list."""
    if not rows:
        return ""
    counted = Counter(r["class"] or r["role"] for r in rows).most_common()
    return f"{len(rows):,} more: " + ", ".join(f"{n:,} {what}" for what, n in counted)


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))
