"""The command `xsift report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import DEFAULT, Json, Seed
from xsift.cli.terminal import console, escape, new_table, progress, say_json, show_where

if TYPE_CHECKING:
    from rich.table import Table

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
    title: Annotated[
        str, typer.Option("--title", help="Title of the page. [default: the catalogue's]")
    ] = "",
    author: Annotated[
        str, typer.Option("--author", help="Author of the page. [default: the catalogue's]")
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Also show the card of this source; may be repeated."),
    ] = None,
    seed: Seed = DEFAULT.seed,
    as_json: Json = False,
) -> None:
    """Write a report: figures, tables and tested hypotheses."""
    from xsift.report.report import write_report

    with progress() as step:
        result = write_report(catalogue, out, scan, seed, step, title, author, source or ())
    if as_json:
        say_json(result.record)
    else:
        _show(result)


def _show(result: CatalogueReport) -> None:
    """Print what is in-sample, the verdicts in short, and what could not be drawn."""
    screen, record = console(), result.record
    if record["in_sample"]:
        screen.print(escape(record["in_sample"]), highlight=False)
    tested = [v for v in _VERSIONS if v not in record["why_not"]]
    if tested:
        screen.print(_verdict_table(record["hypotheses"], tested))
        screen.print("By class, statements about features are circular.", highlight=False)
    if not record["hypotheses"]:
        why = record["why_not"]["class"]
        screen.print(f"Hypotheses not judged: {escape(why)}", highlight=False)
    else:
        for version, why in record["why_not"].items():
            screen.print(f"Not tested {_VERSIONS[version]}: {escape(why)}", highlight=False)
    for figure in record["not_drawn"]:
        if figure["stem"] == "hypotheses" and not record["hypotheses"]:
            continue  # said above
        said = f"Not drawn: {figure['title'].lower()}: {figure['why']}"
        screen.print(escape(said), highlight=False)
    figures = f"{len(record['figures'])} figures, their numbers and the page:"
    show_where(screen, figures, result.folder / "report.html")


def _verdict_table(hypotheses: list[dict[str, Any]], tested: list[str]) -> Table:
    by_key: dict[str, dict[str, Any]] = {}
    for row in hypotheses:
        by_key.setdefault(row["key"], {})[row["version"]] = row
    table = new_table("Hypotheses", ("",))
    for version in tested:
        table.add_column(_VERSIONS[version], no_wrap=True)
    for rows in by_key.values():
        statement = next(iter(rows.values()))["statement"]
        table.add_row(*map(escape, [statement, *(_verdict(rows[v]) for v in tested)]))
    return table


def _verdict(row: dict[str, Any]) -> str:
    effect = row["effect"]
    return row["verdict"] if effect is None else f"{effect:+.2f} {row['verdict']}"
