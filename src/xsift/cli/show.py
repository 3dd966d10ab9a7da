"""The command `xsift show`: a source's verdict, its votes, its detections and its features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import CATALOGUE_HELP, Json
from xsift.cli.terminal import console, escape, new_table, say_json, warn

if TYPE_CHECKING:
    from rich.console import Console

    from xsift.catalogue.card import SourceCard
    from xsift.classes import Classes

__all__ = ["show"]

_CARD_ROWS = 30
_GROUPS = 4  # beside each other in 80 columns


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Source name, as in the catalogue.")],
    catalogue: Annotated[Path, typer.Option("--catalogue", help=CATALOGUE_HELP)],
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Also draw the source into this file: .png, .pdf or .svg."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one source: its verdict, detections and probabilities."""
    from xsift.catalogue.card import source_card

    card = source_card(name, catalogue)
    if figure is not None:
        from xsift.report.card import write_card_figure

        write_card_figure(card, figure)
    if as_json:
        say_json(card.as_dict())
    else:
        _show(card)


def _show(card: SourceCard) -> None:
    """Print a source: its verdict, then each detection with its probabilities."""
    screen = console()
    screen.print(f"\n[bold]{escape(str(card.name))}[/bold]")
    if card.in_sample:
        warn(screen, card.in_sample)
    if card.source is None:
        screen.print("No detection of this source voted: each says why below.")
    else:
        _print_verdict(screen, card)
        _print_votes(screen, card)
    if card.detections is None:
        screen.print(
            "xsift vote wrote this catalogue: it has sources alone, so no detections and no "
            "features are shown.",
            highlight=False,
        )
        return
    _print_detections(screen, card, card.detections)
    _print_standing(screen, card)


def _print_detections(screen: Console, card: SourceCard, rows: list[dict[str, Any]]) -> None:
    with_distances = any(row["squared_distances"] for row in rows)
    cells = [_detection_cells(row, card.classes, with_distances) for row in rows[:_CARD_ROWS]]
    filled = [any(column) for column in zip(*cells, strict=True)]
    table = new_table("Detections")
    for heading in compress(_headings(with_distances), filled):
        number = heading in ("obsid", "cluster", "d²")
        table.add_column(heading, justify="right" if number else "left", no_wrap=heading != "why")
    for row in cells:
        table.add_row(*map(escape, compress(row, filled)))
    screen.print(table)
    if (more := len(rows) - _CARD_ROWS) > 0:
        screen.print(f"and {more} more: --json shows all", highlight=False)
    if with_distances:
        screen.print(
            "d² is the squared distance to the class in the detection's cluster: the smallest "
            "wins.",
            style="dim",
            highlight=False,
        )


def _print_standing(screen: Console, card: SourceCard) -> None:
    """Print the median of each feature, and how many % of each group lie below it."""
    import numpy as np

    from xsift.catalogue.axes import unit_of

    standing = card.standing
    if standing is None or not standing.groups:
        return
    whose = {"known": "the known objects", "classified": "what the catalogue classified"}
    title = f"Features, and how many % of {whose[standing.basis]} lie below"
    groups = _groups_shown(card.source or {}, standing.groups)
    spread = ["range"] if len(standing.X) > 1 else []
    table = new_table(title, ("feature",), ("median", *spread, *groups))
    for column in table.columns:
        column.no_wrap = True
    for j, name in enumerate(standing.features):
        values = standing.X[:, j][np.isfinite(standing.X[:, j])]
        unit = unit_of(card.survey, name)
        heading = f"{name} [{unit}]" if unit else name
        if not len(values):
            table.add_row(escape(heading), "missing", *[""] * (len(spread) + len(groups)))
            continue
        span = f"{values.min():.3g} to {values.max():.3g}" if len(values) > 1 else ""
        ranks = [standing.percentile(name, group) for group in groups]
        shown = ["" if rank != rank else f"{rank:.0f}" for rank in ranks]
        table.add_row(escape(heading), f"{np.median(values):.3g}", *[span][: len(spread)], *shown)
    screen.print(table)
    if len(groups) < len(standing.groups):
        screen.print(f"and {len(standing.groups) - len(groups)} groups more: --json shows all")


def _groups_shown(source: dict[str, Any], groups: Sequence[str]) -> Sequence[str]:
    """Return the groups that fit in a line: where there are many, those that may be true."""
    if len(groups) <= _GROUPS:
        return groups
    may_be = [source.get("group"), *(source.get("group_set") or "").split("|")]
    return [group for group in groups if group in may_be][:_GROUPS] or groups[:_GROUPS]


def _print_votes(screen: Console, card: SourceCard) -> None:
    """Print how many detections each class won, most first."""
    n_scored = sum(row["role"] == "scored" for row in card.detections or ())
    trained_voted = n_scored < (card.source or {})["n_detections"]
    roles = ("scored", "trained") if trained_voted else ("scored",)
    won = [row["class"] for row in card.detections or () if row["role"] in roles and row["class"]]
    if len(won) > 1:
        counted = ", ".join(f"{code} {n}" for code, n in Counter(won).most_common())
        screen.print(f"Classes of its detections: {escape(counted)}", highlight=False)


def _headings(with_distances: bool) -> list[str]:
    d2 = ["d²"] if with_distances else []
    return ["obsid", "role", "cluster", "first", *d2, "second", *d2, "why"]


def _print_verdict(screen: Console, card: SourceCard) -> None:
    source = card.source or {}
    code = source["class"]
    title = "none of the classes" if code == "none" else card.classes.title_of(code)
    screen.print(
        f"{escape(code)} ({escape(title)}), {source['status']}, "
        f"from {source['n_detections']} detection{'s'[: source['n_detections'] != 1]}; "
        f"soft vote {escape(source['class_soft'])}, hard vote {escape(source['class_hard'])}",
        highlight=False,
    )
    by_rule = [(name, source.get(f"class_{name}")) for name in ("probable", "balanced")]
    if all(said for _, said in by_rule):
        said = ", ".join(f"{name} {said}" for name, said in by_rule)
        screen.print(f"verdict by each rule: {escape(said)}", highlight=False)
    if source.get("group_set"):
        may_be = source["group_set"].split("|")
        own = source["group"] if source["group"] in card.classes.plain.groups else "other"
        said = ", ".join(may_be)
        if own not in may_be:
            said += f"; not {own}, whose true members mostly have a higher probability"
        screen.print(f"groups that may be true: {escape(said)}", highlight=False)
    full = "█" if screen.encoding.startswith("utf") else "#"
    columns = {c.code: c.column for c in card.classes.classes}
    if source.get("p_none") is not None:
        columns["none"] = "p_none"
    for code, column in sorted(columns.items(), key=lambda pair: -source[pair[1]]):
        p, spread = source[column], source.get(f"{column}_std", 0.0)
        if p >= 0.005:
            bar = full * round(30 * p)
            spread_text = f" ± {spread:5.3f}" if source["n_detections"] > 1 else ""
            screen.print(f"  {escape(code):4} {p:6.3f}{spread_text}  {bar}", highlight=False)


def _detection_cells(row: dict[str, Any], classes: Classes, with_distances: bool) -> list[str]:
    ranked = [(row[c.column], c.code) for c in classes.classes if row[c.column] is not None]
    ranked.sort(key=lambda pair: -pair[0])
    obsid = row.get("obsid")
    if row.get("obi") is not None:
        obsid = f"{obsid}/{row['obi']}"
    cells = [obsid, row["role"], row["cluster"]]
    for place in range(2):
        p, code = ranked[place] if place < len(ranked) else (0.0, "")
        d2 = row["squared_distances"].get(code)
        shown = p >= 0.0005
        cells += [f"{code} {p:.3f}" if shown else ""]
        cells += [f"{d2:.1f}" if shown and d2 else ""] if with_distances else []
    flag = row["flag"] or ""
    if flag.startswith("misses") and flag.count(",") > 2:
        flag = f"misses {row['n_missing']} features"
    return ["" if cell is None else str(cell) for cell in [*cells, flag]]
