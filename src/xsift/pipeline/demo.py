"""The whole way on a simulated survey, and how well it recovers the truth."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import write
from xsift.catalogue.tables import NONE, place
from xsift.classes import Classes
from xsift.errors import lack_of
from xsift.jit import need_to_train
from xsift.model.progress import Progress, silent
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
        Those of the model, and ``none``, to which every type belongs that the model does not know.
    n, n_classified : dict of int
        Sources of each group by the truth, and by the verdict.
    recall, precision : dict of float
        NaN where a group has no source.
    accuracy : float
        Over all sources.
    balanced_accuracy : float
        Mean recall of the groups that are not apart.
    balanced_over : tuple of str
        These groups.
    """

    groups: tuple[str, ...]
    n: dict[str, int]
    n_classified: dict[str, int]
    recall: dict[str, float]
    precision: dict[str, float]
    accuracy: float
    balanced_accuracy: float
    balanced_over: tuple[str, ...]


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
        Called with a description of each step as it begins.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    need_to_train()
    with _place(folder) as staging:
        simulation, result = _classified(staging, n_sources, seed, 1, progress)
        names = simulation.detections["name"]
        truth = pa.table({"name": names, "truth": pa.array(simulation.truth)})
        write.write_table(truth, staging.path(TRUTH), "csv", _about(seed))
        source_truth = dict(zip(names.to_pylist(), simulation.truth, strict=True))
        assert result.model is not None
        classes = result.model.classes
        truths = [source_truth[n] for n in result.sources["name"].to_pylist()]
        true_groups = _groups_of(truths, classes)
        recovery = _recovery(true_groups, result.sources["group"].to_pylist(), classes)
        result.record["recovery"] = asdict(recovery)
        lack = lack_of("matplotlib", "no figures")
        figures = () if lack else FIGURES
        result.record["warnings"] += [lack] if lack else []
        progress(f"writing {folder}")
        result.stage(staging)
        if figures:
            progress("drawing figures")
            _draw(staging, result, true_groups, recovery)
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


def _groups_of(truths: list[str], classes: Classes) -> list[str]:
    """Return the group of each true type, ``none`` where the model does not know it."""
    of = {t: classes.classes[k].group for t, k in classes.index_of_type.items()}
    return [of.get(code, NONE) for code in truths]


def _recovery(true_groups: list[str], groups: list[str], classes: Classes) -> Recovery:
    truth, predicted = np.array(true_groups), np.array(groups)
    names, right = (*classes.groups, NONE), truth == predicted
    n = {g: int((truth == g).sum()) for g in names}
    recall = {g: _share(right[truth == g]) for g in names}
    return Recovery(
        names,
        n,
        {g: int((predicted == g).sum()) for g in names},
        recall,
        {g: _share(right[predicted == g]) for g in names},
        _share(right),
        float(np.mean([recall[g] for g in classes.plain.groups])),
        classes.plain.groups,
    )


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")


def _draw(
    staging: write.Staging, result: Catalogue, true_groups: list[str], recovery: Recovery
) -> None:
    import matplotlib as mpl
    from astropy.coordinates import SkyCoord
    from matplotlib.figure import Figure

    from xsift import plots

    sources, group = result.sources, result.sources["group"].to_pylist()
    groups = [g for g in recovery.groups if recovery.n_classified[g]]
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
        figure = Figure(figsize=(6.0, 5.2), layout="constrained", dpi=160)
        both = [g for g in recovery.groups if recovery.n[g] or recovery.n_classified[g]]
        plots.confusion_matrix(figure.add_subplot(), true_groups, group, both)
        figure.savefig(staging.path("confusion.png"), format="png")
