"""The report of a catalogue: figures, tables, hypotheses and a page, into a folder."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xsift import plots, write
from xsift.catalogue.view import CatalogueView, view_catalogue
from xsift.errors import SettingError, need
from xsift.model.notebook import shown_in_notebook
from xsift.model.progress import Progress, silent, told_in_parts
from xsift.report import catalogue_page
from xsift.report.cards import named_sources
from xsift.report.count_figures import k_scan, tally_drawings
from xsift.report.drawing import Drawing, NotDrawn, columns
from xsift.report.feature_figures import feature_drawings
from xsift.report.hypotheses import (
    JUDGED,
    MARGIN,
    NOT_JUDGED,
    STATEMENTS,
    judge,
    statements_for,
)
from xsift.report.record import heading_of, highlights_record, record_of, tables_of
from xsift.report.validation_figures import validation_drawings
from xsift.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xsift.catalogue.tables import Catalogue

__all__ = ["FILES", "CatalogueReport", "compose", "judge_catalogue", "make_figure", "write_report"]

FIGURES = (
    "class_fractions clusters_classes clusters_features clusters_hardness clusters_planes "
    "detections_per_source feature_map features_groups gamma_kt hardness_classes hardness_groups "
    "hardness_plane hypotheses k_scan latitude plane_classes planes_groups probabilities "
    "purity_completeness reliability "
    "sky_classes sky_groups typicality variability_classes variability_groups"
).split()
TABLES = ("class_counts", "class_medians", "group_counts", "status")
FILES = (
    *("report.html", "report.json", "hypotheses.json", *(f"{stem}.csv" for stem in TABLES)),
    *(stem + end for stem in FIGURES for end in (".pdf", ".png", ".csv")),
)
"""All that a report may write."""

_VERSIONS = {"class": "by class", "label": "by known label"}


@dataclass(frozen=True, repr=False)
class CatalogueReport:
    """The report that `write_report` wrote.

    Attributes
    ----------
    folder : Path
    record : dict
        Content of `report.json`: counts, figures, figures not drawn and the reason, hypotheses.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def page(self) -> Path:
        """Path of the page, to open in a browser."""
        return self.folder / "report.html"

    def __repr__(self) -> str:
        n = len(self.record["figures"])
        return f"CatalogueReport({str(self.folder)!r}, {n} figure{'s'[: n != 1]})"

    def _repr_html_(self) -> str:
        at = escape(str(self.page))
        return f'report: <a href="{at}" target="_blank">{at}</a>'


def write_report(
    catalogue: Catalogue | str | Path,
    out: str | Path | None = None,
    scan: str | Path | None = None,
    seed: int = Settings().seed,
    progress: Progress | None = None,
    title: str = "",
    author: str = "",
    sources: Sequence[str] = (),
) -> CatalogueReport:
    """Draw and tabulate a catalogue, test the hypotheses on it, and write a page.

    Parameters
    ----------
    catalogue : Catalogue, str or Path
        The result of `run`, `classify` or `vote_table`, or the folder that holds it.
    out : str or Path, optional
        Folder for ``report.html``, and for a PDF, a PNG and a CSV of the numbers of each figure.
        Required for a catalogue in memory. [default: ``report`` inside the folder]
    scan : str or Path, optional
        Folder that `xsift scan` wrote. [default: the catalogue's own]
    seed : int
        Seed of the bootstrap.
    progress : callable
        Called with a description of each step as it begins.
    title, author : str
        Title and author of the page. [default: ``title`` and ``author`` of the catalogue's record;
        without them, a title with the number of sources, and no author]
    sources : sequence of str
        Names of further sources whose cards the page shows.

    Raises
    ------
    XsiftError
        If the catalogue or the scan cannot be used, or if `out` cannot be written.
    """
    progress = progress or shown_in_notebook()
    folder = Path(catalogue) if isinstance(catalogue, (str, Path)) else catalogue.folder
    if out is None and folder is None:
        raise SettingError(
            "the catalogue is in memory alone: name a folder for its report with --out"
        )
    progress("reading the catalogue" if folder is None else f"reading {folder}")
    view = view_catalogue(catalogue)
    more = named_sources(view, sources)
    need("matplotlib", "no figures")
    out = Path(out) if out is not None else Path(folder or ".") / "report"
    with write.Staging(out, FILES, "report") as staging:
        found, record, tables = compose(view, scan, seed, progress)
        record |= heading_of(view, title, author)
        progress("choosing the sources to look at first")
        record |= highlights_record(view, more)
        svg = {}
        drawings = [drawing for drawing in found if isinstance(drawing, Drawing)]
        tell = told_in_parts(progress, "drawing figures")
        for n, drawing in enumerate(drawings, 1):
            svg[drawing.stem] = _write_figure(drawing, staging)
            tell(n, len(drawings))
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
    progress: Progress = silent,
) -> tuple[list[Drawing | NotDrawn], dict[str, Any], dict[str, pa.Table]]:
    """Compute everything that a report holds, without drawing.

    Returns
    -------
    found : list of Drawing or NotDrawn
        The figures, with their numbers.
    record : dict
        Content of `report.json`.
    tables : dict of str to pyarrow.Table
        The tables that accompany the figures.
    """
    progress("computing the figures")
    found = [*tally_drawings(view), *validation_drawings(view), *feature_drawings(view)]
    found.append(k_scan(Path(scan) if scan is not None else view.folder, required=scan is not None))
    progress("testing the hypotheses")
    judged, why_not = judge_catalogue(view, seed)
    found.append(_effects(judged, why_not))
    tables = tables_of(view)
    return found, record_of(view, found, judged, why_not, tables), tables


def judge_catalogue(view: CatalogueView, seed: int) -> tuple[pa.Table, dict[str, str]]:
    """Test every statement with the classes of the catalogue, and with the known labels.

    Returns
    -------
    judged : pyarrow.Table
        As `hypotheses.judge` returns it. The rows by class come first.
    why_not : dict of str to str
        Reason for each version that could not be tested at all.
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
    """Draw a figure in the common style, on its own canvas."""
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
