"""The command `xsift vote`."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer

from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Dask,
    Formats,
    Json,
    Out,
    Source,
    Survey,
    TableOrFolder,
    Verdict,
    VoteTrained,
    Workers,
    chosen_classes,
    settings_of,
)
from xsift.cli.writing import write_catalogue, write_stream

__all__ = ["vote"]


def vote(
    context: typer.Context,
    table: TableOrFolder,
    out: Out,
    source_column: Source = DEFAULT.source_column,
    survey: Survey = None,
    verdict: Verdict = DEFAULT.verdict,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    classes: ClassesFile = None,
    formats: Formats = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Combine probabilities of detections into verdicts of sources."""
    settings = settings_of(context)
    from xsift.cluster import chosen
    from xsift.read.parts import goes_in_parts

    who, of = chosen(workers, dask), chosen_classes(classes)
    if goes_in_parts(table):
        from xsift.pipeline.vote_stream import vote_stream

        stream = partial(vote_stream, table, settings, classes=of, workers=who)
        write_stream(stream, out, formats, as_json)
        return
    from xsift.pipeline.vote import vote_table

    def job(step: Any, _: Any) -> Any:
        if who is not None:
            step("the table is read at once, and this process alone lets it vote")
        return vote_table(table, settings, of, step)

    write_catalogue(job, out, formats, as_json, [table], has_detections=False)
