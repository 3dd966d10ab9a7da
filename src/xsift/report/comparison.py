"""The page of a comparison with another catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xsift.report.page import cell, figure_block, page, paragraph, section, table

__all__ = ["comparison_page"]

_SCOPES = {
    "all": "All matched",
    "comparable": "Only classes that ours can name",
}
_MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "kappa": "Cohen's kappa",
}
_MEANING = (
    "Rows are the other catalogue, columns are ours. Recall is the share of a group of theirs that "
    "ours puts into the same group, precision the share of a group of ours that theirs puts there. "
    "Neither catalogue need be the truth: where the other one is a classification, too, these are "
    "figures of agreement only.",
    "Intervals hold 95 %. Those of recall, precision and accuracy are Wilson's, which hold for few "
    "sources; those of balanced accuracy and kappa are percentiles of 2,000 bootstrap resamples of "
    "the sources, and too narrow where a group has fewer than about ten members. Kappa is the "
    "agreement beyond chance: 0 for two verdicts that know nothing of each other, 1 for the same.",
    "The row 'none' holds classes that ours cannot name. In its column stand the sources that ours "
    "calls none of its classes; a method that has no such verdict is wrong on all of that row.",
)


def comparison_page(
    record: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], figures: Mapping[str, str]
) -> str:
    """Return the comparison as one HTML page.

    Parameters
    ----------
    record : mapping
        What `comparison.json` holds.
    worst : sequence of mapping
        The first rows of the table of disagreements.
    figures : mapping of str to str
        SVG by scope: ``all``, ``comparable``.

    Returns
    -------
    str
    """
    title = f"{record['catalogue']} against {record['other']}"
    return page(title, _sections(record, worst, figures))


def _sections(
    record: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], figures: Mapping[str, str]
) -> Iterator[str]:
    yield section("What was compared", _compared(record))
    yield section("How to read it", map(paragraph, _MEANING))
    for scope, title in _SCOPES.items():
        yield section(title, _scope(record[scope], figures[scope], title))
    yield section("By the other's class", [_by_class(record)])
    yield section("Where they differ", _differences(worst))
    yield section("Provenance", [_provenance(record)])


def _compared(record: Mapping[str, Any]) -> Iterator[str]:
    n, mapping = record["counts"], record["mapping"]
    yield paragraph(
        f"{n['sources']:,} sources of {record['catalogue']} and {n['other_rows']:,} rows of "
        f"{record['other']}: {n['matched']:,} sources have a counterpart ({record['matched_how']}; "
        f"{n['other_rows_matched']:,} different rows), {n['matched_without_a_class']:,} of them "
        f"without a class, {n['ignored']:,} of a class that the mapping ignores. "
        f"{n['compared']:,} are compared."
    )
    tested = "" if mapping["is_tested"] else " This mapping has not been tested on the catalogue."
    yield paragraph(f"Mapping {mapping['name']}: {mapping['title']}. {mapping['note']}{tested}")
    if merged := mapping["merge"]:
        said = "; ".join(f"{', '.join(groups)} count as {name}" for name, groups in merged.items())
        yield paragraph(f"Groups taken together: {said}.")
    for note in record["warnings"]:
        yield paragraph(f"Warning: {note}.")


def _scope(found: Mapping[str, Any], svg: str, title: str) -> Iterator[str]:
    if not found["n"]:
        yield paragraph("No source.")
        return
    yield figure_block(svg, f"{title}: shares of each row, and numbers of sources.")
    rows = [[cell(said), cell(found[key])] for key, said in _MEASURES.items()]
    yield table(f"{found['n']:,} sources", ["figure", "value"], rows)
    names = dict.fromkeys((*found["rows"], *found["columns"]))
    rows = [
        [cell(name), *_with_number(found["recall"], name), *_with_number(found["precision"], name)]
        for name in names
    ]
    yield table("By group", ["group", "recall", "of", "precision", "of"], rows)
    rows = [
        [
            cell(f"{part['from']:g} to {part['to']:g}"),
            cell(part["agreement"]["n"]),
            cell(part["mean_probability"]),
            cell(part["agreement"]),
        ]
        for part in found["by_confidence"]
    ]
    headings = ["probability of our group", "sources", "mean", "agreement"]
    yield table("By the confidence of ours", headings, rows)


def _with_number(figures: Mapping[str, Any], name: str) -> list[str]:
    if name not in figures:
        return [cell(None), cell(None)]
    return [cell(figures[name]), cell(figures[name]["n"])]


def _by_class(record: Mapping[str, Any]) -> str:
    columns = record["all"]["columns"]
    rows = [
        [cell(name), *(cell(counts.get(c, 0)) for c in columns), cell(sum(counts.values()))]
        for name, counts in record["by_class"].items()
    ]
    return table("Sources by our group", ["other's class", *columns, "all"], rows)


def _differences(worst: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not worst:
        yield paragraph("Nowhere.")
        return
    rows = [
        [
            cell(str(row["name"])),
            cell(row["n_detections"]),
            cell(row["class"]),
            cell(row["group"]),
            cell(row["p_group"]),
            cell(row["other_class"]),
            cell(row["other_group"]),
            cell(row["separation"], 2),
        ]
        for row in worst
    ]
    headings = ["source", "detections", "our class", "our group", "p of the group"]
    headings += ["other's class", "its group", "separation (arcsec)"]
    yield table("Those that ours is surest of first; the table file has all", headings, rows)


def _provenance(record: Mapping[str, Any]) -> str:
    said = {k: record[k] for k in ("catalogue_sha256", "other_sha256", "created")}
    said |= {f"mapping of {name}": group for name, group in record["mapping"]["classes"].items()}
    said |= {**record["settings"], **record["environment"]}
    rows = [[cell(key), f"<code>{cell(str(value))}</code>"] for key, value in said.items()]
    return table("Input, mapping and versions", ["what", "value"], rows)
