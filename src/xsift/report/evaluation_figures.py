"""The figures of a validation, as SVG for its page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xsift import plots
from xsift.errors import lack_of

__all__ = ["evaluation_figures", "svg_of"]


def evaluation_figures(results: Mapping[str, Any]) -> dict[str, str | None]:
    """Draw confusion and reliability of each method, and the figure of few labels.

    Parameters
    ----------
    results : mapping
        The ``results`` of `evaluation.json`.

    Returns
    -------
    dict
        SVG by name: ``confusion METHOD``, ``reliability METHOD``, ``labels``. None where Matplotlib
        is not installed.
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
    return drawn


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


def svg_of(draw: Callable[..., Any], size: tuple[float, float]) -> str | None:
    """Return a figure as an SVG element: its text is text, and it says nothing of the day.

    Where Matplotlib is not installed, there is none.
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
        draw(figure.subplots())
        sink = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(sink, format="svg", metadata=nothing)
    text = sink.getvalue()
    return text[text.index("<svg") :]
