"""The command `xsift anomalies`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli.options import CatalogueFolder, Json
from xsift.cli.terminal import console, escape, new_table, say_json

if TYPE_CHECKING:
    from xsift.catalogue.anomalies import Anomalies

__all__ = ["anomalies"]


def anomalies(
    catalogue: CatalogueFolder,
    most: Annotated[int, typer.Option("--most", help="How many detections.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List the least typical detections, and why they are so."""
    from xsift.catalogue.anomalies import anomalies

    found = anomalies(catalogue, most)
    if as_json:
        say_json([a.as_dict() for a in found])
    else:
        _show(found)


def _show(found: Anomalies) -> None:
    """Print the most atypical detections, and what makes them so; or the sources."""
    screen, table = console(), new_table("Least typical first")
    key = "detections" if found.are_sources else "obsid"
    for heading in ("", "name", key, "typicality", "class", "what makes it so"):
        number = heading in ("", key, "typicality")
        table.add_column(heading, justify="right" if number else "left", no_wrap=number)
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
    screen.print(table)
    if found.are_sources:
        screen.print(
            "xsift vote wrote this catalogue: without detections and a model nothing says which "
            "features make a source atypical.",
            highlight=False,
        )
