"""The command `xsift scan`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli.options import (
    DEFAULT,
    Columns,
    Dask,
    Device,
    Features,
    Json,
    Out,
    Seed,
    Source,
    Survey,
    TableOrFolder,
    Workers,
    settings_of,
)
from xsift.cli.terminal import bar, console, new_table, say_json, show_warnings, show_where, warn

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from xsift.pipeline.scan import Scan

__all__ = ["scan"]

_MEASURES = ("bic", "icl", "silhouette", "stability")


def scan(
    context: typer.Context,
    table: TableOrFolder,
    out: Out,
    k_max: Annotated[int, typer.Option("--k-max", help="Largest number of clusters.")] = 20,
    restarts: Annotated[
        int, typer.Option("--restarts", help="Fits for each number of clusters.")
    ] = 10,
    seed: Seed = DEFAULT.seed,
    source_column: Source = DEFAULT.source_column,
    columns: Columns = None,
    survey: Survey = None,
    features: Features = None,
    workers: Workers = None,
    dask: Dask = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare numbers of clusters (BIC, ICL, silhouette). Repeat the command to resume."""
    settings = settings_of(context)
    from xsift.cluster import chosen
    from xsift.pipeline.scan import scan_k

    pool = chosen(workers, dask)
    with bar("fitting") as advance:
        result = scan_k(table, out, k_max, restarts, settings, advance, pool, device)
    if as_json:
        say_json(json.loads((out / "scan.json").read_bytes()))
    else:
        _show(result, out)


def _show(result: Scan, folder: Path) -> None:
    """Print a line for each number of clusters, and the advice."""
    from xsift.catalogue.record import on_device

    screen = console()
    screen.print(_fit_table(result))
    screen.print(f"Fitted {on_device(result.device)}.", highlight=False)
    if not result.silhouette_is_exact:
        screen.print("Silhouettes are those of a random sample of the detections.")
    _warn_of_collapse(screen, result)
    if result.n_stopped:
        screen.print(
            f"{result.n_stopped} of {len(result.fits)} fits were stopped early, clearly behind "
            "the best of their K."
        )
    slow = sum(not f.is_converged and not f.is_stopped for f in result.fits)
    if slow:
        warn(screen, f"{slow} of {len(result.fits)} fits have not converged")
    show_warnings(screen, result.warnings)
    screen.print(result.advice, highlight=False)
    show_where(screen, "Written to", folder)


def _fit_table(result: Scan) -> Table:
    table = new_table(right=("K", "best BIC", "mean BIC", "ICL", "silhouette", "agreement"))
    for k in sorted({f.k for f in result.fits}):
        fits = [f for f in result.fits if f.k == k]
        mean = {n: sum(getattr(f, n) for f in fits) / len(fits) for n in _MEASURES}
        cells = [f"{min(f.bic for f in fits):,.0f}", f"{mean['bic']:,.0f}", f"{mean['icl']:,.0f}"]
        cells += ["" if mean[n] != mean[n] else f"{mean[n]:.3f}" for n in _MEASURES[2:]]
        table.add_row(str(k), *cells)
    return table


def _warn_of_collapse(screen: Console, result: Scan) -> None:
    collapsed = Counter(name for f in result.fits for name in f.collapsed.split())
    if collapsed:
        first = {n: min(f.k for f in result.fits if n in f.collapsed.split()) for n in collapsed}
        found = [f"{n} ({m} fits, from K = {first[n]})" for n, m in collapsed.most_common(4)]
        warn(
            screen,
            f"in {sum(bool(f.collapsed) for f in result.fits)} of {len(result.fits)} fits a "
            f"component has collapsed: in {', '.join(found)}. Many detections have one value "
            "there, and the likelihood of such a spike is arbitrary",
        )
