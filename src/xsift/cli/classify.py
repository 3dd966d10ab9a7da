"""The command `xsift classify`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from xsift.cli.cone import TABLE_HELP, Cone, Service, fetching, survey_of
from xsift.cli.options import (
    DEFAULT,
    Columns,
    Dask,
    Features,
    Formats,
    Json,
    Keep,
    Out,
    Prior,
    Source,
    Survey,
    Verdict,
    VoteTrained,
    Workers,
    path_or_address,
    settings_of,
)
from xsift.cli.services import Fresh
from xsift.cli.writing import write_catalogue, write_stream

__all__ = ["classify"]


def classify(
    context: typer.Context,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", parser=path_or_address, help=TABLE_HELP)
    ],
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Model file, or a packaged model: csc20, csc21, 4xmm. "
            "[default: the one that fits TABLE]",
        ),
    ] = None,
    cone: Cone = None,
    url: Service = None,
    fresh: Fresh = False,
    source_column: Source = DEFAULT.source_column,
    columns: Columns = None,
    keep: Keep = None,
    survey: Survey = None,
    features: Features = None,
    prior: Prior = DEFAULT.prior,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    verdict: Verdict = DEFAULT.verdict,
    formats: Formats = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Classify detections with a packaged model or your own."""
    settings = settings_of(context)
    from xsift.cluster import chosen
    from xsift.read.parts import goes_in_parts

    who = chosen(workers, dask)
    fetch = None
    if archived := survey_of(table, cone):
        from xsift.model.packaged import model_by_names

        if model is None:
            settings = replace(settings, survey=survey or archived.name)
        model_by_names((), model, settings, archived.name)  # none fits: said before it is fetched
        fetch = fetching(archived, cone, url, fresh)
    elif goes_in_parts(table):
        from xsift.pipeline.stream import classify_stream

        stream = partial(classify_stream, table, model, settings, workers=who)
        write_stream(stream, out, formats, as_json)
        return
    from xsift.pipeline.classify import classify

    def job(step: Any, staging: Any) -> Any:
        if who is not None:
            step("the table is read at once, and this process alone classifies it")
        read = fetch(staging, step)[0] if fetch else table
        return classify(read, model, settings, step)

    write_catalogue(job, out, formats, as_json, [table, model])
