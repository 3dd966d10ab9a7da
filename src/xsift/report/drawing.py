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
from xsift.catalogue.view import CatalogueView, DetectionsView
from xsift.report import distributions
from xsift.surveys import Survey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Drawing", "NotDrawn"]

MOST_PANELS = 12
SHARES = (0.5, 0.9)
OUTLINES = "Contours enclose 50 and 90 per cent of the {what}."
KERNEL = (
    "Kernel density of the uniquely classified sources (features of the first detection), each "
    "curve with area 1."
)
LOWEST_LOG = -6.0
"""Below this logarithm an axis does not begin, if values lie above it: ratios of constant light
curves are 1e-17."""
_OUTER = 0.005
_MOST_CLUSTERS = 8

Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure: what it is called, the numbers that it shows, and how to draw them.

    Attributes
    ----------
    stem : str
        Of its files.
    title, caption : str
    table : pyarrow.Table
    size : pair of float
        Inches.
    draw : callable
        Takes an empty Matplotlib Figure; draws nothing that is not in the table.
    """

    stem: str
    title: str
    caption: str
    table: pa.Table
    size: tuple[float, float]
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class NotDrawn:
    """A figure for which the catalogue has not what it takes, and why."""

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
    of = part["population"]
    return {n: (part["x"][of == n], part["density"][of == n]) for n in dict.fromkeys(of)}


def outlines(
    table: pa.Table, x: str = "x", y: str = "y"
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, list[float]]]:
    """Return each population's surface with the densities that enclose `SHARES` of it."""
    found = {}
    for name, part in pieces(table).items():
        at_x, at_y = np.unique(part[x]), np.unique(part[y])
        z = part["density"].reshape(len(at_x), len(at_y)).astype(np.float64)
        found[name] = (at_x, at_y, z, [distributions.level_of(z, s) for s in SHARES])
    return found


def largest(
    code: np.ndarray,
    names: Sequence[str],
    known: np.ndarray,
    at_least: int = 1,
    most: int = MOST_PANELS,
    what: str = "classes",
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Keep the populations that have enough known members, and of those the largest.

    Returns
    -------
    code : ndarray of int
        Anew, -1 for those left out.
    names : tuple of str
        In their order.
    said : str
        Sentences, where populations are left out: they have too few members, or are too many.
    """
    n = np.bincount(code[known & (code >= 0)], minlength=len(names))
    enough = np.flatnonzero(n >= at_least)
    kept = np.sort(enough[np.argsort(-n[enough], kind="stable")[:most]])
    place = np.full(len(names) + 1, -1)
    place[kept] = np.arange(len(kept))
    few = [f"{name} ({k})" for name, k in zip(names, n, strict=True) if 0 < k < at_least]
    said = f" Not drawn, with fewer than {at_least}: {', '.join(few)}." if few else ""
    if len(kept) < len(enough):
        said += f" The {most} largest of {len(enough)} {what}."
    return place[code], tuple(names[k] for k in kept), said


def clusters_of(
    view: CatalogueView,
) -> tuple[DetectionsView, np.ndarray, tuple[str, ...], str] | str:
    """Return the detections, their clusters and what to say of those left out; or why not."""
    found = view.detections
    if found is None:
        return "the folder has no table of detections"
    if not found.n_clusters:
        return "no detection has a cluster"
    if not found.features:
        return "no detection has a feature"
    names = [f"cluster {k}" for k in range(found.n_clusters)]
    every = np.ones(len(found.cluster), dtype=bool)
    cluster, kept, said = largest(
        found.cluster, names, every, most=_MOST_CLUSTERS, what="clusters are shown"
    )
    return found, cluster, kept, said


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


def feature_text(survey: Survey, feature: str, log: bool = False) -> str:
    """Return what an axis says of a feature, in figures and cards alike."""
    known = survey.feature(feature)
    label, symbol = (known.label, known.symbol) if known else ("", "")
    if log:
        symbol = f"log {symbol}" if symbol else ""
        label = label if symbol else f"log {label or feature}"
    # A feature with neither has its name.
    label = label or ("" if symbol else feature)
    return plots.feature_label(label, unit_of(survey, feature), symbol)


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
    if found:
        # Rows of equal length, where one would be too long.
        columns = -(-len(found) // -(-len(found) // wide))
        figure.legend(
            found.values(),
            found.keys(),
            loc="outside upper center",
            ncols=columns,
            columnspacing=1.2,
            handlelength=1.8,
        )


def legend_right(ax: Axes) -> None:
    """Put the legend right of the axes."""
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), borderaxespad=0)


def plain_ticks(axis: Any) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, at 1, 2 and 5 times the powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())
