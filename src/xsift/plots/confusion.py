"""Confusion of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xsift.plots.names import printable
from xsift.plots.style import PerPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["confusion_counts", "confusion_matrix", "cross_table", "share_matrix"]


def confusion_matrix(ax: Axes, truth: PerPoint, predicted: PerPoint, names: Sequence[str]) -> Axes:
    """Draw a confusion matrix: each row shows how the sources of a true class are classified.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    truth, predicted : sequence of str or None, (n,)
        A pair is left out if either class is None or is not in `names`.
    names : sequence of str
        Classes, from top to bottom and from left to right.

    Returns
    -------
    matplotlib.axes.Axes
        One image of the shares of each row. The diagonal shows the recall. A class without members
        has an empty row (NaN).
    """
    return confusion_counts(ax, _count(truth, predicted, names), names)


def confusion_counts(ax: Axes, counts: NDArray[np.int64], names: Sequence[str]) -> Axes:
    """Draw a confusion matrix from its counts, as shares of each true class.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : ndarray of int, (k, k)
        Rows are the true classes.
    names : sequence of str

    Returns
    -------
    matplotlib.axes.Axes
    """
    return cross_table(ax, counts, names, names, "true class", "predicted class")


def cross_table(
    ax: Axes,
    counts: NDArray[np.int64],
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
) -> Axes:
    """Draw a table of counts as shares of each row. It need not be square.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : ndarray of int, (r, c)
    rows, columns : sequence of str
        From top to bottom and from left to right.
    row_title, column_title : str
        Titles of the two axes.

    Returns
    -------
    matplotlib.axes.Axes
        One image of the shares. A row without members is empty (NaN).
    """
    members = counts.sum(axis=1, keepdims=True)
    share = np.full(counts.shape, np.nan)
    np.divide(counts, members, out=share, where=members > 0)
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    size = float(np.clip(56 / max(*counts.shape, 1), 5, 9))
    for (row, column), value in np.ndenumerate(share):
        if np.isnan(value):
            continue
        ax.text(
            column,
            row,
            f"{value:.2f}\n{counts[row, column]:,}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if value > 0.55 else "#333333" if counts[row, column] else "#aaaaaa",
        )
    named = zip(rows, members[:, 0], strict=True)
    ax.set_xticks(np.arange(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(np.arange(len(rows)), [f"{name} ({m:,})" for name, m in named])
    ax.set(xlabel=column_title, ylabel=f"{row_title} (number)")
    ax.tick_params(length=0)
    ax.grid(False)
    label = f"share of the {row_title}"
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.046, pad=0.03)
    return ax


def share_matrix(
    ax: Axes,
    shares: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    cmap: str = "Blues",
) -> AxesImage:
    """Draw a matrix of shares as colours, without numbers. Use it for tens of columns.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    shares : array_like, (r, c)
        Values from 0 to 1. Cells with NaN stay empty.
    rows, columns : sequence of str
        From top to bottom and from left to right. Matplotlib interprets formulae in `rows`.
    cmap : str

    Returns
    -------
    matplotlib.image.AxesImage
        Pass it to a colour bar.
    """
    image = ax.imshow(
        np.asarray(shares, dtype=float), cmap=cmap, vmin=0, vmax=1, aspect="auto", origin="upper"
    )
    ax.set_yticks(np.arange(len(rows)), list(rows), fontsize=7)
    turned = 90 if len(columns) > 20 else 0
    named = [printable(c) for c in columns]
    ax.set_xticks(np.arange(len(columns)), named, fontsize=6, rotation=turned)
    ax.tick_params(length=0)
    ax.grid(False)
    return image


def _count(truth: PerPoint, predicted: PerPoint, names: Sequence[str]) -> NDArray[np.int64]:
    """Count pairs, (k, k)."""
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for t, p in zip(truth, predicted, strict=True):
        if t in place and p in place:
            counts[place[t], place[p]] += 1
    return counts
