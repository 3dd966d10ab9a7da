"""The report of a catalogue: figures, tables, hypotheses and a page, into a folder."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xsift import plots, write
from xsift.catalogue.view import CatalogueView, view_catalogue
from xsift.errors import need
from xsift.report import catalogue_page, distributions
from xsift.report.count_figures import k_scan, tally_drawings
from xsift.report.drawing import Drawing, NotDrawn, columns
from xsift.report.feature_figures import feature_drawings
from xsift.report.hypotheses import (
    JUDGED,
    MARGIN,
    NOT_JUDGED,
    RULE,
    STATEMENTS,
    judge,
    statements_for,
)
from xsift.settings import Settings
from xsift.write.provenance import file_name, now

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FILES", "CatalogueReport", "compose", "judge_catalogue", "make_figure", "report"]

FIGURES = (
    "class_fractions clusters_classes clusters_features clusters_hardness clusters_planes "
    "detections_per_source feature_map features_groups gamma_kt hardness_classes hardness_groups "
    "hardness_plane hypotheses k_scan latitude plane_classes planes_groups probabilities "
    "sky_classes sky_groups typicality variability_classes variability_groups"
).split()
TABLES = ("class_counts", "class_medians", "status")
FILES = (
    *("report.html", "report.json", "hypotheses.json", *(f"{stem}.csv" for stem in TABLES)),
    *(stem + end for stem in FIGURES for end in (".pdf", ".png", ".csv")),
)
"""All that a report may write."""

_VERSIONS = {"class": "by class", "label": "by known label"}


@dataclass(frozen=True)
class CatalogueReport:
    """What was written.

    Attributes
    ----------
    folder : Path
    record : dict
        What `report.json` holds: counts, figures, what was not drawn and why, hypotheses.
    """

    folder: Path
    record: dict[str, Any]


def report(
    folder: str | Path,
    out: str | Path | None = None,
    scan: str | Path | None = None,
    seed: int = Settings().seed,
    progress: Callable[[str], None] | None = None,
) -> CatalogueReport:
    """Draw and tabulate a catalogue, test the hypotheses on it, and write a page of it all.

    Parameters
    ----------
    folder : str or Path
        That `run`, `classify`, `vote` or `demo` wrote.
    out : str or Path, optional
        Gets ``report.html``, and of each figure a PDF, a PNG and its numbers as CSV. [default:
        ``report`` inside the folder]
    scan : str or Path, optional
        Folder that `xsift scan` wrote. [default: the catalogue's own]
    seed : int
        Of the bootstrap.
    progress : callable
        Told of each step as it begins.

    Raises
    ------
    XsiftError
        Where the catalogue or the scan cannot serve, or `out` cannot be written.
    """
    folder, progress = Path(folder), progress or (lambda step: None)
    progress(f"reading {folder}")
    view = view_catalogue(folder)
    need("matplotlib", "no figures")
    out = Path(out) if out is not None else folder / "report"
    with write.Staging(out, FILES, "report") as staging:
        found, record, tables = compose(view, scan, seed, progress)
        svg = {}
        for drawing in found:
            if isinstance(drawing, Drawing):
                progress(f"drawing {drawing.title}")
                svg[drawing.stem] = _write_figure(drawing, staging)
        progress(f"writing {out}")
        for stem, table in tables.items():
            write.write_table(table, staging.path(f"{stem}.csv"), "csv", {})
        judged = {k: record[k] for k in ("input", "created", "rule", "margin", "hypotheses")}
        write.write_json(judged, staging.path("hypotheses.json"))
        write.write_json(record, staging.path("report.json"))
        staging.path("report.html").write_text(catalogue_page(record, svg), "utf-8")
    return CatalogueReport(out, record)


def compose(
    view: CatalogueView,
    scan: str | Path | None = None,
    seed: int = Settings().seed,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[list[Drawing | NotDrawn], dict[str, Any], dict[str, pa.Table]]:
    """Compute all that a report holds, and draw nothing yet.

    Returns
    -------
    found : list of Drawing or NotDrawn
        The figures, with their numbers.
    record : dict
        What `report.json` holds.
    tables : dict of str to pyarrow.Table
        The tables beside the figures.
    """
    progress("computing the figures")
    found = [*tally_drawings(view), *feature_drawings(view)]
    found.append(k_scan(Path(scan) if scan is not None else view.folder, required=scan is not None))
    progress("testing the hypotheses")
    judged, why_not = judge_catalogue(view, seed)
    found.append(_effects(judged, why_not))
    tables = _tables(view)
    return found, _record(view, found, judged, why_not, tables), tables


def judge_catalogue(view: CatalogueView, seed: int) -> tuple[pa.Table, dict[str, str]]:
    """Test every statement by the classes that the catalogue gives, and by known labels.

    Returns
    -------
    judged : pyarrow.Table
        As `hypotheses.judge`; the rows by class come first.
    why_not : dict of str to str
        For a version that could not be tested at all: why.
    """
    codes = view.classes.codes
    statements = statements_for([f.name for f in view.survey.features], codes)
    if not statements:
        return JUDGED.empty_table(), dict.fromkeys(_VERSIONS, NOT_JUDGED)
    values = dict(view.features)
    if view.b_deg is not None:
        values["abs_b_deg"] = np.abs(view.b_deg)
    unique = view.of_unique(np.where(view.code < len(codes), view.code, -1))
    row = np.arange(len(unique))
    by_class = judge(values, row, unique, codes, "class", seed, statements)
    why_not = {} if (unique >= 0).any() else {"class": "no source is uniquely classified"}
    found = view.detections
    if found is None:
        return by_class, why_not | {"label": "the folder has no table of detections"}
    if not ((found.label >= 0) & (found.source >= 0)).any():
        said = "no detection has a label among the classes (xsift classify is given none)"
        return by_class, why_not | {"label": said}
    values = dict(found.features)
    if found.abs_b_deg is not None:
        values["abs_b_deg"] = found.abs_b_deg
    label = _source_labels(found.source, found.label, len(codes))
    # Other random numbers than by class.
    seed += len(STATEMENTS)
    by_label = judge(values, found.source, label, codes, "label", seed, statements)
    return pa.concat_tables([by_class, by_label]), why_not


def make_figure(drawing: Drawing) -> Figure:
    """Draw a figure in the style of all figures, on a canvas of its own."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = _style()
    with mpl.rc_context(style):
        figure = Figure(figsize=drawing.size, layout="constrained")
        drawing.draw(figure)
    return figure


def _style() -> dict[str, Any]:
    # The layout leaves room for everything: nothing need be cut to fit.
    return plots.figure_style() | {
        "savefig.bbox": None,
        "svg.fonttype": "none",
        "svg.hashsalt": "xsift",
        "font.family": "sans-serif",
        "axes.labelsize": 9,
    }


def _write_figure(drawing: Drawing, staging: write.Staging) -> str:
    """Write a figure as PDF and PNG, and its numbers; return it as an SVG element."""
    import matplotlib as mpl

    style: Any = _style()
    with mpl.rc_context(style), warnings.catch_warnings():
        # A class may be called in letters that the font lacks; the page's own font has them.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure = make_figure(drawing)
        sink = io.StringIO()
        # Laid out once, for SVG: labels of a Mollweide map stand off by pixels, which are widest
        # there. The other formats take over the places.
        nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(sink, format="svg", metadata=nothing, dpi=130)
        figure.set_layout_engine(None)
        figure.savefig(
            staging.path(f"{drawing.stem}.png"), format="png", metadata={"Software": None}
        )
        nothing = {"Creator": "xsift", "CreationDate": None}
        figure.savefig(staging.path(f"{drawing.stem}.pdf"), format="pdf", metadata=nothing)
    write.write_table(drawing.table, staging.path(f"{drawing.stem}.csv"), "csv", {})
    text = sink.getvalue()
    return text[text.index("<svg") :]


def _source_labels(source: np.ndarray, label: np.ndarray, n_classes: int) -> np.ndarray:
    """Return for each row its source's label: that of most rows, of equally many the first."""
    votes = np.zeros((int(source.max(initial=-1)) + 1, n_classes), dtype=np.int64)
    known = (label >= 0) & (source >= 0)
    np.add.at(votes, (source[known], label[known]), 1)
    chosen = np.where(votes.any(axis=1), votes.argmax(axis=1), -1)
    return np.asarray(np.append(chosen, -1)[source])  # -1: the last, which is none


def _effects(judged: pa.Table, why_not: dict[str, str]) -> Drawing | NotDrawn:
    stem, title = "hypotheses", "Effects and their intervals"
    rows = columns(judged)
    tested = dict.fromkeys(rows["key"][np.isfinite(rows["effect"].astype(float))])
    if not tested:
        why = "; ".join(dict.fromkeys(why_not.values()))
        return NotDrawn(stem, title, why or "no statement could be tested")

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        text = dict(zip(rows["key"], rows["statement"], strict=True))
        versions = {}
        for version, words in _VERSIONS.items():
            mine = rows["version"] == version
            if version in why_not or not mine.any():
                continue
            place = {key: i for i, key in enumerate(rows["key"][mine])}
            at = [place[key] for key in tested]
            versions[words] = tuple(
                rows[c][mine].astype(float)[at] for c in ("effect", "low", "high")
            )
        plots.effects(ax, [text[key] for key in tested], versions, MARGIN)

    caption = (
        f"Shaded: above {MARGIN}, where an effect matters. Bars are bootstrapped intervals, 95 per "
        "cent. By class, statements about features are circular."
    )
    return Drawing(stem, title, caption, judged, (7.4, 0.9 + 0.33 * len(tested)), draw)


def _tables(view: CatalogueView) -> dict[str, pa.Table]:
    """Return the tables beside the figures."""
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


def _record(
    view: CatalogueView,
    found: list[Drawing | NotDrawn],
    judged: pa.Table,
    why_not: dict[str, str],
    tables: dict[str, pa.Table],
) -> dict[str, Any]:
    name = file_name(view.folder.resolve())
    model = view.record.get("model")
    said = view.record.get("input")
    return {
        "command": "report",
        "title": f"Catalogue {name}",
        "input": name,
        "in_sample": str(view.in_sample),
        "status": [list(pair) for pair in _status(view)],
        "notes": _notes(view, said, model if isinstance(model, dict) else {}),
        "figures": [
            {
                "stem": d.stem,
                "title": d.title,
                "caption": d.caption,
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
        **{t: _rows(tables[t]) for t in ("class_counts", "class_medians")},
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
    return [
        {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in table.to_pylist()
    ]


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
    if view.method == "paper":
        notes.append(
            "The probabilities of the paper's method are overconfident: read them as ranks."
        )
    warned = view.record.get("warnings")
    if isinstance(warned, list):
        notes += [f"Warning of the run: {w}." for w in warned if isinstance(w, str)]
    return notes
