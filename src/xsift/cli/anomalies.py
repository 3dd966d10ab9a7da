"""The command `xsift anomalies`."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli.options import CatalogueFolder, Json
from xsift.cli.terminal import say, say_json

if TYPE_CHECKING:
    from xsift.catalogue.anomalies import Anomalies, Oddity

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
    """Print the most atypical detections, and below each what makes it so; or the sources."""
    key = "n_detections" if found.are_sources else "obsid"
    rows: list[tuple[str, ...]] = [
        ("", "name", "detections" if found.are_sources else key, "typicality", "class")
    ]
    for anomaly in found:
        row = anomaly.detection
        cells = (anomaly.rank, row["name"], row.get(key), f"{row['typicality']:.2g}", row["class"])
        rows.append(tuple("" if cell is None else str(cell) for cell in cells))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    whys = [", ".join(map(_odd, anomaly.oddities)) or "no single feature" for anomaly in found]
    say("Least typical first")
    for (rank, name, number, typicality, code), why in zip(rows, ["", *whys], strict=True):
        say(
            f"{rank:>{wide[0]}}  {name:{wide[1]}}  {number:>{wide[2]}}  {typicality:>{wide[3]}}  "
            f"{code}".rstrip()
        )
        if why and not found.are_sources:
            indent = " " * (wide[0] + 4)
            say(fill(why, 79, initial_indent=indent, subsequent_indent=indent))
    if found.are_sources:
        say(
            "xsift vote wrote this catalogue: without detections and a model nothing says which "
            "features make a source atypical."
        )
    elif whys:
        say("Above or below: share of the training detections.")


def _odd(odd: Oddity) -> str:
    """Say how far out a feature lies: ``powlaw_gamma -3.83, below 99.9 %``."""
    is_low = odd.quantile < 0.5
    share = 100 * (1 - odd.quantile if is_low else odd.quantile)
    much = "all" if share > 99.95 else f"{share:.1f} %"
    return f"{odd.feature} {odd.value:.3g} ({'below' if is_low else 'above'} {much})"
