"""What `xsift compare` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from xsift.compare.comparison import Comparison

__all__ = ["show_comparison"]

_SCOPES = {"all": "All matched", "comparable": "Only classes that ours can name"}
_MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "kappa": "Cohen's kappa",
}


def show_comparison(console: Console, result: Comparison, folder: Path) -> None:
    """Print how many match, how well both agree, and where to look on."""
    record = result.record
    n, mapping = record["counts"], record["mapping"]
    console.print(
        f"\n[bold]{escape(record['catalogue'])}[/bold] against "
        f"[bold]{escape(record['other'])}[/bold] ({escape(mapping['title'])})",
        highlight=False,
    )
    console.print(
        f"{n['matched']:,} of {n['sources']:,} sources match ({record['matched_how']}); "
        f"{n['matched_without_a_class']:,} have no class there, {n['ignored']:,} an ignored one; "
        f"{n['compared']:,} compared",
        highlight=False,
    )
    if not mapping["is_tested"]:
        console.print(
            "[yellow]Warning:[/yellow] this mapping has not been tested on the catalogue itself",
            highlight=False,
        )
    for scope, title in _SCOPES.items():
        found = record[scope]
        console.print(_confusion(found, f"{title}: {found['n']:,} sources"))
        said = ", ".join(f"{name} {_figure(found[key])}" for key, name in _MEASURES.items())
        console.print(said, highlight=False)
    for note in record["warnings"]:
        console.print(f"[yellow]Warning:[/yellow] {escape(note)}", highlight=False)
    console.print(
        f"{result.disagreements.num_rows:,} disagreements, and all figures: "
        f"[bold]{escape(str(folder / 'comparison.html'))}[/bold]",
        highlight=False,
    )


def _confusion(found: dict[str, Any], title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="", box=None)
    table.add_column("theirs \\ ours")
    for heading in (*found["columns"], "recall", "precision"):
        table.add_column(escape(heading), justify="right")
    for name, counts in zip(found["rows"], found["confusion"], strict=True):
        recall, precision = found["recall"][name], found["precision"].get(name)
        cells = [name, *(f"{c:,}" for c in counts), _figure(recall)]
        table.add_row(*map(escape, [*cells, _figure(precision) if precision else ""]))
    return table


def _figure(figure: dict[str, Any]) -> str:
    if figure["value"] != figure["value"]:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f}-{figure['high']:.2f})"
