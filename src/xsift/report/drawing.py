"""What the figures of a catalogue share: populations, panels, legends, axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import plots
from xsift.catalogue.axes import is_logarithmic, unit_of
from xsift.catalogue.view import CatalogueView
from xsift.report import distributions
from xsift.report.distributions import FEWEST
from xsift.surveys import Survey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Drawing", "NotDrawn"]

MOST_PANELS = 12
SHARES = (0.5, 0.9)
LEVELS = ("90 %", "50 %")
OUTLINES = "Contours enclose 50 (thick) and 90 per cent (thin) of the {what}."
KERNEL = (
    "Kernel density of the uniquely classified sources (features of the first detection), each "
    "curve with area 1."
)
LOWEST_LOG = -6.0
"""Below this logarithm an axis does not begin, if values lie above it: ratios of constant light
curves are 1e-17."""
_OUTER = 0.005

Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure: its name, the numbers that it shows, and the function that draws them.

    Attributes
    ----------
    stem : str
        Name of its files, without the ending.
    title, caption : str
    table : pyarrow.Table
    size : pair of float
        Inches.
    draw : callable
        Function that draws into an empty Matplotlib Figure. It draws only what is in the table.
    """

    stem: str
    title: str
    caption: str
    table: pa.Table
    size: tuple[float, float]
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class NotDrawn:
    """A figure that is left out because the catalogue lacks its data, and the reason."""

    stem: str
    title: str
    why: str


def columns(table: pa.Table) -> dict[str, np.ndarray]:
    """Return a table's columns as arrays."""
    return {c: table[c].to_numpy() for c in table.column_names}


def pieces(table: pa.Table, by: str = "population") -> dict[str, dict[str, np.ndarray]]:
    """Split a long table by a column of names, in the order in which they come."""
    names = pc.unique(table[by]).to_pylist()
    return {name: columns(table.filter(pc.equal(table[by], name))) for name in names}


def curves_of(part: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the curves of one feature, by population."""
    of, there = part["population"], np.isfinite(part["density"])
    names = dict.fromkeys(of[there])
    return {n: (part["x"][of == n], part["density"][of == n]) for n in names}


def marks_of(part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the values of one feature in each population that is too small for a curve."""
    of, alone = part["population"], np.isnan(part["density"])
    return {n: part["x"][of == n] for n in dict.fromkeys(of[alone])}


def marked(
    axes: Sequence[Axes],
    marks: Sequence[dict[str, np.ndarray]],
    every: Sequence[str],
    looks: dict[str, tuple[str, str]] | None = None,
) -> None:
    """Mark the sources of small populations, in the same rows of panels that share their axis."""
    names = [n for n in every if any(n in found for found in marks)]
    looks = looks or looks_in(every)
    unscaled(axes)
    limits = [ax.get_ylim() for ax in axes]
    for ax, end, found in zip(axes, limits, marks, strict=True):
        ax.set_ylim(end)  # panels that share their axis grow together
        plots.source_marks(ax, {n: found.get(n, np.array([])) for n in names}, looks)


def unscaled(axes: Sequence[Axes]) -> None:
    """Take the numbers off vertical axes on which no panel has a curve or a histogram."""
    if not any(ax.lines or ax.patches for ax in axes):
        for ax in axes:
            ax.set_yticks([])
            ax.set_ylabel("")


def outlines(
    table: pa.Table, x: str = "x", y: str = "y"
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, list[float]]]:
    """Return each population's surface with the densities that enclose `SHARES` of it."""
    found = {}
    for name, part in pieces(table).items():
        if np.isnan(part["density"]).any():
            continue
        at_x, at_y = np.unique(part[x]), np.unique(part[y])
        z = part["density"].reshape(len(at_x), len(at_y)).astype(np.float64)
        found[name] = (at_x, at_y, z, [distributions.level_of(z, s) for s in SHARES])
    return found


def points_of(
    table: pa.Table, x: str = "x", y: str = "y"
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the points of each population that is too small for a surface."""
    alone = {n: p for n, p in pieces(table).items() if np.isnan(p["density"]).any()}
    return {name: (part[x], part[y]) for name, part in alone.items()}


def largest(
    code: np.ndarray,
    names: Sequence[str],
    known: np.ndarray,
    most: int = MOST_PANELS,
    what: str = "classes",
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Keep the populations that have known members, and of those the largest.

    Returns
    -------
    code : ndarray of int
        Anew, -1 for those left out.
    names : tuple of str
        In their order.
    said : str
        Sentences: which are too small for a density, and where populations are left out.
    """
    n = np.bincount(code[known & (code >= 0)], minlength=len(names))
    there = np.flatnonzero(n)
    kept = np.sort(there[np.argsort(-n[there], kind="stable")[:most]])
    place = np.full(len(names) + 1, -1)
    place[kept] = np.arange(len(kept))
    few = [f"{names[k]} ({n[k]})" for k in kept if n[k] < FEWEST]
    said = f" Fewer than {FEWEST} sources, each drawn by itself: {', '.join(few)}." if few else ""
    if len(kept) < len(there):
        said += f" The {most} largest of {len(there)} {what}."
    return place[code], tuple(names[k] for k in kept), said


def span_of(view: CatalogueView, feature: str, values: np.ndarray) -> tuple[Span, bool]:
    """Return the range of an axis, and whether the feature itself ends there.

    The survey's bounds of a ratio or a probability; else what holds all but the outer half per
    cent on each side.
    """
    column, is_log = view.survey.column(feature), is_logarithmic(view.survey, feature)
    low, high = column.low, column.high
    if low is not None and high is not None and high - low <= 2 and not is_log:
        return (low, high), True
    known = values[np.isfinite(values)]
    if not len(known):
        return (0.0, 1.0), False
    low, high = np.quantile(known, [_OUTER, 1 - _OUTER])
    if is_log and high > LOWEST_LOG:
        low = max(low, LOWEST_LOG)
    room = 0.05 * (high - low) if high > low else max(0.5, 0.05 * abs(low))
    return (float(low - room), float(high + room)), False


def scaled(view: CatalogueView, feature: str, values: np.ndarray) -> np.ndarray:
    """Return the values, or their decimal logarithms (NaN for 0) where the axis is logarithmic."""
    if not is_logarithmic(view.survey, feature):
        return values
    return np.asarray(np.log10(values, where=values > 0, out=np.full(len(values), np.nan)))


def lacking(view: CatalogueView, wanted: Sequence[str]) -> str:
    """Say which features are missing."""
    missing = [f for f in wanted if f not in view.features]
    return f"no {', '.join(missing)} in the catalogue" if missing else "no source has a class"


def looks_in(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give populations colours and line styles."""
    return plots.line_looks(list(names))


def colours_of(view: CatalogueView, by_group: bool) -> dict[str, str]:
    """Give each group its colour, or each class a shade of its group's."""
    if by_group:
        return {name: look[0] for name, look in plots.look_of(list(view.groups)).items()}
    shades = plots.class_colours(view.group_of_name, list(view.groups))
    return dict(zip(view.names, shades, strict=True))


def grid(figure: Figure, n: int, wide: int, projection: str | None = None) -> list[Axes]:
    """Return `n` panels in rows of `wide`."""
    rows = -(-n // wide)
    return [
        figure.add_subplot(rows, wide, i + 1, **({"projection": projection} if projection else {}))
        for i in range(n)
    ]


def in_rows(n: int) -> int:
    """Return how many small panels stand in a row, so that the last row is nearly full."""
    return 5 if n in (5, 9, 10) else min(n, 4)


def axis_text(view: CatalogueView, feature: str) -> str:
    """Return what a feature's axis says, its values as they are."""
    return feature_text(view.survey, feature)


def scaled_text(view: CatalogueView, feature: str) -> str:
    """Return what the axis of `scaled` values says."""
    return feature_text(view.survey, feature, is_logarithmic(view.survey, feature))


def feature_text(survey: Survey, feature: str, log: bool = False, unit: bool = True) -> str:
    """Return what an axis says of a feature, in figures and cards alike."""
    known = survey.feature(feature)
    label, symbol = (known.label, known.symbol) if known else ("", "")
    label = label if label or symbol else feature
    said = unit_of(survey, feature) if unit else ""
    if log and not symbol:
        return r"log$_{10}$ " + plots.feature_label(label, said)
    return plots.feature_label(label, said, f"log {symbol}" if log else symbol)


def from_zero(*axes: Axes) -> None:
    """Begin the vertical axes at zero, when all is drawn: axes may share their limits."""
    for ax in axes:
        ax.set_ylim(bottom=0)


def three_ticks(ax: Axes, spans: tuple[Span, Span]) -> None:
    """Put few ticks on both axes: small panels have room for no more.

    At the ends and the middle; where these are no round numbers, at the round ones between.
    """
    from matplotlib.ticker import MaxNLocator

    for axis, span in zip((ax.xaxis, ax.yaxis), spans, strict=True):
        at = np.linspace(*span, 3)
        if any(float(f"{v:.2g}") != v for v in at):
            at = np.asarray(MaxNLocator(3).tick_values(*span))
            at = at[(at >= span[0]) & (at <= span[1])]
        axis.set_ticks(at, [f"{v:.6g}".replace("-", "\N{MINUS SIGN}") for v in at])


def square(ax: Axes, spans: tuple[Span, Span]) -> None:
    """Let both axes end at their spans, and the frame be a square."""
    ax.set(xlim=spans[0], ylim=spans[1])
    wide, high = (span[1] - span[0] for span in spans)
    if np.isclose(wide, high):
        ax.set_aspect("equal")
    else:
        ax.set_box_aspect(1)


def legend_above(figure: Figure, *axes: Axes, wide: int = 6) -> None:
    """Put one legend above all panels, of what the given ones show."""
    found: dict[Any, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    for n in range(min(wide, len(found)), 0, -1):
        # Rows of equal length, where one would be too long.
        columns = -(-len(found) // -(-len(found) // n))
        legend = figure.legend(
            found.values(),
            found.keys(),
            loc="outside upper center",
            ncols=columns,
            columnspacing=1.2,
            handlelength=1.8,
        )
        plots.enlarge(legend)
        if n == 1 or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
            return
        legend.remove()


def legend_right(ax: Axes) -> None:
    """Put the legend right of the axes."""
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), borderaxespad=0)


def plain_ticks(axis: Any) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, at 1, 2 and 5 times the powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())
