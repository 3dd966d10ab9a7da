"""The command `xsift demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli.options import DEFAULT, Json, Out, Seed
from xsift.cli.terminal import console, escape, new_table, progress, say_json
from xsift.cli.writing import show_summary

if TYPE_CHECKING:
    from xsift.pipeline.demo import Demonstration

__all__ = ["demo"]


def demo(
    out: Out = Path("xsift-demo"),
    seed: Seed = DEFAULT.seed,
    sources: Annotated[
        int, typer.Option("--sources", help="Number of simulated sources.", min=1000, max=200_000)
    ] = 6000,
    as_json: Json = False,
) -> None:
    """Simulate a survey, classify it and compare with the truth. Works offline."""
    from xsift.pipeline.demo import demonstrate

    with progress() as step:
        result = demonstrate(out, n_sources=sources, seed=seed, progress=step)
    if as_json:
        say_json(result.catalogue.record)
    else:
        show_summary(result.catalogue, out)
        _show_recovery(result)


def _show_recovery(result: Demonstration) -> None:
    """Print how well the simulated truth was recovered."""
    screen, found = console(), result.recovery
    table = new_table(
        "Recovery of the simulated truth, sources that did not train",
        ("group",),
        ("sources", "classified so", "recall", "precision"),
    )
    there = [g for g in found.groups if found.n[g] or found.n_classified[g]]
    for group in there:
        recall, precision = (f"{x:.2f}" for x in (found.recall[group], found.precision[group]))
        many = (f"{x[group]:,}" for x in (found.n, found.n_classified))
        table.add_row(escape(group), *many, recall, precision)
    screen.print(table)
    screen.print(
        f"Accuracy {found.accuracy:.3f}; balanced {found.balanced_accuracy:.3f} over "
        f"{', '.join(found.balanced_over)}. none: the types that the model does not know.",
        highlight=False,
    )
    for name in result.figures:
        screen.print(f"Figure {escape(name)}", highlight=False)
