"""Draw the documentation's pictures: `make pictures`, from the project's root.

They show the simulated survey of `xsift demo`, never real data.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow.compute as pc
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from xsift import Catalogue, Settings, run, surveys
from xsift.classes import Classes
from xsift.plots import GROUP_COLOURS, class_colours, feature_label, figure_style
from xsift.simulate import simulate
from xsift.write import write_table

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"


def classified() -> Catalogue:
    """Classify the survey that `xsift demo` simulates, by the calibrated method."""
    with tempfile.TemporaryDirectory() as folder:
        survey = simulate(6000, seed=42)
        write_table(survey.detections, Path(folder) / "survey.parquet", "parquet", {})
        write_table(survey.known, Path(folder) / "known.csv", "csv", {})
        settings = Settings(method="calibrated", seed=42)
        return run(Path(folder) / "survey.parquet", Path(folder) / "known.csv", settings)


def draw(result: Catalogue) -> Figure:
    """Draw what goes in and what comes out: detections, their groups, one of them by class."""
    table = result.detections
    assert table is not None
    table = table.filter(pc.equal(table["role"], "scored"))
    x: dict[str, Any] = {c: table[c].to_numpy() for c in ("hard_hs", "hard_hm")}
    group = np.array(table["group"].to_pylist(), dtype=object)
    classes = surveys.load("csc20").classes
    p = np.column_stack([table[c].to_numpy() for c in classes.columns])
    # One that is well inside its group, and yet not certain.
    sure = np.flatnonzero((group == "YSO") & (x["hard_hs"] > 0.2) & (x["hard_hs"] < 0.6))
    chosen = sure[np.argmin(np.abs(p[sure].max(axis=1) - 0.62))]

    figure = Figure(figsize=(11, 3.75), dpi=140)
    height = 2.95 / 3.75
    lefts, widths = (0.062, 0.372, 0.802), (2.95 / 11, 2.95 / 11, 0.175)
    axes = [figure.add_axes((a, 0.135, w, height)) for a, w in zip(lefts, widths, strict=True)]
    before, after, bars = axes
    before.scatter(x["hard_hs"], x["hard_hm"], s=4, c="#8a8f98", alpha=0.5, linewidths=0)
    # Shuffled, always in the same way: no group hides another by the order of drawing.
    order = np.random.default_rng(0).permutation(len(group))
    colour = np.array([GROUP_COLOURS.get(g, "#bbbbbb") for g in group])
    after.scatter(
        x["hard_hs"][order], x["hard_hm"][order], s=4, c=colour[order], alpha=0.7, linewidths=0
    )
    for ax in (before, after):
        ax.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), aspect="equal")
        ax.set_xlabel(feature_label("hardness, hard to soft", symbol="HR_hs"))
        ax.set_xticks(np.arange(-1, 1.1, 0.5))
        ax.set_yticks(np.arange(-1, 1.1, 0.5))
    before.set_ylabel(feature_label("hardness, hard to medium", symbol="HR_hm"))
    after.set_yticklabels([])
    for name, c in GROUP_COLOURS.items():
        if (group == name).sum() >= 20:
            after.scatter([], [], s=28, c=c, linewidths=0, label=name)
    after.legend(loc="upper left", handletextpad=0.1, borderaxespad=0.3)
    _bars(bars, classes, p[chosen], float(table["p_none"][int(chosen)].as_py()))
    titles = ("Detections, few with a label", "A class for each", "and its probability")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=8)
    at = (x["hard_hs"][chosen], x["hard_hm"][chosen])
    after.scatter(*at, s=90, facecolors="none", edgecolors="black", linewidths=1.2, zorder=5)
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 0.9, "shrinkA": 6, "zorder": 6}
    ends = {"coordsA": "data", "coordsB": "axes fraction", "axesA": after, "axesB": bars}
    figure.add_artist(ConnectionPatch(at, (-0.7, 0.5), **ends, **arrow))
    return figure


def _bars(ax: Any, classes: Classes, p: np.ndarray, p_none: float) -> None:
    """Draw the eight likeliest classes, in the order of the set, and none of these."""
    shades = class_colours([c.group for c in classes.classes], list(classes.groups))
    likeliest = np.sort(np.argsort(-p, kind="stable")[:8])
    names = [*(classes.classes[k].title for k in likeliest), "none of these"]
    colours = [*(shades[k] for k in likeliest), "#999999"]
    values = [*p[likeliest], p_none]
    place = np.arange(len(values))[::-1]
    ax.barh(place, values, color=colours, height=0.72)
    for y, value in zip(place, values, strict=True):
        ax.text(value + 0.015, y, f"{value:.2f}", va="center", fontsize=8)
    ax.set_yticks(place, names)
    ax.set_xlim(0, 0.8)
    ax.set_xlabel("probability")
    ax.grid(False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def main() -> None:
    with mpl.rc_context(figure_style()):
        draw(classified()).savefig(PICTURES / "what-it-does.png", format="png", dpi=140)


if __name__ == "__main__":
    main()
