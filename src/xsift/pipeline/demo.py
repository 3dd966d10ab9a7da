"""The whole way on a simulated survey, and how well it recovers the truth."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import write
from xsift.catalogue.tables import place
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import lack_of
from xsift.model.sample import Progress, silent
from xsift.pipeline.catalogue import Catalogue
from xsift.pipeline.run import run
from xsift.settings import Settings
from xsift.simulate import Simulation, simulate

__all__ = ["Demonstration", "Recovery", "demonstrate", "exhibit"]

SURVEY, KNOWN, TRUTH = "simulated_survey.vot", "simulated_known.csv", "simulated_truth.csv"
FIGURES = ("sky.png", "hardness.png", "variability.png", "confusion.png")


@dataclass(frozen=True)
class Recovery:
    """How well the groups of the classified sources agree with the simulated truth.

    Attributes
    ----------
    groups : tuple of str
    n : dict of int
        Sources of each group by the truth.
    recall, precision : dict of float
        NaN where a group has no source.
    accuracy, balanced_accuracy : float
    n_other : int
        Classified sources whose truth is none of the classes: left out of all of the above.
    """

    groups: tuple[str, ...]
    n: dict[str, int]
    recall: dict[str, float]
    precision: dict[str, float]
    accuracy: float
    balanced_accuracy: float
    n_other: int


@dataclass(frozen=True)
class Demonstration:
    """A classified simulated survey."""

    catalogue: Catalogue
    recovery: Recovery
    figures: tuple[str, ...]


def demonstrate(
    folder: str | Path,
    n_sources: int = 6000,
    seed: int = 42,
    progress: Progress = silent,
) -> Demonstration:
    """Simulate a survey, classify it through files as a user would, and compare with the truth.

    Parameters
    ----------
    folder : str or Path
        Gets the simulated tables, the results of `run` and, where Matplotlib is, four figures.
    n_sources, seed : int
    progress : callable
        Told of each step as it begins.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    with _place(folder) as staging:
        simulation, result = _classified(staging, n_sources, seed, 1, progress)
        names = simulation.detections["name"]
        truth = pa.table({"name": names, "truth": pa.array(simulation.truth)})
        write.write_table(truth, staging.path(TRUTH), "csv", _about(seed))
        source_truth = dict(zip(names.to_pylist(), simulation.truth, strict=True))
        true_codes = [source_truth[n] for n in result.sources["name"].to_pylist()]
        recovery = _recovery(true_codes, result.sources["group"].to_pylist(), PAPER_CLASSES)
        result.record["recovery"] = asdict(recovery)
        lack = lack_of("matplotlib", "no figures")
        figures = () if lack else FIGURES
        result.record["warnings"] += [lack] if lack else []
        progress(f"writing {folder}")
        result.stage(staging)
        if figures:
            progress("drawing figures")
            _draw(staging, result, true_codes)
    return Demonstration(result, recovery, tuple(str(Path(folder) / f) for f in figures))


def exhibit(
    folder: str | Path,
    n_sources: int = 2500,
    seed: int = 42,
    progress: Progress = silent,
) -> None:
    """Simulate a survey and classify it, to be looked at.

    A third of the known objects is given as known: the others are there to be found.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    with _place(folder) as staging:
        _, result = _classified(staging, n_sources, seed, 3, progress)
        result.stage(staging, formats=("parquet",))


def _place(folder: str | Path) -> write.Staging:
    return place(folder, more=(SURVEY, KNOWN, TRUTH, *FIGURES))


def _classified(
    staging: write.Staging, n_sources: int, seed: int, one_in: int, progress: Progress
) -> tuple[Simulation, Catalogue]:
    """Simulate a survey, write it, and classify it with one in so many of its known objects."""
    progress(f"simulating {n_sources:,} sources")
    simulation = simulate(n_sources, seed)
    known = simulation.known.take(pa.array(range(0, simulation.known.num_rows, one_in)))
    survey, labels = staging.path(SURVEY), staging.path(KNOWN)
    write.write_table(simulation.detections, survey, "votable", _about(seed))
    write.write_table(known, labels, "csv", _about(seed))
    settings = Settings(features="all", seed=seed)
    beside = f"{survey.parent}{os.sep}"  # where nobody looks
    return simulation, run(
        survey, labels, settings, progress=lambda s: progress(s.replace(beside, ""))
    )


def _about(seed: int) -> dict[str, str]:
    return {"creator": "xsift demo", "seed": str(seed)}


def _recovery(true_codes: list[str], groups: list[str], classes: Classes) -> Recovery:
    known = {c.code: c.group for c in classes.classes}
    truth = np.array([known.get(code, "") for code in true_codes])
    predicted = np.array(groups)
    inside = truth != ""
    right = truth == predicted
    n = {g: int((truth == g).sum()) for g in classes.groups}
    recall = {g: _share(right[truth == g]) for g in classes.groups}
    precision = {g: _share(right[inside & (predicted == g)]) for g in classes.groups}
    return Recovery(
        classes.groups,
        n,
        recall,
        precision,
        _share(right[inside]),
        float(np.mean([recall[g] for g in classes.groups])),
        int((~inside).sum()),
    )


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")


def _draw(staging: write.Staging, result: Catalogue, true_codes: list[str]) -> None:
    import matplotlib as mpl
    from astropy.coordinates import SkyCoord
    from matplotlib.figure import Figure

    from xsift import plots

    classes, sources = PAPER_CLASSES, result.sources
    group, groups = sources["group"].to_pylist(), classes.groups
    x: dict[str, Any] = {c: sources[c].to_numpy() for c in sources.column_names}
    galactic = SkyCoord(x["ra"], x["dec"], unit="deg").galactic
    drawings = {
        "sky.png": ("mollweide", (7.2, 3.2), plots.galactic_map, (galactic.l.deg, galactic.b.deg)),
        "hardness.png": (None, (5.8, 4.2), plots.hardness_plane, (x["hard_hs"], x["hard_hm"])),
        "variability.png": (
            None,
            (6.4, 4.2),
            plots.variability_plane,
            (x["var_prob_b"], x["var_ratio_b"]),
        ),
    }
    style: Any = plots.figure_style()
    with mpl.rc_context(style):
        for name, (projection, size, draw, arrays) in drawings.items():
            figure = Figure(figsize=size, layout="constrained", dpi=160)
            draw(figure.add_subplot(projection=projection), *arrays, group, groups)
            figure.savefig(staging.path(name), format="png")
        known = {c.code: c.group for c in classes.classes}
        figure = Figure(figsize=(5.2, 4.6), layout="constrained", dpi=160)
        truth = [known.get(code) for code in true_codes]
        plots.confusion_matrix(figure.add_subplot(), truth, group, groups)
        figure.savefig(staging.path("confusion.png"), format="png")
