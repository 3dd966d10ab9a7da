"""The command `xsift evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Columns,
    Dask,
    Features,
    Json,
    LabelColumn,
    Labels,
    Match,
    Out,
    Prior,
    Radius,
    Seed,
    Source,
    Survey,
    TableFile,
    Types,
    Workers,
    chosen_classes,
    option,
    settings_of,
)
from xsift.cli.terminal import (
    bar,
    console,
    escape,
    new_table,
    say_json,
    show_warnings,
    show_where,
)
from xsift.settings import EXPERIMENTS, METHODS, EvaluationSettings

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["evaluate"]


_EXPERIMENTS = {
    "folds": "Folds by source",
    "sky": "Folds by blocks of the sky",
    "open": "Open world, all else as one more group",
}
_MEASURES = ("scored", "balanced", "95 %", "accuracy", "log-loss", "ECE", "by source")


def evaluate(
    context: typer.Context,
    table: TableFile,
    out: Out,
    labels: Labels = None,
    label_column: LabelColumn = None,
    source_column: Source = DEFAULT.source_column,
    columns: Columns = None,
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
    folds: Annotated[int, typer.Option("--folds", help="Number of cross-validation folds.")] = 5,
    fold_by: Annotated[
        str | None,
        typer.Option(
            "--fold-by",
            metavar="COLUMN",
            help="Column of TABLE: sources with the same value stand on one side of each split.",
        ),
    ] = None,
    draws: Annotated[
        int,
        typer.Option(
            "--draws", help="Experiment shares: number of random draws of the labelled sources."
        ),
    ] = 20,
    seed: Seed = DEFAULT.seed,
    closing: Annotated[str, option("closing")] = DEFAULT.closing,
    missing: Annotated[str, option("missing")] = DEFAULT.missing,
    prior: Prior = DEFAULT.prior,
    clusters: Annotated[int, option("clusters")] = DEFAULT.clusters,
    min_members: Annotated[int, option("min_members")] = DEFAULT.min_members,
    match: Match = DEFAULT.match,
    radius: Radius = DEFAULT.radius,
    classes: ClassesFile = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Cross-validate methods on held-out sources. Repeat the command to resume."""
    settings = settings_of(context)
    chosen = EvaluationSettings(
        _names(methods),
        EXPERIMENTS if experiments == "all" else _names(experiments),
        folds,
        draws,
        fold_by,
    )
    from xsift.cluster import chosen as chosen_workers
    from xsift.pipeline.evaluate import evaluate

    pool, of = chosen_workers(workers, dask), chosen_classes(classes)
    with bar("validating") as advance:
        record = evaluate(table, out, labels, settings, chosen, of, advance, pool)
    if as_json:
        say_json(record)
    else:
        _show(record, out)


def _names(said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(","))


def _show(record: dict[str, Any], folder: Path) -> None:
    """Print how good each method is on sources never seen, at the level of groups.

    The last column is the balanced accuracy by source.
    """
    screen, counted = console(), record["counts"]
    screen.print(
        f"{counted['labelled_detections']:,} labelled detections of "
        f"{counted['labelled_sources']:,} sources",
        highlight=False,
    )
    for experiment, title in _EXPERIMENTS.items():
        if experiment in record["results"]:
            screen.print(_method_table(title, record["results"][experiment]))
            for line in _written(record["results"][experiment]):
                screen.print(escape(line), highlight=False)
    if "faint" in record["results"]:
        screen.print(_faint_table(record["results"]["faint"]))
    show_warnings(screen, record["warnings"])
    show_where(screen, "All figures, and what they mean:", folder / "report.html")


def _method_table(title: str, results: dict[str, Any]) -> Table:
    table = new_table(title, ("method",), _MEASURES)
    table.pad_edge = False  # else the interval of `calibrated` is cut in 80 columns
    for method, found in results.items():
        table.add_row(*map(escape, _cells(method, found)))
    return table


def _faint_table(results: dict[str, Any]) -> Table:
    """Return log-loss and ECE of each method by counts."""
    counts = sorted({n for f in results.values() if "failed" not in f for n in f}, key=int)
    table = new_table("Observed with fewer counts", ("method", "figure"), counts)
    for method, found in results.items():
        if "failed" in found:
            table.add_row(escape(method), escape(found["failed"]))
            continue
        for measure, title in (("log_loss", "log-loss"), ("ece", "ECE")):
            said = [f"{found[n][measure]['value']:.3f}" if n in found else "" for n in counts]
            table.add_row(escape(method), title, *said)
    return table


def _written(results: dict[str, Any]) -> list[str]:
    """Say how good the verdicts are that a catalogue holds."""
    lines = []
    for method, found in results.items():
        if "detections" in found:
            by_row, by_source = (
                found[what]["groups"]["written"] for what in ("detections", "sources")
            )
            said = [
                f"{rule} {f['balanced_accuracy']['value']:.3f}, "
                f"by source {by_source[rule]['balanced_accuracy']['value']:.3f}"
                for rule, f in by_row.items()
            ]
            lines.append(f"{method}, group as written, balanced: {'; '.join(said)}")
    return lines


def _cells(method: str, found: dict[str, Any]) -> list[str]:
    if "detections" not in found:
        return [method, found.get("failed") or found["left_out"]]
    groups, by_source = found["detections"]["groups"], found["sources"]["groups"]
    f = groups["balanced_accuracy"]
    cells = [method, f"{groups['n_detections']:,}"]
    cells += [f"{f['value']:.3f}", f"{f['low']:.3f}-{f['high']:.3f}"]
    cells += [f"{groups[name]['value']:.3f}" for name in ("accuracy", "log_loss", "ece")]
    return [*cells, f"{by_source['balanced_accuracy']['value']:.3f}"]
