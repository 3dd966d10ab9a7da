"""Legends that neither cover data nor leave the place of their axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["enlarge", "legend_beside", "legend_over"]

_SMALLEST = 0.25
"""Share of its place that an axes keeps, however large its legend is."""
_MOST = 0.4
"""Share of its place above which a legend is set in smaller letters."""
_ROW = 1.35
"""Height of a legend's row in sizes of its letters."""
_TIGHT: dict[str, Any] = {
    **{"handlelength": 1.2, "handletextpad": 0.4, "columnspacing": 0.8},
    **{"labelspacing": 0.25, "borderpad": 0.2},
}


def legend_beside(ax: Axes, title: str = "", **options: Any) -> Axes:
    """Put a legend to the right of the data, and narrow the axes to make room for it.

    The legend shows large, opaque markers, whatever the markers of the data look like. A legend
    that is taller than the axes gets several columns. A wide legend gets smaller letters.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    title : str
    **options
        Options of ``Axes.legend``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return ax
    ax.apply_aspect()
    room = ax.get_position(original=True).transformed(ax.figure.transSubfigure)
    for points in _sizes():
        rows = max(int(room.height / ax.figure.dpi * 72 / (points * _ROW)) - bool(title), 1)
        legend = ax.legend(
            handles,
            labels,
            loc="center left",
            bbox_to_anchor=(1.02, 0.5),
            borderaxespad=0,
            title=title or None,
            ncols=-(-len(labels) // rows),
            fontsize=points,
            title_fontsize=points,
            **_TIGHT | options,
        )
        if legend.get_window_extent().width <= _MOST * room.width:
            break
    enlarge(legend)
    _make_room(ax, legend, 0)
    return ax


def legend_over(ax: Axes, columns: int = 4, **options: Any) -> Axes:
    """Put a legend above the data, and lower the axes to make room for it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    columns : int
        Largest number of columns. The legend uses as many as fit the width.
    **options
        Options of ``Axes.legend``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return ax
    placed: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0.0, 1.01),
        "borderaxespad": 0,
    } | options
    for n in range(min(columns, len(labels)), 0, -1):
        legend = ax.legend(handles, labels, ncols=n, **placed)
        if n == 1 or legend.get_window_extent().width <= ax.get_window_extent().width:
            break
    enlarge(legend)
    _make_room(ax, legend, 1)
    return ax


def enlarge(legend: Legend) -> None:
    """Make the markers of a legend large and opaque, whatever the markers of the data look like."""
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_alpha(1)
            handle.set(sizes=[30])


def _make_room(ax: Axes, legend: Legend, side: int) -> None:
    """Take the legend's width (side 0) or height (side 1) from the axes.

    A layout engine makes room itself; ``plt.subplots()`` has none.
    """
    if ax.figure.get_layout_engine() is not None:
        return
    ax.apply_aspect()
    place = ax.get_position(original=True)
    box = place.transformed(ax.figure.transSubfigure)
    mine, data = legend.get_window_extent(), ax.get_window_extent()
    # From the edge of the data to the far edge of the legend; all of it has to fit.
    extra = (mine.x1 - data.x1) if side == 0 else (mine.y1 - data.y1)
    full = box.width if side == 0 else box.height
    kept = max(1 - extra / full, _SMALLEST)
    wide, high = (kept, 1.0) if side == 0 else (1.0, kept)
    ax.set_position((place.x0, place.y0, wide * place.width, high * place.height))


def _sizes() -> list[float]:
    """Return the sizes to try, point: that of the style, then smaller ones."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    size = FontProperties(size=rcParams["legend.fontsize"]).get_size_in_points()
    return [size, *(s for s in (8.0, 7.0, 6.0, 5.0) if s < size)]
