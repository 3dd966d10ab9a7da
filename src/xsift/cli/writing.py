"""How demo, run, classify and vote write a catalogue, and what they say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xsift.cli.options import chosen_formats
from xsift.cli.terminal import (
    console,
    escape,
    new_table,
    progress,
    say_json,
    show_warnings,
    show_where,
)
from xsift.errors import need
from xsift.settings import CATALOGUE_FORMATS

if TYPE_CHECKING:
    from rich.table import Table

    from xsift.catalogue.tables import Catalogue
    from xsift.classes import Classes
    from xsift.pipeline.steps import Streamed
    from xsift.write import Staging

__all__ = ["show_summary", "write_catalogue", "write_stream"]

_HEADINGS = {"missing": "Missing", "unscored": "Not scored", "set_aside": "Set aside"}
_STAGES = (
    ("detections", "detections read"),
    ("complete", "with all features"),
    ("with_missing_features", "missing a feature"),
    ("without_features", "without any feature"),
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


def write_catalogue(
    job: Callable[[Callable[[str], None], Staging], Catalogue],
    out: Path,
    formats: list[str] | None,
    as_json: bool,
    inputs: Iterable[str | Path | None],
    has_detections: bool = True,
) -> None:
    """Hold the folder, do the job, write the results and say what came of it."""
    from xsift.catalogue.tables import place

    chosen = chosen_formats(formats, "parquet", "votable", allowed=CATALOGUE_FORMATS)
    if "hats" in chosen:
        need("hats", "cannot write HATS")  # said now, not after the work
    given = [file for file in inputs if file is not None]
    with place(out, given, has_detections) as staging, progress() as step:
        result = job(step, staging)
        step(f"writing {out}")
        record = result.stage(staging, chosen)
    if as_json:
        say_json(record)
    else:
        show_summary(result, out)


def write_stream(
    job: Callable[..., Streamed], out: Path, formats: list[str] | None, as_json: bool
) -> None:
    """Do a job on a table in parts, and say what came of it."""
    chosen = chosen_formats(formats, allowed=CATALOGUE_FORMATS) if formats else None
    with progress(as_json) as step:
        result = job(out=out, formats=chosen, tell=step.part)
    if as_json:
        say_json(result.record)
    else:
        _show(result.record, _class_table(result.classes, result.record, result.sources), out)


def show_summary(result: Catalogue, folder: Path) -> None:
    """Print what came in, what became of it, and what to be wary of."""
    from xsift.catalogue.sums import verdicts_of

    table = _class_table(_classes(result), result.record, verdicts_of(result.sources))
    _show(result.record, table, folder)


def _show(record: dict[str, Any], by_class: Table, folder: Path) -> None:
    from xsift.catalogue.record import faintness_said, on_device

    screen = console()
    screen.print(f"\n[bold]{escape(str(record['input']))}[/bold]")
    if "model_choice" in record:
        screen.print(escape(record["model_choice"]), highlight=False)
    if sample := record.get("training_sample"):
        screen.print(_sample_said(sample), highlight=False)
    if said := on_device(record.get("device")):
        screen.print(f"mixtures fitted {said}", highlight=False)
    screen.print(_stages(record["counts"]))
    screen.print(by_class)
    screen.print(f"class: {escape(record['verdict'])}", highlight=False)
    if record.get("none"):
        screen.print(escape(record["none"]), highlight=False)
    for what, heading in _HEADINGS.items():
        if record.get(what):
            screen.print(f"{heading}: {escape(_top(record[what]))}", highlight=False)
    if said := faintness_said(record):
        screen.print(escape(said), highlight=False)
    show_warnings(screen, record["warnings"])
    show_where(screen, "Written to", folder)


def _sample_said(sample: Mapping[str, int]) -> str:
    others = f"{sample['others']:,} of {sample['of_others']:,} others"
    if sample["others"] < sample["of_others"]:
        others += ", whole sources drawn by a hash of their names"
    return f"training sample: all {sample['labelled']:,} detections with a label, and {others}"


def _stages(counts: dict[str, int]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold")
    grid.add_column()
    for key, text in _STAGES:
        count = counts.get(key)
        if count or (count == 0 and key in ("scored", "sources")):
            grid.add_row(f"{count:,}", text)
    return grid


def _class_table(classes: Classes, record: dict[str, Any], verdicts: Mapping[str, int]) -> Table:
    from xsift.catalogue.sums import key_of
    from xsift.catalogue.tables import NONE

    n, trained = Counter(verdicts), record.get("model", {}).get("class_counts", {})
    table = new_table(
        "Sources by class",
        ("group", "class", ""),
        ("unique", "ambiguous", *(["trained on"] if trained else [])),
    )
    last = ""
    for c in classes.classes:
        row = [c.group if c.group != last else "", c.code, c.title]
        row += [f"{n[key_of(c.group, c.code, s)]:,}" for s in ("unique", "ambiguous")]
        row += [f"{trained.get(c.code, 0):,}"] if trained else []
        table.add_row(*map(escape, row))
        last = c.group
    none = [n[key_of(NONE, NONE, s)] for s in ("unique", "ambiguous")]
    if any(none):
        counts = [f"{count:,}" for count in none]
        table.add_row("", NONE, "none of these", *counts, *([""] if trained else []))
    return table


def _classes(result: Catalogue) -> Classes:
    from xsift.classes import PAPER_CLASSES, Classes

    if result.model is not None:
        return result.model.classes
    if "classes" in result.record:
        return Classes.model_validate({"classes": result.record["classes"]})
    return PAPER_CLASSES


def _top(found: dict[str, int], most: int = 6) -> str:
    """Say the first few counts in a line, and how many more there are."""
    said = ", ".join(f"{what} {n:,}" for what, n in list(found.items())[:most])
    return f"{said} and {len(found) - most} more" if len(found) > most else said
