"""The command `xsift vote`."""

from __future__ import annotations

from typing import Any

import typer

from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Formats,
    Json,
    Out,
    Source,
    Survey,
    TableFile,
    Verdict,
    VoteTrained,
    chosen_classes,
    settings_of,
)
from xsift.cli.writing import write_catalogue

__all__ = ["vote"]


def vote(
    context: typer.Context,
    table: TableFile,
    out: Out,
    source_column: Source = DEFAULT.source_column,
    survey: Survey = None,
    verdict: Verdict = DEFAULT.verdict,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    classes: ClassesFile = None,
    formats: Formats = None,
    as_json: Json = False,
) -> None:
    """Turn a table of detection probabilities into a table of sources."""
    settings = settings_of(context)
    from xsift.pipeline.vote import vote_table

    chosen = chosen_classes(classes)

    def job(step: Any, _: Any) -> Any:
        return vote_table(table, settings, chosen, step)

    write_catalogue(job, out, formats, as_json, [table], has_detections=False)
