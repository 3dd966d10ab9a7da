"""The commands `xsift fetch ...`: what the command line says about archives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli.options import Json, console, say, say_json
from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.fetch import Cache, Limits, Selection
    from xsift.write import Staging

__all__ = ["app", "prepare_run"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Fetch detections from the Chandra archive, or types from SIMBAD.",
)

OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="File for the table: .parquet, .vot or .fits.", show_default=False),
]
Url = Annotated[
    str | None, typer.Option("--url", help="Base address of another service than the usual one.")
]
Mode = Annotated[
    bool, typer.Option("--sync/--async", help="Wait for each answer, or let the service queue it.")
]
Budget = Annotated[float, typer.Option("--budget", help="Time for all of it, s.", min=1.0)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask again for what the cache has.")]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache", help="Folder of the cache. [default: ~/.cache/xsift]")
]


@app.command()
def csc(
    out: OutFile = None,
    release: Annotated[
        str, typer.Option("--release", help="Of the catalogue: 2.0 or 2.1.")
    ] = "2.0",
    cone: Annotated[
        str | None, typer.Option("--cone", help='Sources in a cone: "RA DEC RADIUS", deg.')
    ] = None,
    names: Annotated[
        Path | None, typer.Option("--names", help="Sources that a table names (column name).")
    ] = None,
    positions: Annotated[
        Path | None, typer.Option("--positions", help="Sources near a table's ra and dec.")
    ] = None,
    radius: Annotated[
        float, typer.Option("--radius", help="Around each of --positions, arcsec.")
    ] = 5.0,
    obsid: Annotated[
        list[int] | None, typer.Option("--obsid", help="An observation; may be repeated.", min=0)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole release.")] = False,
    cuts: Annotated[
        bool, typer.Option("--cuts/--no-cuts", help="The paper's cuts, or every detection.")
    ] = True,
    show_query: Annotated[
        bool, typer.Option("--show-query", help="Print the query; fetch and write nothing.")
    ] = False,
    url: Url = None,
    sync: Mode = True,
    budget: Budget = 3600.0,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Fetch detections of the Chandra Source Catalog with the paper's query; resumable."""
    from xsift import fetch
    from xsift.catalogue.warnings import recorded
    from xsift.pipeline import archive

    survey = archive.survey_of_release(release)
    given = {"--cone": cone, "--names": names, "--positions": positions, "--obsid": obsid}
    said = [name for name, value in given.items() if value] + ["--all"] * everything
    if show_query and not said:
        say(fetch.adql(survey.query, None, cuts))
        return
    if len(said) != 1:
        told = " and ".join(said) + ": say only one" if said else "say which part of the catalogue"
        raise SettingError(f"{told}: --cone, --names, --positions, --obsid or --all")
    with recorded() as notes:
        selection = _selection(cone, names, positions, radius, obsid)
    if show_query:
        queries = [fetch.adql(survey.query, part, cuts) for part in selection.parts]
        say(";\n\n".join(queries))
        for note in notes:
            say(f"xsift: {note}", err=True)
        return
    archive.form_of(_required(out))
    limits, kept = _limits(budget), _cache(cache, fresh)
    service, mode = url or survey.query.service, fetch.mode(sync)
    tap = fetch.Tap(service, archive.parse, limits, mode, survey.query.row_limit)
    read = [file for file in (names, positions) if file is not None]
    _say(
        f"fetching {survey.title}",
        lambda bar: archive.save_detections(
            _required(out), survey, selection, tap, kept, cuts, bar, read
        ),
        lambda about: f"{int(about['detections']):,} detections from {tap.url}, written to {out}",
        as_json,
        notes,
    )


@app.command()
def simbad(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Table with ra and dec.")],
    out: OutFile = None,
    radius: Annotated[float, typer.Option("--radius", help="Around each position, arcsec.")] = 1.0,
    via: Annotated[
        str, typer.Option("--via", help="Service: tap (SIMBAD's own) or xmatch (the CDS's).")
    ] = "tap",
    snapshot: Annotated[
        Path | None,
        typer.Option("--snapshot", help="Answer from this file; where it is not there, make it."),
    ] = None,
    url: Url = None,
    sync: Mode = True,
    budget: Budget = 3600.0,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Fetch SIMBAD's types for the positions of a table, as known objects for run's --labels."""
    from xsift.pipeline import archive

    if not 0 < radius <= 180:
        raise SettingError(f"--radius {radius}: allowed is above 0, to 180 arcsec")
    archive.form_of(_required(out))
    matcher = _matcher(via, url, _limits(budget), sync)
    kept = _cache(cache, fresh)
    _say(
        "asking SIMBAD",
        lambda bar: archive.save_labels(
            _required(out), table, matcher, kept, radius, snapshot, bar
        ),
        lambda about: _in_words(about, out),
        as_json,
    )


def prepare_run(
    table: Path,
    cone: str | None,
    labels: Path | None,
    services: tuple[str | None, str | None],
    radius: float,
    fresh: bool,
) -> Callable[[Staging, Callable[[str], None]], tuple[Path, Path]]:
    """Return what fetches for `xsift run SURVEY --cone ...`: detections and, unless given, labels.

    Raises
    ------
    SettingError
        If TABLE is a file, or no survey.
    """
    from xsift import fetch, surveys
    from xsift.pipeline import archive

    name = str(table)
    if name not in surveys.names() or table.exists():
        raise SettingError(
            f"--cone: TABLE is then a survey, {' or '.join(surveys.names())}, not {name}"
        )
    if cone is None:
        raise SettingError(f'{name} is a survey: say which part with --cone "RA DEC RADIUS"')
    survey = surveys.load(name)
    limits = _limits(3600.0)
    url, simbad_url = services
    limit = survey.query.row_limit
    tap = fetch.Tap(url or survey.query.service, archive.parse, limits, row_limit=limit)
    matcher = _matcher("tap", simbad_url, limits, True) if labels is None else None
    kept = _cache(None, fresh)

    def prepare(staging: Staging, step: Callable[[str], None]) -> tuple[Path, Path]:
        found = archive.prepare(staging, survey, cone, tap, matcher, kept, radius, step)
        return found[0], labels or found[1]

    return prepare


def _selection(
    cone: str | None,
    names: Path | None,
    positions: Path | None,
    radius: float,
    obsid: list[int] | None,
) -> Selection:
    from xsift import fetch
    from xsift.read import targets

    if cone is not None:
        return fetch.in_cone(fetch.parse_cone(cone))
    if names is not None:
        return fetch.those_of("name", targets.values_of(names, "name"))
    if positions is not None:
        if not 0 < radius <= 3600:
            raise SettingError(f"--radius {radius}: allowed is above 0, to 3600 arcsec")
        ra, dec, _ = targets.positions_of(positions)
        return fetch.near(ra, dec, radius)
    if obsid:
        return fetch.those_of("obsid", obsid)
    return fetch.whole()


def _matcher(via: str, url: str | None, limits: Limits, sync: bool) -> Any:
    from xsift import fetch
    from xsift.fetch import simbad as service
    from xsift.pipeline import archive

    if via == "tap":
        return service.Simbad(archive.parse, limits, fetch.mode(sync), url or service.SIMBAD)
    if via == "xmatch":
        return service.XMatch(archive.parse, limits, url or service.XMATCH)
    raise SettingError(f"--via {via}: allowed are tap and xmatch")


def _limits(budget: float) -> Limits:
    from xsift.fetch import Limits

    return Limits(budget=budget)


def _cache(folder: Path | None, fresh: bool) -> Cache:
    from xsift.fetch import Cache, default_folder

    return Cache(folder or default_folder(), fresh)


def _required(out: Path | None) -> Path:
    if out is None:
        raise SettingError("say where to write with --out FILE")
    return out


def _in_words(about: dict[str, str], out: Path | None) -> str:
    positions, found = int(about["positions"]), int(about["with_object"])
    rate = float(about["chance_match_rate"])
    text = f"{found:,} of {positions:,} positions have an object of SIMBAD within "
    text += f"{about['radius_arcsec']} arcsec ({int(about['objects']):,} in all, "
    text += f"{int(about['candidates']):,} of them candidates of a type)"
    if rate == rate:
        n = int(about["chance_match_positions"])
        text += f". Chance gives {100 * rate:.2f} % ({n:,} shifted positions), which is "
        text += f"{rate * positions:,.1f} of these matches"
    return f"{text}. Types of {about['fetched']}, from {about['service']}, written to {out}"


def _say(
    what: str,
    job: Callable[[Any], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
    as_json: bool,
    before: Sequence[str] = (),
) -> None:
    """Do the job under a progress bar; print its result and what to be wary of."""
    from xsift.catalogue.warnings import recorded
    from xsift.cli import terminal

    with recorded() as notes, terminal.bar(console(err=True), what) as bar:
        about = job(bar)
    if as_json:
        say_json({**about, "warnings": [*before, *notes]})
        return
    say(words(about))
    for note in [*before, *notes]:
        say(f"Warning: {note}")
