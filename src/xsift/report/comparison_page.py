"""The page of a comparison with another catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xsift.report.page import render

__all__ = ["comparison_page"]

_SCOPES = ("all", "comparable")


def comparison_page(
    record: Mapping[str, Any],
    worst: Sequence[Mapping[str, Any]],
    figures: Mapping[str, str | None],
) -> str:
    """Return the comparison as one HTML page.

    Parameters
    ----------
    record : mapping
        Content of `comparison.json`.
    worst : sequence of mapping
        The first rows of the table of disagreements.
    figures : mapping
        SVG by scope: ``all`` and ``comparable``. If there are in-sample sources, also
        ``in_sample_all`` and ``in_sample_comparable``. None means not drawn.

    Returns
    -------
    str
    """
    classes = record["mapping"]["classes"]
    found = {scope: record[scope] for scope in _SCOPES}
    found |= {f"in_sample_{scope}": record["in_sample"][scope] for scope in _SCOPES}
    return render(
        "comparison.html.jinja",
        title=f"{record['catalogue']} against {record['other']}",
        record=record,
        worst=worst,
        figures=figures,
        scopes={scope: _with_names(figures) for scope, figures in found.items()},
        provenance={
            **{key: record[key] for key in ("catalogue_sha256", "other_sha256", "created")},
            **{f"mapping of {name}": group for name, group in classes.items()},
            **record["settings"],
            **record["environment"],
        },
    )


def _with_names(found: Mapping[str, Any]) -> dict[str, Any]:
    """Add the groups of either catalogue, each once."""
    return {**found, "names": list(dict.fromkeys((*found["rows"], *found["columns"])))}
