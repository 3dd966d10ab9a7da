"""The command `xsift evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Features,
    Json,
    Labels,
    Out,
    Source,
    Survey,
    TableFile,
    Types,
    chosen_classes,
    console,
    option,
    say_json,
)
from xsift.settings import EXPERIMENTS, METHODS, EvaluationSettings, Settings

__all__ = ["evaluate"]


def evaluate(
    table: TableFile,
    out: Out,
    labels: Labels = None,
    label_column: Annotated[str | None, option("label_column")] = None,
    source_column: Source = DEFAULT.source_column,
    features: Features = None,
    survey: Survey = None,
    type_column: Types = None,
    methods: Annotated[
        str, typer.Option("--methods", help="Methods to compare, separated by commas.")
    ] = ",".join(METHODS),
    experiments: Annotated[
        str,
        typer.Option(
            "--experiments", help=f"Of {', '.join(EXPERIMENTS)}, separated by commas; or all."
        ),
    ] = "folds,sky",
    folds: Annotated[int, typer.Option("--folds", help="Parts that are left out in turn.")] = 5,
    draws: Annotated[
        int, typer.Option("--draws", help="Draws of the sources that keep their labels.")
    ] = 20,
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    classes: ClassesFile = None,
    as_json: Json = False,
) -> None:
    """Validate methods on sources never seen in training: figures and a report; resumable."""
    settings = Settings(
        label_column=label_column,
        source_column=source_column,
        features=features,
        survey=survey,
        type_column=type_column,
        seed=seed,
    )
    chosen = EvaluationSettings(
        tuple(name.strip() for name in methods.split(",")),
        EXPERIMENTS
        if experiments == "all"
        else tuple(name.strip() for name in experiments.split(",")),
        folds,
        draws,
    )
    from xsift.cli import terminal
    from xsift.pipeline import evaluate as validation

    with terminal.bar(console(err=True), "validating") as advance:
        record = validation.evaluate(
            table, out, labels, settings, chosen, chosen_classes(classes), advance
        )
    if as_json:
        say_json(record)
    else:
        terminal.show_evaluation(console(), record, out)
