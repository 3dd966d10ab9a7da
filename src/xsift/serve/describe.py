"""What the page has to know of a catalogue before it asks anything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from xsift import __version__
from xsift.catalogue.axes import is_logarithmic, label_of, planes_of, symbol_of
from xsift.serve.catalogue import STATUSES, Served
from xsift.serve.limits import UPLOAD_BYTES, UPLOAD_FORMATS, UPLOAD_ROWS
from xsift.serve.places import LABELLED, PLACES, Place
from xsift.serve.sky import galactic

__all__ = ["about"]


def about(served: Served) -> dict[str, Any]:
    """Describe a catalogue: its origin, its classes and its columns."""
    tree, record = served.tree, served.record
    said = record.get("about") if isinstance(record.get("about"), dict) else {}
    assert isinstance(said, dict)
    n_voted = int(np.nansum(served.numbers["n_detections"]))
    features = set(served.features)
    columns = []
    for name, column in served.columns.items():
        low, high = _ends(served.numbers[name]) if name in served.numbers else (None, None)
        columns.append(
            {
                "name": name,
                "label": label_of(served.survey, name),
                "symbol": symbol_of(served.survey, name),
                "unit": column.unit,
                "description": column.description,
                "kind": _kind(served, name),
                "feature": name in features,
                "log": is_logarithmic(served.survey, name) and low is not None and low > 0,
                "min": low,
                "max": high,
                "limits": _limits(served, name),
            }
        )
    return {
        "title": "Simulated survey" if served.is_demo else str(said.get("input") or "Catalogue"),
        "xsift": __version__,
        "is_demo": served.is_demo,
        "names_id": served.names_id,
        "about": {
            "input": said.get("input"),
            "survey": served.survey.title,
            "reference": served.survey.reference,
            "release": tree.release if tree else served.survey.release,
            "method": tree.method if tree else None,
            "model_id": tree.model_id if tree else None,
            "created": record.get("created"),
            "in_sample": served.in_sample,
            "verdict": record.get("verdict"),
            "warnings": record.get("warnings") or [],
        },
        "n_sources": served.n,
        # Without the detections, those that voted.
        "n_detections": n_voted if served.detections is None else served.detections.num_rows,
        "classes": [
            {"code": c.code, "name": c.title or c.code, "label": c.title or c.code}
            | {"group": c.group, "column": c.column}
            for c in served.classes.classes
        ],
        "groups": list(served.groups),
        "statuses": list(STATUSES),
        "columns": columns,
        "planes": planes_of(served.survey, [n for n in served.features if n in served.numbers]),
        "has": {
            "positions": served.xyz is not None,
            "typicality": "typicality" in served.numbers,
            "p_none": served.has_none,
            "obsid": served.detections is not None and "obsid" in served.detections.column_names,
            "detections": served.detections is not None,
            "model": served.model is not None,
        },
        "against": served.against,
        "examples": _examples(served),
        "example_row": _example_row(served),
        "places": [_place(p) for p in PLACES[:LABELLED]],
        "upload": {
            "max_bytes": UPLOAD_BYTES,
            "max_rows": UPLOAD_ROWS,
            "formats": list(UPLOAD_FORMATS),
        },
        "colours": served.colours(),
        "markers": served.markers(),
        "sesame": True,
        "words": {name: list(words) for name, words in served.words.items()},
    }


def _kind(served: Served, name: str) -> str:
    if name in served.codes:
        return "code"
    return "number" if name in served.numbers else "text"


def _limits(served: Served, name: str) -> dict[str, str] | None:
    """Name the columns that hold a column's limits, where the catalogue carries them.

    Returns
    -------
    dict or None
        ``low`` and ``high``: columns; ``are``: ``ends``, or ``errors`` about the value.
    """
    spread = f"{name}_std"
    if name.startswith("p_") and spread in served.numbers:
        return {"low": spread, "high": spread, "are": "errors"}
    column = next((c for c in served.survey.columns if c.name == name), None)
    if column is None or not column.limits:
        return None
    low, high = column.limits[0], column.limits[-1]
    if not {low, high} <= set(served.numbers):
        return None
    return {"low": low, "high": high, "are": "ends" if column.lolim else "errors"}


def _ends(values: np.ndarray) -> tuple[float | None, float | None]:
    there = values[np.isfinite(values)]
    return (float(there.min()), float(there.max())) if len(there) else (None, None)


def _examples(served: Served) -> list[str]:
    """Name a few sources worth a look: the one of each group with the most detections."""
    found = []
    n = served.numbers["n_detections"]
    for code in range(len(served.groups)):
        members = np.flatnonzero(served.codes["group"] == code)
        if len(members):
            found.append(int(members[n[members].argmax()]))
    return [str(name) for name in served.sources["name"].take(found).to_pylist()]


def _example_row(served: Served) -> dict[str, float | None]:
    """Return the features of one measured detection, as an example of what can be pasted.

    Middles of the columns would not do: together they may be no source that can exist.
    """
    table = served.detections if served.detections is not None else served.sources
    names = [n for n in served.features if n in table.column_names]
    if not names:
        return {}
    X = np.array([table[n].to_numpy().astype(float) for n in names]).T
    n_there = np.isfinite(X).sum(axis=1)
    complete = np.flatnonzero(n_there == n_there.max(initial=0))
    # Of those that lack least the one nearest to the middle of each feature.
    rank = np.argsort(np.argsort(X[complete], axis=0), axis=0) / max(1, len(complete) - 1)
    row = X[complete[np.abs(rank - 0.5).sum(axis=1).argmin()]]
    return {
        n: float(f"{v:.3g}") if np.isfinite(v) else None for n, v in zip(names, row, strict=True)
    }


def _place(place: Place) -> dict[str, Any]:
    glon, glat = galactic(np.array([place.ra]), np.array([place.dec]))
    return {"name": place.name, "glon": float(glon[0]), "glat": float(glat[0])}
