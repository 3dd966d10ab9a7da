"""The command `xsift run`: of a table, or of a cone of a survey, which it then fetches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli import services
from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Columns,
    Dask,
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
from xsift.cli.writing import write_catalogue, write_stream
from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.write import Staging

__all__ = ["run"]


def run(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            parser=path_or_address,
            help="VOTable, FITS, Parquet or CSV (also .gz); or a folder, a 'pattern' or a HATS "
            "catalogue of Parquet files, here or at an address; or a survey: fetch it.",
        ),
    ],
    out: Out,
    labels: Labels = None,
    cone: Annotated[
        str | None,
        typer.Option("--cone", help='Of the survey TABLE, fetch this cone: "RA DEC RADIUS", deg.'),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="TAP service to fetch from. [default: the survey's]")
    ] = None,
    simbad_url: Annotated[
        str | None, typer.Option("--simbad-url", help="TAP service of the types.")
    ] = None,
    fresh: services.Fresh = False,
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
    as_json: Json = False,
) -> None:
    """Train on known objects and classify: a table of detections becomes a catalogue."""
    settings = settings_of(context)
    from xsift import surveys
    from xsift.cluster import chosen
    from xsift.pipeline.run import run
    from xsift.read.parts import goes_in_parts

    who, wanted = chosen(workers, dask), chosen_classes(classes)
    fetch = None
    if cone is not None or (str(table) in surveys.names() and not Path(table).exists()):
        settings = replace(settings, survey=survey or str(table))
        fetch = _fetching(table, cone, labels, url, simbad_url, radius, fresh)
    elif goes_in_parts(table):
        from xsift.pipeline.run_stream import run_stream

        stream = partial(run_stream, table, labels, settings, wanted, workers=who)
        write_stream(stream, out, formats, as_json)
        return

    def job(step: Any, staging: Any) -> Any:
        if who is not None:
            step("the table is read at once, and this process alone works on it")
        read, known = fetch(staging, step) if fetch else (table, labels)
        return run(read, known, settings, wanted, step)

    write_catalogue(job, out, formats, as_json, [table, labels])


def _fetching(
    table: Path,
    cone: str | None,
    labels: Path | None,
    url: str | None,
    simbad_url: str | None,
    radius: float,
    fresh: bool,
) -> Callable[[Staging, Callable[[str], None]], tuple[Path, Path]]:
    """Return what fetches a cone of the survey TABLE: detections and, unless given, labels."""
    from xsift import surveys
    from xsift.pipeline.archive import fetch_for_run

    name = str(table)
    if name not in surveys.names() or Path(table).exists():
        raise SettingError(
            f"--cone: TABLE is then a survey, one of {', '.join(surveys.names())}; not {name}"
        )
    if cone is None:
        raise SettingError(f'{name} is a survey: say which part with --cone "RA DEC RADIUS"')
    survey = surveys.load(name)
    within = services.limits()
    tap = services.tap(survey, url, within)
    matcher = services.matcher("tap", simbad_url, within) if labels is None else None
    cache = services.cache(None, fresh)

    def fetch(staging: Staging, step: Callable[[str], None]) -> tuple[Path, Path]:
        detections, types = fetch_for_run(staging, survey, cone, tap, matcher, cache, radius, step)
        return detections, labels or types

    return fetch
