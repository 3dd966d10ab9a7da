"""The command `xsift report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import DEFAULT, Json, console, option, say_json

if TYPE_CHECKING:
    from xsift.report.report import CatalogueReport

__all__ = ["report"]

_VERSIONS = {"class": "by class", "label": "by known label"}


def report(
    catalogue: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that run, classify or demo wrote.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the report. [default: report, inside DIR]"),
    ] = None,
    scan: Annotated[
        Path | None,
        typer.Option("--scan", help="Folder that xsift scan wrote. [default: DIR, if it has one]"),
    ] = None,
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    as_json: Json = False,
) -> None:
    """Draw the paper's figures of a catalogue, tabulate it, and test the paper's hypotheses."""
    from xsift.cli import terminal
    from xsift.report import report as catalogue_report

    with terminal.progress(console(err=True)) as step:
        result = catalogue_report.report(catalogue, out, scan, seed, step)
    if as_json:
        say_json(result.record)
    else:
        _show(result)


def _show(result: CatalogueReport) -> None:
    """Print the verdicts in short, and what could not be drawn."""
    from rich.markup import escape
    from rich.table import Table

    screen, record = console(), result.record
    by_key: dict[str, dict[str, Any]] = {}
    for row in record["hypotheses"]:
        by_key.setdefault(row["key"], {})[row["version"]] = row
    tested = [v for v in _VERSIONS if v not in record["why_not"]]
    table = Table(title="Hypotheses", title_justify="left", title_style="", box=None)
    table.add_column("")
    for version in tested:
        table.add_column(_VERSIONS[version], no_wrap=True)
    for rows in by_key.values():
        statement = next(iter(rows.values()))["statement"]
        table.add_row(*map(escape, [statement, *(_verdict(rows[v]) for v in tested)]))
    if tested:
        screen.print(table)
        screen.print("By class, statements about features are circular.", highlight=False)
    for version, why in record["why_not"].items():
        screen.print(f"Not tested {_VERSIONS[version]}: {escape(why)}", highlight=False)
    for figure in record["not_drawn"]:
        said = f"Not drawn: {figure['title'].lower()}: {figure['why']}"
        screen.print(escape(said), highlight=False)
    page = escape(str(result.folder / "report.html"))
    screen.print(
        f"{len(record['figures'])} figures, their numbers and the page: [bold]{page}[/bold]",
        highlight=False,
    )


def _verdict(row: dict[str, Any]) -> str:
    effect = row["effect"]
    return row["verdict"] if effect is None else f"{effect:+.2f} {row['verdict']}"
