"""The figures of a validation, as SVG for its page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xsift import plots
from xsift.errors import lack_of

__all__ = ["FEWEST_DRAWN", "evaluation_figures", "svg_of"]

FEWEST_DRAWN = 10
"""Detections that a bin of a group's probability needs to be drawn."""
_IN_A_ROW = 5


def evaluation_figures(results: Mapping[str, Any]) -> dict[str, str | None]:
    """Draw the figures of a validation, as far as its results allow.

    These are the confusion and reliability of each method, few labels, the open world and faint
    detections.

    Parameters
    ----------
    results : mapping
        The ``results`` of `evaluation.json`.

    Returns
    -------
    dict
        SVG by name: ``confusion METHOD``, ``reliability METHOD``, ``labels``, ``open METHOD``,
        ``counts``. None if Matplotlib is not installed.
    """
    drawn = {}
    for method, found in results["folds"].items():
        if "failed" in found:
            continue
        groups = found["detections"]["groups"]
        counts, bins = np.array(groups["confusion"]), groups["reliability"]
        names = groups["names"]
        drawn[f"confusion {method}"] = svg_of(
            lambda ax, c=counts, n=names: plots.confusion_counts(ax, c, n), (4.6, 3.8)
        )
        drawn[f"reliability {method}"] = svg_of(
            lambda ax, b=bins: plots.reliability(
                ax, b["n"], b["confidence"], b["accuracy"], b["low"], b["high"]
            ),
            (3.8, 3.8),
        )
    if "shares" in results:
        shares, values = _few_labels(results)
        drawn["labels"] = svg_of(
            lambda ax: plots.against_labels(ax, shares, values, "balanced accuracy, groups"),
            (6.4, 4.0),
        )
    for method, found in results.get("open", {}).items():
        if "detections" in found:
            promised = found["detections"]["groups"]["promise"]
            drawn[f"open {method}"] = svg_of(
                lambda axes, by_group=promised: _promise(axes, by_group),
                *_grid(len(promised)),
            )
    if any("failed" not in f for f in results.get("faint", {}).values()):
        drawn["counts"] = svg_of(
            lambda axes: _fewer_counts(axes, results["faint"]), (8.4, 3.4), (1, 2)
        )
    return drawn


def _grid(n: int) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return the size (inch) of a figure of so many panels, and its rows and columns."""
    columns = min(n, _IN_A_ROW)
    rows = -(-n // columns)
    return (2.4 * columns, 2.7 * rows), (rows, columns)


def _promise(axes: Any, by_group: Mapping[str, Any]) -> None:
    """Draw a reliability diagram of each group's probability; of a few detections no point."""
    axes = np.atleast_2d(axes)
    for ax in axes.flat[len(by_group) :]:
        ax.set_axis_off()
    for ax, (name, by_bin) in zip(axes.flat, by_group.items(), strict=False):
        bins = np.zeros((5, 10))
        for said, f in by_bin.items():
            promised, right = f["promised"], f["right"]
            if promised["n"] < FEWEST_DRAWN:
                continue
            figures = [right["value"], right["low"], right["high"]]
            bins[:, int(said.split()[0]) // 10] = [promised["n"], promised["value"], *figures]
        n, confidence, accuracy, low, high = bins
        plots.reliability(ax, n, confidence, accuracy, low, high, name)
        if ax not in axes[:, 0]:
            ax.set_ylabel("")


def _fewer_counts(axes: np.ndarray, found: Mapping[str, Any]) -> None:
    """Draw log-loss and ECE against counts."""
    worked = {method: f for method, f in found.items() if "failed" not in f}
    counts = sorted({int(n) for f in worked.values() for n in f})
    for ax, (measure, label) in zip(
        axes, {"log_loss": "log-loss, groups", "ece": "ECE, groups"}.items(), strict=True
    ):
        values = {}
        for method, f in worked.items():
            there = [f.get(str(n), {}).get(measure, {}) for n in counts]
            told = [[v.get(k, np.nan) for v in there] for k in ("value", "low", "high")]
            values[method] = (told[0], told[1], told[2])
        plots.against_counts(ax, counts, values, label)
    plots.legend_over(axes[0])


def _few_labels(
    results: Mapping[str, Any],
) -> tuple[list[float], dict[str, tuple[list[float], list[float]]]]:
    some = next(iter(results["shares"].values()))
    shares = [float(s) for s in some] + [1.0]
    values = {}
    for method, by_share in results["shares"].items():
        drawn = [f["detections"]["groups"].get("balanced_accuracy", {}) for f in by_share.values()]
        everything = results["folds"][method].get("detections")
        last = everything["groups"]["balanced_accuracy"]["value"] if everything else np.nan
        mean = [d.get("mean", np.nan) for d in drawn]
        values[method] = ([*mean, last], [*(d.get("sd", np.nan) for d in drawn), np.nan])
    return shares, values


def svg_of(
    draw: Callable[..., Any], size: tuple[float, float], panels: tuple[int, int] = (1, 1)
) -> str | None:
    """Return a figure as an SVG element that keeps its text as text and contains no date.

    Return None if Matplotlib is not installed.

    Parameters
    ----------
    draw : callable
        Function that draws into the axes. With several panels it gets an array of axes.
    size : tuple of float
        Width and height (inch).
    panels : tuple of int
        Rows and columns.
    """
    if lack_of("matplotlib", "no figures"):
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = plots.figure_style() | {
        "svg.fonttype": "none",
        "svg.hashsalt": "xsift",
        "font.family": "sans-serif",
        "text.parse_math": False,  # a class may be called $x$
        "axes.formatter.use_mathtext": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots(*panels))
        sink = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(sink, format="svg", metadata=nothing)
    text = sink.getvalue()
    return text[text.index("<svg") :]
