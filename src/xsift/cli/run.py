"""The command `xsift run`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from xsift.cli.cone import TABLE_HELP, Cone, Service, fetching, survey_of
from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Columns,
    Dask,
    Device,
    Features,
    Formats,
    Json,
    Keep,
    LabelColumn,
    Labels,
    Match,
    Out,
    Prior,
    Radius,
    Seed,
    Source,
    Survey,
    Types,
    Verdict,
    VoteTrained,
    Workers,
    chosen_classes,
    option,
    path_or_address,
    settings_of,
)
from xsift.cli.services import Fresh
from xsift.cli.writing import write_catalogue, write_stream

__all__ = ["run"]


def run(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            parser=path_or_address,
            help=TABLE_HELP,
        ),
    ],
    out: Out,
    labels: Labels = None,
    cone: Cone = None,
    url: Service = None,
    simbad_url: Annotated[
        str | None,
        typer.Option("--simbad-url", help="TAP service for the types. [default: SIMBAD]"),
    ] = None,
    fresh: Fresh = False,
    label_column: LabelColumn = None,
    source_column: Source = DEFAULT.source_column,
    columns: Columns = None,
    keep: Keep = None,
    features: Features = None,
    survey: Survey = None,
    type_column: Types = None,
    method: Annotated[str, option("method")] = DEFAULT.method,
    closing: Annotated[str, option("closing")] = DEFAULT.closing,
    missing: Annotated[str, option("missing")] = DEFAULT.missing,
    prior: Prior = DEFAULT.prior,
    clusters: Annotated[int, option("clusters")] = DEFAULT.clusters,
    seed: Seed = DEFAULT.seed,
    min_members: Annotated[int, option("min_members")] = DEFAULT.min_members,
    match: Match = DEFAULT.match,
    radius: Radius = DEFAULT.radius,
    verdict: Verdict = DEFAULT.verdict,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    classes: ClassesFile = None,
    formats: Formats = None,
    workers: Workers = None,
    dask: Dask = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train on known objects, then classify a table of detections."""
    settings = settings_of(context)
    from xsift.cluster import chosen
    from xsift.pipeline.run import run
    from xsift.read.parts import goes_in_parts

    who, wanted = chosen(workers, dask), chosen_classes(classes)
    fetch = None
    if archived := survey_of(table, cone):
        settings = replace(settings, survey=survey or archived.name)
        types_within = radius if labels is None else None
        fetch = fetching(archived, cone, url, fresh, types_within, simbad_url)
    elif goes_in_parts(table):
        from xsift.pipeline.run_stream import run_stream

        stream = partial(run_stream, table, labels, settings, wanted, workers=who, device=device)
        write_stream(stream, out, formats, as_json)
        return

    def job(step: Any, staging: Any) -> Any:
        if who is not None:
            step("the table is read at once, and this process alone works on it")
        read, types = fetch(staging, step) if fetch else (table, None)
        return run(read, labels or types, settings, wanted, step, device=device)

    write_catalogue(job, out, formats, as_json, [table, labels])
