"""The report of a catalogue: its figures, its tables, and the hypotheses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xsift.report.page import render

__all__ = ["catalogue_page"]


def catalogue_page(record: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record : mapping
        ``title``, ``in_sample`` (a sentence or nothing), ``status`` (pairs), ``notes``,
        ``figures`` (stem, title, caption, files), ``not_drawn`` (stem, title, why),
        ``class_counts`` and ``class_medians`` (lists of rows), ``hypotheses`` (rows), ``rule`` and
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
    )
