"""The command `xsift classify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

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
from xsift.cli.writing import write_catalogue, write_stream

__all__ = ["classify"]


def classify(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            parser=path_or_address,
            help="VOTable, FITS, Parquet or CSV (also .gz); or a folder, a 'pattern' or a HATS "
            "catalogue of Parquet files, here or at an address such as s3://bucket/table.",
        ),
    ],
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Model file, or csc20 or csc21. [default: the one that fits TABLE]"
        ),
    ] = None,
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
    """Classify detections with a trained model: yours, or one that comes with xsift."""
    settings = settings_of(context)
    from xsift.cluster import chosen
    from xsift.read.parts import goes_in_parts

    who = chosen(workers, dask)
    if goes_in_parts(table):
        write_stream(table, model, settings, out, formats, who, as_json)
        return
    from xsift.pipeline.classify import classify

    def job(step: Any, _: Any) -> Any:
        if who is not None:
            step("the table is read at once, and this process alone classifies it")
        return classify(table, model, settings, step)

    write_catalogue(job, out, formats, as_json, [table, model])
