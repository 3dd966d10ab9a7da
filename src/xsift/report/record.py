"""What `report.json` holds of a catalogue, and the tables beside the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import write
from xsift.catalogue.view import CatalogueView
from xsift.report import distributions
from xsift.report.cards import cards_of, feature_text
from xsift.report.caveats import caveats_of
from xsift.report.drawing import Drawing, NotDrawn
from xsift.report.findings import HOW, group_counts
from xsift.report.highlights import highlights_of
from xsift.report.hypotheses import MARGIN, RULE, STATEMENTS
from xsift.write.provenance import file_name, finite, now

__all__ = ["heading_of", "highlights_record", "record_of", "tables_of"]


def heading_of(view: CatalogueView, title: str = "", author: str = "") -> dict[str, str]:
    """Return the given title and author of the page, else those of the catalogue's record."""
    said = {k: v for k, v in view.record.items() if isinstance(v, str)}
    n = len(view.code)
    of_it = f"Classes of {n:,} X-ray source{'s'[: n != 1]}"
    return {
        "title": title or said.get("title") or of_it,
        "author": author or said.get("author") or "",
    }


def highlights_record(view: CatalogueView, more: Sequence[Any] = ()) -> dict[str, Any]:
    """Return the sources to look at first, and cards for them and for `more` sources."""
    found = highlights_of(view)
    names = list(dict.fromkeys((*found.names, *more)))
    lists = {
        kind: [{"name": str(h.name), **h.said} for h in getattr(found, kind)]
        for kind in ("rare", "atypical", "mislabelled")
    }
    cards = cards_of(view, names)
    return {"highlights": finite(lists), "no_highlights": found.empty, "cards": finite(cards)}


def tables_of(view: CatalogueView) -> dict[str, pa.Table]:
    """Return the tables that accompany the figures, by file name."""
    levels = (
        ("group", view.groups, view.of_unique(view.group)),
        ("class", view.names, view.of_unique(view.code)),
    )
    populations = [
        (level, name, code == k) for level, names, code in levels for k, name in enumerate(names)
    ]
    status = _status(view)
    return {
        "class_counts": distributions.class_counts(
            view.code, view.is_unique, view.names, view.group_of_name
        ),
        "group_counts": group_counts(view),
        "class_medians": distributions.class_medians(view.features, view.b_deg, populations),
        "status": pa.table({"what": [w for w, _ in status], "number": [n for _, n in status]}),
    }


def _status(view: CatalogueView) -> list[tuple[str, int]]:
    unique = int((view.is_unique & (view.code >= 0)).sum())
    said = [
        ("sources", len(view.code)),
        ("unique: both votes agree", unique),
        ("ambiguous: they do not", int((view.code >= 0).sum()) - unique),
        ("sources with one detection", int((view.n_detections == 1).sum())),
        ("detections that voted", int(view.n_detections.sum())),
    ]
    if view.detections is not None:
        said.append(("detections", len(view.detections.source)))
        said += [(f"detections: {r}", n) for r, n in sorted(view.detections.role_counts.items())]
    return said


def record_of(
    view: CatalogueView,
    found: list[Drawing | NotDrawn],
    judged: pa.Table,
    why_not: dict[str, str],
    tables: dict[str, pa.Table],
) -> dict[str, Any]:
    """Return the content of `report.json` without the heading and the highlights."""
    name = file_name(view.folder.resolve())
    model = view.record.get("model")
    said = view.record.get("input")
    return {
        "command": "report",
        "input": name,
        "in_sample": str(view.in_sample),
        "status": [list(pair) for pair in _status(view)],
        "notes": _notes(view, said, model if isinstance(model, dict) else {}),
        "figures": [
            {
                "stem": d.stem,
                "title": d.title,
                "caption": d.caption,
                "size": list(d.size),
                "files": [f"{d.stem}.{end}" for end in ("pdf", "png", "csv")],
            }
            for d in found
            if isinstance(d, Drawing)
        ],
        "not_drawn": [
            {"stem": d.stem, "title": d.title, "why": d.why}
            for d in found
            if isinstance(d, NotDrawn)
        ],
        "caveats": [list(c) for c in caveats_of(view)],
        **{t: _rows(tables[t]) for t in ("group_counts", "class_counts", "class_medians")},
        "how_expected": HOW,
        "features": {f: feature_text(view, f) for f in view.features},
        "rule": RULE,
        "margin": MARGIN,
        "why_not": why_not,
        "hypotheses": _rows(judged),
        "beyond": _beyond(view),
        "environment": write.environment(),
        "created": now(),
    }


def _beyond(view: CatalogueView) -> dict[str, int]:
    """Count the uniquely classified sources of each group of which no statement speaks."""
    named = {code for s in STATEMENTS for code in (*s.a.codes, *s.b.codes)}
    rest = np.array([name not in named for name in view.names] + [False])
    group = view.group[view.is_unique & rest[view.code]]
    n = np.bincount(group, minlength=len(view.groups)).tolist()
    return {g: k for g, k in zip(view.groups, n, strict=True) if k}


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows as JSON can hold them: NaN becomes null."""
    return [finite(row) for row in table.to_pylist()]


def _notes(view: CatalogueView, said: Any, model: dict[str, Any]) -> list[str]:
    notes = []
    if isinstance(said, str):
        notes.append(f"Classified from {said}.")
    if view.method:
        notes.append(
            f"Method: {view.method}; model {model.get('model_id', 'not stated')}, trained on "
            f"{model.get('trained_on', 'a table that is not stated')}."
        )
    if view.record.get("verdict"):
        notes.append(f"Class and group of a source: {view.record['verdict']}.")
    return notes
