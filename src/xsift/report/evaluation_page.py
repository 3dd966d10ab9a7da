"""The report of a validation, for a reader who has to be convinced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xsift.report.evaluation_figures import FEWEST_DRAWN
from xsift.report.page import render

__all__ = ["evaluation_page"]


def evaluation_page(record: Mapping[str, Any], figures: Mapping[str, str | None]) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record : mapping
        Content of `evaluation.json`.
    figures : mapping
        SVG by name: ``confusion METHOD``, ``reliability METHOD``, ``labels``, ``open METHOD``,
        ``counts``. None means not drawn.

    Returns
    -------
    str
    """
    found = record["results"]
    worked = {method: f for method, f in found["folds"].items() if "failed" not in f}
    about = ("input", "input_sha256", "survey", "feature_set", "created")
    return render(
        "evaluation.html.jinja",
        title=f"Validation on {record['input']}",
        record=record,
        figures=figures,
        worked=worked,
        fewest_drawn=FEWEST_DRAWN,
        differences=_differences(found["differences"]),
        few_labels=[
            (method, float(share), f)
            for method, by_share in found.get("shares", {}).items()
            for share, f in by_share.items()
        ],
        missing_values=[
            (method, variant, f)
            for method, by_variant in found.get("missing", {}).items()
            for variant, f in {"": found["folds"].get(method, {}), **by_variant}.items()
        ],
        strata=_strata(worked),
        input={**{key: record[key] for key in about}, **record["counts"]},
        versions={**record["settings"], **record["evaluation"], **record["environment"]},
    )


def _differences(found: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return each pair of methods once: a later one minus an earlier one."""
    order = list(found)
    return [
        (a, b, pair["detections"])
        for a, others in found.items()
        for b, pair in others.items()
        if pair["detections"] and order.index(b) < order.index(a)
    ]


def _strata(worked: Mapping[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    """Return the parts of each stratum, method by method."""
    titles = dict.fromkeys(s["stratum"] for f in worked.values() for s in f["strata"])
    return {
        title: [(m, s) for m, f in worked.items() for s in f["strata"] if s["stratum"] == title]
        for title in titles
    }
