"""The command `xsift compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xsift.cli.options import DEFAULT, Json, Out, chosen_formats, console, option, say_json
from xsift.settings import FORMATS

__all__ = ["compare"]


def compare(
    catalogue: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder that run, classify, vote or demo wrote, or a published table of sources.",
        ),
    ],
    other: Annotated[
        Path,
        typer.Argument(
            metavar="OTHER", help="Table with a class per row, and names or positions; or a folder."
        ),
    ],
    out: Out,
    mapping: Annotated[
        str,
        typer.Option(
            "--mapping",
            help="What OTHER's classes are called here: simbad, muwclass, tranin2022, toba2022, "
            "kumaran2023, perez-diaz2024, or a TOML file.",
        ),
    ] = "simbad",
    class_column: Annotated[
        str | None,
        typer.Option("--class-column", help="Column of OTHER's classes. [default: the mapping's]"),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            help="Only rows of OTHER that meet it, such as 'CT>=2'; may be repeated.",
            show_default=False,
        ),
    ] = None,
    match: Annotated[str, option("match")] = DEFAULT.match,
    radius: Annotated[float, option("radius")] = DEFAULT.radius,
    unique: Annotated[
        bool, typer.Option("--unique", help="Only sources whose two votes agree, as in the paper.")
    ] = False,
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help=f"Format of the table beside Parquet: {', '.join(FORMATS[1:])}; may be repeated. "
            "[default: csv]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a catalogue with the classes of another: confusion, agreement, disagreements."""
    from xsift.cli.comparison_text import show_comparison
    from xsift.cli.terminal import progress
    from xsift.compare import comparison

    chosen = chosen_formats(formats, "csv")
    with (
        comparison.place(out, (catalogue, other)) as staging,
        progress(console(err=True)) as step,
    ):
        result = comparison.compare(
            catalogue, other, mapping, class_column, where or (), match, radius, unique, seed, step
        )
        result.stage(staging, chosen)
    if as_json:
        say_json(result.record)
    else:
        show_comparison(console(), result, out)
