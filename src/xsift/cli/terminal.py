"""What the command line prints: a summary of a run, a source's card, errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from xsift.classes import PAPER_CLASSES, Classes

if TYPE_CHECKING:  # what is printed was made elsewhere
    from xsift.catalogue.anomalies import Anomalies
    from xsift.catalogue.tables import Catalogue
    from xsift.pipeline.demo import Demonstration
    from xsift.pipeline.scan import Scan
    from xsift.publish.publication import Published

__all__ = [
    "bar",
    "progress",
    "show_anomalies",
    "show_evaluation",
    "show_published",
    "show_recovery",
    "show_scan",
    "show_summary",
]

_HEADINGS = {"missing": "Missing", "unscored": "Not scored", "set_aside": "Set aside"}
_SCANNED = ("bic", "icl", "silhouette", "stability")
_STAGES = (
    ("detections", "detections read"),
    ("complete", "with all features"),
    ("with_missing_features", "missing a feature"),
    ("with_impossible_values", "with an impossible value"),
    ("known_objects", "known objects"),
    ("known_objects_without_a_type", "known objects without a type (left out)"),
    ("known_objects_matched", "known objects that match a detection"),
    ("labelled", "with a known class"),
    ("labelled_ambiguous", "with an ambiguous type (count as unlabelled)"),
    ("labelled_other", "with a type that is no class of the model"),
    ("trained", "trained"),
    ("scored", "scored"),
    ("set_aside", "set aside"),
    ("unscored", "not scored"),
    ("voting", "voting"),
    ("sources", "sources classified"),
    ("unique", "unique: both votes agree"),
    ("ambiguous", "ambiguous: they do not"),
)


@contextmanager
def progress(console: Console) -> Iterator[Any]:
    """Show the step at hand on standard error; a spinner where a person looks on."""
    if not console.is_terminal:
        yield lambda step: console.print(escape(step), highlight=False)
        return
    # The spinner that is made of ASCII alone, where the terminal may have no other.
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    with console.status("starting", spinner=spinner) as status:
        yield lambda step: status.update(escape(step))


@contextmanager
def bar(console: Console, what: str) -> Iterator[Any]:
    """Show a progress bar with the time left on standard error; yields advance(done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def show_scan(console: Console, scan: Scan, folder: Path) -> None:
    """Print a line for each number of clusters, and the advice."""
    table = Table(box=None)
    for heading in ("K", "best BIC", "mean BIC", "ICL", "silhouette", "agreement"):
        table.add_column(heading, justify="right")
    for k in sorted({f.k for f in scan.fits}):
        fits = [f for f in scan.fits if f.k == k]
        mean = {n: sum(getattr(f, n) for f in fits) / len(fits) for n in _SCANNED}
        cells = [f"{min(f.bic for f in fits):,.0f}", f"{mean['bic']:,.0f}", f"{mean['icl']:,.0f}"]
        cells += ["" if mean[n] != mean[n] else f"{mean[n]:.3f}" for n in _SCANNED[2:]]
        table.add_row(str(k), *cells)
    console.print(table)
    if not scan.silhouette_is_exact:
        console.print("Silhouettes are those of a random sample of the detections.")
    collapsed = Counter(name for f in scan.fits for name in f.collapsed.split())
    if collapsed:
        first = {n: min(f.k for f in scan.fits if n in f.collapsed.split()) for n in collapsed}
        found = [f"{n} ({m} fits, from K = {first[n]})" for n, m in collapsed.most_common(4)]
        console.print(
            f"[yellow]Warning:[/yellow] in {sum(bool(f.collapsed) for f in scan.fits)} of "
            f"{len(scan.fits)} fits a component has collapsed: in {escape(', '.join(found))}. Many "
            "detections have one value there, and the likelihood of such a spike is arbitrary",
            highlight=False,
        )
    slow = sum(not f.is_converged for f in scan.fits)
    if slow:
        console.print(
            f"[yellow]Warning:[/yellow] {slow} of {len(scan.fits)} fits have not converged",
            highlight=False,
        )
    console.print(scan.advice, highlight=False)
    console.print(f"Written to [bold]{escape(str(folder))}[/bold]", highlight=False)


def show_summary(
    console: Console, result: Catalogue, folder: Path, classes: Classes = PAPER_CLASSES
) -> None:
    """Print what came in, what became of it, and what to be wary of."""
    record = result.record
    console.print(f"\n[bold]{escape(str(record['input']))}[/bold]")
    if "model_choice" in record:
        console.print(escape(record["model_choice"]), highlight=False)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold")
    grid.add_column()
    for key, text in _STAGES:
        count = record["counts"].get(key)
        if count or (count == 0 and key in ("scored", "sources")):
            grid.add_row(f"{count:,}", text)
    console.print(grid)
    if result.model is not None:
        classes = result.model.classes
    elif "classes" in record:
        classes = Classes.model_validate({"classes": record["classes"]})
    console.print(_class_table(result, classes))
    for what in ("missing", "unscored", "set_aside"):
        if record.get(what):
            console.print(f"{_HEADINGS[what]}: {escape(_top(record[what]))}", highlight=False)
    for note in record["warnings"]:
        console.print(f"[yellow]Warning:[/yellow] {escape(note)}", highlight=False)
    console.print(f"Written to [bold]{escape(str(folder))}[/bold]", highlight=False)


def show_published(console: Console, result: Published, static: bool) -> None:
    """Print what was written, what is missing, and what to do with it."""
    resource = result.resource
    console.print(f"\n[bold]{escape(resource.title)}[/bold]", highlight=False)
    for table in resource.tables:
        console.print(f"{table.table.num_rows:,} {table.name}", highlight=False)
    for note in result.notes:
        console.print(f"[yellow]Warning:[/yellow] {escape(note)}", highlight=False)
    console.print(f"Written to [bold]{escape(str(result.folder))}[/bold]", highlight=False)
    if not static:
        name = resource.schema
        console.print(
            f"Copy it to DaCHS as inputs/{name}, then: dachs val {name}/q; dachs imp {name}/q; "
            f"dachs pub {name}/q",
            highlight=False,
        )


def _top(found: dict[str, int], most: int = 6) -> str:
    """Say the first few counts in a line, and how many more there are."""
    said = ", ".join(f"{what} {n:,}" for what, n in list(found.items())[:most])
    return f"{said} and {len(found) - most} more" if len(found) > most else said


def _class_table(result: Catalogue, classes: Classes) -> Table:
    counted = result.sources.group_by(["class", "status"]).aggregate([([], "count_all")])
    n = Counter({(r["class"], r["status"]): r["count_all"] for r in counted.to_pylist()})
    trained = result.record.get("model", {}).get("class_counts", {})
    table = Table(title="Sources by class", title_justify="left", title_style="", box=None)
    for heading, where in (("group", "left"), ("class", "left"), ("", "left")):
        table.add_column(heading, justify=where)  # type: ignore[arg-type]
    for heading in ("unique", "ambiguous", *(["trained on"] if trained else [])):
        table.add_column(heading, justify="right")
    last = ""
    for c in classes.classes:
        row = [c.group if c.group != last else "", c.code, c.title]
        row += [f"{n[(c.code, s)]:,}" for s in ("unique", "ambiguous")]
        row += [f"{trained.get(c.code, 0):,}"] if trained else []
        table.add_row(*map(escape, row))
        last = c.group
    return table


def show_recovery(console: Console, result: Demonstration) -> None:
    """Print how well the simulated truth was recovered."""
    found = result.recovery
    table = Table(
        title="Recovery of the simulated truth, sources that did not train",
        title_justify="left",
        title_style="",
        box=None,
    )
    for heading in ("group", "sources", "recall", "precision"):
        table.add_column(heading, justify="left" if heading == "group" else "right")
    for group in found.groups:
        recall, precision = (f"{x:.2f}" for x in (found.recall[group], found.precision[group]))
        table.add_row(escape(group), f"{found.n[group]:,}", recall, precision)
    console.print(table)
    console.print(
        f"Accuracy {found.accuracy:.3f}, balanced {found.balanced_accuracy:.3f} over "
        f"{len(found.groups)} groups; {found.n_other:,} sources of other types among the "
        "classified ones are left out of these figures.",
        highlight=False,
    )
    for name in result.figures:
        console.print(f"Figure {escape(name)}", highlight=False)


def show_evaluation(console: Console, record: dict[str, Any], folder: Path) -> None:
    """Print how good each method is on sources never seen, at the level of groups.

    The last column is the balanced accuracy by source.
    """
    counted = record["counts"]
    console.print(
        f"{counted['labelled_detections']:,} labelled detections of "
        f"{counted['labelled_sources']:,} sources",
        highlight=False,
    )
    for experiment, title in (("folds", "Folds by source"), ("sky", "Folds by blocks of the sky")):
        if experiment not in record["results"]:
            continue
        table = Table(title=title, title_justify="left", title_style="", box=None)
        table.add_column("method")
        for heading in ("scored", "balanced", "95 %", "accuracy", "log-loss", "ECE", "by source"):
            table.add_column(heading, justify="right")
        for method, found in record["results"][experiment].items():
            table.add_row(*map(escape, _evaluation_cells(method, found)))
        console.print(table)
    for note in record["warnings"]:
        console.print(f"[yellow]Warning:[/yellow] {escape(note)}", highlight=False)
    report = escape(str(folder / "report.html"))
    console.print(f"All figures, and what they mean: [bold]{report}[/bold]", highlight=False)


def _evaluation_cells(method: str, found: dict[str, Any]) -> list[str]:
    if "failed" in found:
        return [method, found["failed"]]
    groups, by_source = found["detections"]["groups"], found["sources"]["groups"]
    f = groups["balanced_accuracy"]
    cells = [method, f"{groups['n_detections']:,}"]
    cells += [f"{f['value']:.3f}", f"{f['low']:.3f}-{f['high']:.3f}"]
    cells += [f"{groups[name]['value']:.3f}" for name in ("accuracy", "log_loss", "ece")]
    return [*cells, f"{by_source['balanced_accuracy']['value']:.3f}"]


def show_anomalies(console: Console, found: Anomalies) -> None:
    """Print the most atypical detections, and what makes them so; or the sources."""
    table = Table(title="Least typical first", title_justify="left", title_style="", box=None)
    key = "detections" if found.are_sources else "obsid"
    for heading in ("", "name", key, "typicality", "class", "what makes it so"):
        number = heading in ("", key, "typicality")
        table.add_column(heading, justify="right" if number else "left", no_wrap=bool(number))
    for anomaly in found:
        row = anomaly.detection
        odd = ", ".join(
            f"{o.feature} {o.value:.4g} (quantile {o.quantile:.3f})" for o in anomaly.oddities
        )
        cells = (
            str(anomaly.rank),
            str(row["name"]),
            str(row.get("n_detections" if found.are_sources else "obsid") or ""),
            f"{row['typicality']:.2g}",
            str(row.get("class") or ""),
            odd or ("" if found.are_sources else "no single feature"),
        )
        table.add_row(*map(escape, cells))
    console.print(table)
    if found.are_sources:
        console.print(
            "xsift vote wrote this catalogue: without detections and a model nothing says which "
            "features make a source atypical.",
            highlight=False,
        )
