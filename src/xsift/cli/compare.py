"""The command `xsift compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import (
    DEFAULT,
    Json,
    Match,
    Out,
    Radius,
    Seed,
    TableFormats,
    chosen_formats,
)
from xsift.cli.terminal import (
    console,
    escape,
    new_table,
    progress,
    say_json,
    show_warnings,
    show_where,
    warn,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from xsift.compare.comparison import Comparison

__all__ = ["compare"]


_SCOPES = {"all": "All matched", "comparable": "Only classes that ours can name"}
_TRAINED = "In-sample, all matched"
_MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "kappa": "Cohen's kappa",
}


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
            help="Use only rows of OTHER that meet this, such as 'CT>=2'; may be repeated.",
            show_default=False,
        ),
    ] = None,
    match: Match = DEFAULT.match,
    radius: Radius = DEFAULT.radius,
    unique: Annotated[
        bool, typer.Option("--unique", help="Only sources whose two votes agree, as in the paper.")
    ] = False,
    seed: Seed = DEFAULT.seed,
    formats: TableFormats = None,
    as_json: Json = False,
) -> None:
    """Compare the classes of a catalogue with those of another table."""
    from xsift.compare.comparison import compare, place

    chosen = chosen_formats(formats, "csv")
    with place(out, (catalogue, other)) as staging, progress() as step:
        result = compare(
            catalogue, other, mapping, class_column, where or (), match, radius, unique, seed, step
        )
        result.stage(staging, chosen)
    if as_json:
        say_json(result.record)
    else:
        _show(result, out)


def _show(result: Comparison, folder: Path) -> None:
    """Print what is in-sample, how many match, how well both agree, and where to look on."""
    from xsift.compare.comparison import in_sample_note

    screen, record = console(), result.record
    n, mapping, trained = record["counts"], record["mapping"], record["in_sample"]
    first = in_sample_note(trained, n["matched"])
    show_warnings(screen, first)
    which = "that did not train the model " if trained["sources"] else ""
    screen.print(
        f"\n[bold]{escape(record['catalogue'])}[/bold] against "
        f"[bold]{escape(record['other'])}[/bold] ({escape(mapping['title'])})",
        highlight=False,
    )
    screen.print(
        f"{n['matched']:,} of {n['sources']:,} sources {which}match ({record['matched_how']}); "
        f"{n['matched_without_a_class']:,} have no class there, {n['ignored']:,} an ignored one; "
        f"{n['compared']:,} compared",
        highlight=False,
    )
    if not mapping["is_tested"]:
        warn(screen, "this mapping has not been tested on the catalogue itself")
    for scope, title in _SCOPES.items():
        _show_scope(screen, record[scope], title)
    if trained["compared"]:
        _show_scope(screen, trained["all"], _TRAINED)
    show_warnings(screen, [note for note in record["warnings"] if note not in first])
    figures = f"{result.disagreements.num_rows:,} disagreements, and all figures:"
    show_where(screen, figures, folder / "comparison.html")


def _show_scope(screen: Console, found: dict[str, Any], title: str) -> None:
    if not found["n"]:
        screen.print(f"{title}: no source", highlight=False)
        return
    screen.print(_confusion(found, f"{title}: {found['n']:,} sources"))
    said = ", ".join(f"{name} {_figure(found[key])}" for key, name in _MEASURES.items())
    screen.print(said, highlight=False)


def _confusion(found: dict[str, Any], title: str) -> Table:
    headings = (*found["columns"], "recall", "precision")
    table = new_table(title, ("theirs \\ ours",), headings)
    for name, counts in zip(found["rows"], found["confusion"], strict=True):
        recall, precision = found["recall"][name], found["precision"].get(name)
        cells = [name, *(f"{c:,}" for c in counts), _figure(recall)]
        table.add_row(*map(escape, [*cells, _figure(precision) if precision else ""]))
    return table


def _figure(figure: dict[str, Any]) -> str:
    if figure["value"] != figure["value"]:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f}-{figure['high']:.2f})"
