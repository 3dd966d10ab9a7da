"""The command `xsift report`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.options import DEFAULT, Json, console, option

if TYPE_CHECKING:
    from xsift.catalogue_report import CatalogueReport

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
    from xsift import catalogue_report, terminal

    with terminal.progress(console(err=True)) as step:
        result = catalogue_report.report(catalogue, out, scan, seed, step)
    if as_json:
        typer.echo(json.dumps(result.record, indent=2, allow_nan=False))
    else:
        _show(result)


def _show(result: CatalogueReport) -> None:
    """Print the verdicts in short, and what could not be drawn."""
    from rich.markup import escape
    from rich.table import Table

    screen, record = console(), result.record
    for version, words in _VERSIONS.items():
        rows = [r for r in record["hypotheses"] if r["version"] == version]
        if version in record["why_not"]:
            screen.print(f"Hypotheses {words}: not tested: {escape(record['why_not'][version])}")
            continue
        table = Table(
            title=f"Hypotheses {words}" + (" (circular)" if version == "class" else ""),
            title_justify="left",
            title_style="",
            box=None,
        )
        table.add_column("statement")
        for heading in ("sources", "effect", "95 %"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        for row in rows:
            table.add_row(*map(escape, _cells(row)))
        screen.print(table)
        counted = Counter(r["verdict"] for r in rows)
        screen.print(", ".join(f"{n} {verdict}" for verdict, n in counted.items()) + ".")
    for figure in record["not_drawn"]:
        screen.print(f"Not drawn: {escape(figure['title'].lower())}: {escape(figure['why'])}")
    page = escape(str(result.folder / "report.html"))
    screen.print(
        f"{len(record['figures'])} figures, their numbers and the page: [bold]{page}[/bold]",
        highlight=False,
    )


def _cells(row: dict[str, Any]) -> list[str]:
    counts = f"{row['n_a']:,} / {row['n_b']:,}"
    if row["effect"] is None:
        return [row["statement"], counts, "", "", row["verdict"]]
    interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
    return [row["statement"], counts, f"{row['effect']:+.2f}", interval, row["verdict"]]
