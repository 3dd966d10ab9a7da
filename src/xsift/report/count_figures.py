"""The figures of a catalogue's counts: classes, probabilities, places, detections, the scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field, ValidationError

from xsift import plots
from xsift.catalogue.view import CatalogueView
from xsift.errors import TableError
from xsift.report import distributions
from xsift.report.distributions import FEWEST
from xsift.report.drawing import (
    Drawing,
    NotDrawn,
    colours_of,
    columns,
    grid,
    largest,
    legend_above,
    legend_right,
    looks_in,
    pieces,
    unscaled,
)
from xsift.write import check_of_one_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["k_scan", "tally_drawings"]

_SCAN_BYTES = 20_000_000


def tally_drawings(view: CatalogueView) -> list[Drawing | NotDrawn]:
    """Compute the numbers of every figure of counts that the catalogue allows.

    Maps and latitudes use the uniquely classified sources. The other figures use all sources.
    """
    return [
        _class_fractions(view),
        _sky(view, "sky_groups", "Sky density by group", view.of_unique(view.group), view.groups),
        _sky(view, "sky_classes", "Sky density by class", view.of_unique(view.code), view.names),
        _latitude(view),
        _detections_per_source(view),
        _probabilities(view),
        _typicality(view),
    ]


def _class_fractions(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "class_fractions", "Class fractions"
    if not (view.code >= 0).any():
        return NotDrawn(stem, title, "no source has a class")
    table = distributions.class_counts(view.code, view.is_unique, view.names, view.group_of_name)
    empty = [r["class"] for r in table.to_pylist() if not r["total"]]
    rows = len(view.names) - len(empty)

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
        c = columns(table)
        parts = [c["unique"], c["ambiguous"]]
        by_group = [[p[c["group"] == g].sum() for g in view.groups] for p in parts]
        for ax, names, (unique, ambiguous) in (
            (left, view.groups, by_group),
            (right, view.names, parts),
        ):
            colours = colours_of(view, names is view.groups)
            some = np.flatnonzero(np.add(unique, ambiguous))
            there = [names[k] for k in some]
            of_each = np.take(unique, some), np.take(ambiguous, some)
            plots.class_fractions(ax, there, *of_each, [colours[n] for n in there])
            ax.set_xlabel("share of all sources (per cent)", fontsize=8)
            # Rows of the same height in both, and room above the first.
            ax.set_ylim(max(rows, len(there)) - 0.4, -0.6)

    caption = (
        "Share and number of the sources in each group and class. Full: both votes agree (unique); "
        "hatched: they do not (ambiguous)." + (f" No source: {', '.join(empty)}." if empty else "")
    )
    size = (7.2, 1.0 + 0.24 * max(rows, 4))
    return Drawing(stem, title, caption, table, size, draw)


def _sky(
    view: CatalogueView, stem: str, title: str, code: np.ndarray, every: Sequence[str]
) -> Drawing | NotDrawn:
    if view.l_deg is None or view.b_deg is None:
        return NotDrawn(stem, title, "the catalogue has no positions")
    code, names, said = largest(code, every, np.isfinite(view.b_deg), what="classes are shown")
    if not names:
        return NotDrawn(stem, title, "no uniquely classified source has a position")
    table = distributions.sky_densities(view.l_deg, view.b_deg, code, names)
    there = pc.drop_null(pc.if_else(pc.is_finite(table["per_deg2"]), table["per_deg2"], None))
    highest = pc.max(there).as_py()
    near = distributions.sky_near(view.l_deg, view.b_deg)
    alone = 1 / (2 * np.pi * distributions.SMOOTHING_DEG**2)  # the middle of a lone source
    highest = highest if highest is not None and highest > 0 else 1.0
    levels = (min(max(0.3 * alone, highest / 1000), 0.3 * highest), highest)
    wide = 1 if len(names) == 1 else 2 if len(names) <= 6 else 3
    rows = -(-len(names) // wide)

    def draw(figure: Figure) -> None:
        found = pieces(table)
        axes = grid(figure, len(found), wide, projection="mollweide")
        colours, mesh = colours_of(view, every is view.groups), None
        cells = distributions.map_centres()
        for ax, (name, part) in zip(axes, found.items(), strict=True):
            if np.isnan(part["per_deg2"]).any():
                at = part["l_deg"], part["b_deg"]
                plots.galactic_points(ax, *at, colours[name], (*cells, near))
            else:
                density = part["per_deg2"].reshape(near.shape)
                mesh = plots.galactic_density(ax, *cells, density, levels, near)
            ax.set_title(f"{plots.printable(name)} ({part['n'][0]:,})", fontsize=8)
            ax.tick_params(labelsize=6)
        if mesh is not None:
            bar = figure.colorbar(mesh, ax=axes, shrink=0.7, aspect=30, pad=0.02)
            bar.set_label("sources per square degree", fontsize=8)

    caption = (
        "Uniquely classified sources per square degree in Galactic coordinates. Longitude 0 is in "
        "the middle and increases to the left. Smoothed on the sphere with a kernel of "
        f"{distributions.SMOOTHING_DEG:g} deg. Grey: the catalogue has no source of any class "
        "within about 8 deg. The telescope has not looked there, or found nothing. White: the "
        "catalogue has sources there, but fewer than "
        f"{levels[0]:.2g} of this population per square degree.{said}"
    )
    size = (7.2, (3.6, 1.75, 1.22)[wide - 1] * rows + 0.2)
    return Drawing(stem, title, caption, table, size, draw)


def _latitude(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "latitude", "Groups against Galactic latitude"
    if view.b_deg is None:
        return NotDrawn(stem, title, "the catalogue has no positions")
    group = view.of_unique(view.group)
    table = distributions.against_latitude(view.b_deg, group, view.groups)
    n = {name: int(part["sources"].sum()) for name, part in pieces(table).items()}
    few = [f"{name} ({k})" for name, k in n.items() if 0 < k < FEWEST]
    drawn = [name for name, k in n.items() if k >= FEWEST]
    if not drawn:
        return NotDrawn(stem, title, f"no group has {FEWEST} uniquely classified sources")

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        found = pieces(table)
        first = found[drawn[0]]
        shares = {
            n: (found[n]["share"], found[n]["share_low"], found[n]["share_high"]) for n in drawn
        }
        plots.against_latitude(ax, first["low"], first["high"], shares)
        legend_right(ax)

    said = f" Not drawn, with fewer than {FEWEST} sources: {', '.join(few)}." if few else ""
    caption = (
        "Share of each group among the uniquely classified sources, in bins of absolute Galactic "
        "latitude. Bands are 95 per cent Wilson intervals. A bin without sources is empty." + said
    )
    return Drawing(stem, title, caption, table, (6.4, 3.4), draw)


def _detections_per_source(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "detections_per_source", "Detections per source"
    if not len(view.n_detections):
        return NotDrawn(stem, title, "the catalogue has no source")
    table = distributions.detections_per_source(view.n_detections)

    def draw(figure: Figure) -> None:
        c = columns(table)
        plots.detections_per_source(figure.subplots(), c["from"], c["to"], c["sources"])

    caption = (
        "Number of sources against the number of their detections that voted, in logarithmic "
        f"bins. The largest number is {int(view.n_detections.max())}."
    )
    return Drawing(stem, title, caption, table, (5.0, 3.4), draw)


def _probabilities(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "probabilities", "Probability of the chosen class"
    code, names, said = largest(
        view.code, view.names, np.isfinite(view.p), what="classes are shown"
    )
    if not names:
        return NotDrawn(stem, title, "no source has a class with a probability")
    table = distributions.top_probabilities(view.p, code, names)
    shares = distributions.shares_above(view.p, code, names)
    above = [c for c in shares.column_names if c.startswith("above_")]
    # One file: the shares stand beside each class's bins.
    place = pc.index_in(table["class"], shares["class"].combine_chunks())
    for column in ("median", *above):
        table = table.append_column(column, shares[column].combine_chunks().take(place))
    of = dict(zip(view.names, view.group_of_name, strict=True))
    members = {g: [n for n in names if of[n] == g] for g in view.groups}
    members = {g: m for g, m in members.items() if m}
    looks: dict[str, tuple[str, str]] = {}
    for g, m in members.items():
        looks |= plots.class_looks(g, m, list(view.groups))

    def draw(figure: Figure) -> None:
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.5, 1))[0]
        found, wide = pieces(table, "class"), 2 if len(members) > 1 else 1
        rows = -(-len(members) // wide)
        axes = left.subplots(rows, wide, squeeze=False, sharex=True, sharey=True).ravel()
        edges = np.append(found[names[0]]["low"], 1.0)
        many = {c for c in names if found[c]["sources"].sum() >= FEWEST}
        for ax, classes in zip(axes, members.values(), strict=False):
            shares = {c: found[c]["share"] for c in classes if c in many}
            plots.histogram_steps(ax, edges, shares, looks)
            ax.set(xlim=(0, 1))
        axes[0].set_ylim(0, 1.08 * max((found[c]["share"].max() for c in many), default=1.0))
        marks = [{c: in_bins(found[c]) for c in m if c not in many} for m in members.values()]
        unscaled(axes[: len(members)])
        rows, limits = max(len(m) for m in marks), axes[0].get_ylim()
        for ax, few in zip(axes, marks, strict=False):
            ax.set_ylim(limits)  # they share their axis, which grows with each
            plots.source_marks(ax, few, looks, rows)
            plots.legend_over(ax, 3)
        for ax in axes[len(members) :]:
            ax.remove()
        left.supxlabel("probability of the source's class", fontsize=9)
        left.supylabel("share of the class" if many else "", fontsize=9)
        ax, shades = right.subplots(), colours_of(view, False)
        by_threshold = {
            f"p > {c.removeprefix('above_')}": [found[n][c][0] for n in names] for c in above
        }
        counted = [f"{n} ({int(found[n]['sources'].sum()):,})" for n in names]
        plots.shares_above(ax, counted, by_threshold, [shades[n] for n in names])
        legend_above(right, ax)

    caption = (
        "Left: probability of a source's own class, by class. Right: share of each class with that "
        f"probability above 0.5, 0.7 and 0.9. All sources with a class.{said}"
    )
    size = (7.4, max(1.5 * -(-len(members) // 2) + 0.6, 0.22 * len(names) + 1.2))
    return Drawing(stem, title, caption, table, size, draw)


def _typicality(view: CatalogueView) -> Drawing | NotDrawn:
    stem, title = "typicality", "Typicality and the probability of none"
    given = {"typicality": view.typicality, "p_none": view.p_none}
    # Under the paper's method p_none is 0 for all: nothing to draw.
    drawn = {k: v for k, v in given.items() if v is not None and np.nanmax(v, initial=0) > 0}
    if not drawn:
        return NotDrawn(stem, title, "the catalogue has neither typicality nor p_none")
    every = np.ones(len(view.group), dtype=bool)
    group, names, said = largest(view.group, view.groups, every, what="groups are shown")
    if not names:
        return NotDrawn(stem, title, "no source has a class")
    whole = dict.fromkeys(drawn, (0.0, 1.0))
    table = distributions.feature_histograms(drawn, group, names, whole, bins=20)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(drawn), squeeze=False)[0]
        for ax, (what, part) in zip(axes, pieces(table, "feature").items(), strict=True):
            of = part["population"]
            of_each = {n: {c: v[of == n] for c, v in part.items()} for n in names}
            edges = np.append(of_each[names[0]]["low"], of_each[names[0]]["high"][-1:])
            many = {n: p["share"] for n, p in of_each.items() if p["n"].sum() >= FEWEST}
            looks = looks_in(view.groups)
            plots.histogram_steps(ax, edges, many, looks)
            ax.set_xlim(0, 1)
            ax.set_xlabel({"p_none": "probability of none of the classes"}.get(what, what))
            ax.set_ylabel("share of the group")
            if what == "p_none" and many:
                ax.set_yscale("log")
            unscaled([ax])
            few = {n: in_bins(p, "n") for n, p in of_each.items() if n not in many}
            plots.source_marks(ax, few, looks)
        legend_above(figure, *axes)

    caption = (
        "Typicality: the share of the training detections in a sparser place of feature space; it "
        "would be flat for detections like those. All sources; a mean over a source's detections."
        + (f" {title.split(' and ')[0]} only: p_none is 0." if "p_none" not in drawn else "")
        + said
    )
    return Drawing(stem, title, caption, table, (3.5 * len(drawn) + 0.3, 3.0), draw)


def in_bins(part: dict[str, np.ndarray], counted: str = "sources") -> np.ndarray:
    """Return the middle of the bin of each source."""
    return np.repeat((part["low"] + part["high"]) / 2, part[counted])


class _Fit(BaseModel):
    k: int = Field(ge=1, le=10_000)
    bic: float | None = None
    icl: float | None = None
    silhouette: float | None = None
    stability: float | None = None


class _Scan(BaseModel):
    fits: list[_Fit] = Field(min_length=1)
    advice: str = ""
    silhouette_is_exact: bool = True


def k_scan(folder: Path, required: bool) -> Drawing | NotDrawn:
    """Draw the scan over the number of clusters K that `xsift scan` wrote into a folder.

    Raises
    ------
    TableError
        If the folder's `scan.json` is not a scan. With `required`, also if it does not exist.
    """
    stem, title, path = "k_scan", "Number of clusters", folder / "scan.json"
    if not path.exists():
        if required:
            raise TableError(f"{folder}: no scan.json here: give a folder that xsift scan wrote")
        return NotDrawn(stem, title, "no scan.json in the folder (xsift scan; --scan FOLDER)")
    check_of_one_run(folder, ("scan.json", "scan.parquet"))
    try:
        if path.stat().st_size > _SCAN_BYTES:
            raise TableError(f"{path}: larger than {_SCAN_BYTES:,} bytes: not a scan")
        scan = _Scan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TableError(f"{path}: {where}: {first['msg']}: repeat xsift scan") from error
    names = ("k", "bic", "icl", "silhouette", "stability")
    table = pa.table(
        {n: pa.array([getattr(f, n) for f in scan.fits]).cast(pa.float64()) for n in names}
    )
    sample = "" if scan.silhouette_is_exact else " (sample)"

    def draw(figure: Figure) -> None:
        c = columns(table)
        panels = (
            (c["bic"] / 1e3, "BIC / 1000"),
            (c["icl"] / 1e3, "ICL / 1000"),
            (c["silhouette"], f"silhouette{sample}"),
            (c["stability"], "agreement of restarts (ARI)"),
        )
        for i, (ax, (values, label)) in enumerate(
            zip(figure.subplots(2, 2, sharex=True).flat, panels, strict=True)
        ):
            plots.against_k(ax, c["k"], values, label, colour=("#0072B2", "#CC3311")[i // 2])
            ax.label_outer()
            ax.yaxis.set_tick_params(labelleft=True)
            ax.set_ylabel(label)

    caption = f"Each restart, their mean and standard deviation. {scan.advice}".strip()
    return Drawing(stem, title, caption, table, (7.2, 4.6), draw)
