"""The report of a catalogue: its figures, its tables, and the hypotheses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xsift.report.page import cell, figure_block, heading, page, paragraph, section, table

__all__ = ["catalogue_page"]

_SECTIONS = {
    "Classes": ("class_fractions", "probabilities", "typicality", "detections_per_source"),
    "On the sky": ("sky_groups", "sky_classes", "latitude"),
    "Hardness": ("hardness_groups", "hardness_classes", "hardness_plane"),
    "Variability": ("variability_groups", "variability_classes"),
    "Spectra": ("gamma_kt",),
    "Clusters": ("clusters_hardness", "clusters_features", "k_scan"),
}
_VERSIONS = {"class": "by class", "label": "by known label"}
_SAID = (
    "Effect: P(a > b) - P(a < b) for a source a of the first population and b of the second, known "
    "as Cliff's delta; 0 is no difference, 1 complete separation. For a share it is the difference "
    "of the shares. Intervals are 95 %, from 1,000 bootstrap resamples of the sources; each source "
    "counts once. Some of so many statements fall on the wrong side by chance.",
    "By class takes the uniquely classified sources under the class that this catalogue gives "
    "them. Where the quantity is a feature, that is circular: the classes were made from the same "
    "features, and the row says no more than what the classes look like. By known label takes the "
    "known objects, whatever xsift says of them: not circular, but no fair sample of the sky "
    "either. They are bright and well studied, and the young stars lie in few fields; the interval "
    "knows nothing of that.",
)


def catalogue_page(record: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record : mapping
        ``title``, ``status`` (pairs), ``notes``, ``figures`` (stem, title, caption, files),
        ``not_drawn`` (stem, title, why), ``class_counts`` and ``class_medians`` (lists of rows),
        ``hypotheses`` (rows) and ``rule``.
    figures : mapping of str to str
        SVG by stem.

    Returns
    -------
    str
    """
    return page(str(record["title"]), _sections(record, figures))


def _sections(record: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    status = [[cell(what), cell(value)] for what, value in record["status"]]
    yield section(
        "The catalogue", [table("", ["what", "number"], status), *map(paragraph, record["notes"])]
    )
    drawn = {f["stem"]: f for f in record["figures"]}
    missing = {f["stem"]: f for f in record["not_drawn"]}
    for title, stems in _SECTIONS.items():
        parts: list[str] = []
        if title == "Classes":
            parts += _class_tables(record)
        for stem in stems:
            if stem in drawn:
                parts += _figure(drawn[stem], figures[stem])
            elif stem in missing:
                parts.append(heading(missing[stem]["title"]))
                parts.append(paragraph(f"Not drawn: {missing[stem]['why']}."))
        yield section(title, parts)
    yield section("Hypotheses", _hypotheses(record, drawn, figures))


def _figure(figure: Mapping[str, Any], svg: str) -> Iterator[str]:
    yield heading(figure["title"])
    yield figure_block(svg, figure["caption"])
    links = ", ".join(f'<a href="{cell(f)}">{cell(f)}</a>' for f in figure["files"])
    yield f"<small>{links}</small>"


def _class_tables(record: Mapping[str, Any]) -> Iterator[str]:
    rows = [[cell(v) for v in row.values()] for row in record["class_counts"]]
    if rows:
        headings = list(record["class_counts"][0])
        yield table("Sources of each class (class_counts.csv)", headings, rows)
    rows = [[cell(v) for v in row.values()] for row in record["class_medians"]]
    if rows:
        headings = [h.replace("_", " ") for h in record["class_medians"][0]]
        yield table(
            "Medians of the uniquely classified sources, features of the first detection; shares "
            "below 5 and 10 deg of Galactic latitude, and with var_prob_b > 0.9 (variable) "
            "(class_medians.csv)",
            headings,
            rows,
        )


def _hypotheses(
    record: Mapping[str, Any], drawn: Mapping[str, Any], figures: Mapping[str, str]
) -> Iterator[str]:
    yield paragraph(
        "What the paper reports of its classes, as statements that this catalogue can refute."
    )
    yield from map(paragraph, (record["rule"], *_SAID))
    if "hypotheses" in drawn:
        yield from _figure(drawn["hypotheses"], figures["hypotheses"])
    for version, words in _VERSIONS.items():
        if version in record["why_not"]:
            yield paragraph(f"{words.capitalize()}: not tested: {record['why_not'][version]}.")
        else:
            rows = [r for r in record["hypotheses"] if r["version"] == version]
            yield table(f"Statements, {words}", _HEADINGS, map(_row, rows))
    yield table(
        "What would refute them",
        ["statement", "refuted by"],
        [[cell(r["statement"]), cell(r["refuted_by"])] for r in _first_of_each(record)],
    )


_HEADINGS = (
    "statement",
    "measured",
    "first (sources, median or share)",
    "second",
    "effect",
    "verdict",
)


def _first_of_each(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return list({r["key"]: r for r in record["hypotheses"]}.values())


def _row(r: Mapping[str, Any]) -> list[str]:
    def population(which: str) -> str:
        value = r[f"value_{which}"]
        said = f"{cell(r[which])}<small>{r[f'n_{which}']:,} sources"
        return said + (f", {value:.3f}</small>" if value is not None else "</small>")

    effect = {"value": r["effect"], "low": r["low"], "high": r["high"]}
    circular = "; circular" if r["circular"] else ""
    verdict = f"{cell(r['verdict'])}<small>{cell(r['why'] + circular)}</small>"
    return [
        cell(r["statement"]),
        cell(r["measured"]),
        population("a"),
        population("b"),
        cell(effect) if r["effect"] is not None else cell(None),
        verdict,
    ]
