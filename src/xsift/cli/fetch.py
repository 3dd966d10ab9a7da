"""The commands `xsift fetch ...`: detections of an archive, types of SIMBAD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli import services
from xsift.cli.options import Json
from xsift.cli.services import BUDGET, Budget, CacheFolder, Fresh, Mode, Url
from xsift.cli.terminal import bar, say, say_json
from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.fetch import Selection

__all__ = ["fetch"]

fetch = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Fetch detections from the Chandra archive, or types from SIMBAD.",
)

OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="File for the table: .parquet, .vot or .fits.", show_default=False),
]


@fetch.command()
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
    budget: Budget = BUDGET,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Fetch detections of the Chandra Source Catalog with the paper's query; resumable."""
    from xsift.catalogue.warnings import recorded
    from xsift.fetch import adql
    from xsift.pipeline import archive

    survey = archive.survey_of_release(release)
    given = {"--cone": cone, "--names": names, "--positions": positions, "--obsid": obsid}
    said = [name for name, value in given.items() if value] + ["--all"] * everything
    if show_query and not said:
        say(adql(survey.need_query(), None, cuts))
        return
    if len(said) != 1:
        told = " and ".join(said) + ": say only one" if said else "say which part of the catalogue"
        raise SettingError(f"{told}: --cone, --names, --positions, --obsid or --all")
    with recorded() as notes:
        selection = _selection(cone, names, positions, radius, obsid)
    if show_query:
        say(";\n\n".join(adql(survey.need_query(), part, cuts) for part in selection.parts))
        for note in notes:
            say(f"xsift: {note}", err=True)
        return
    path = _required(out)
    tap = services.tap(survey, url, services.limits(budget), sync)
    kept = services.cache(cache, fresh)
    read = [file for file in (names, positions) if file is not None]
    _say(
        f"fetching {survey.title}",
        lambda advance: archive.save_detections(
            path, survey, selection, tap, kept, cuts, advance, read
        ),
        lambda about: f"{int(about['detections']):,} detections from {tap.url}, written to {path}",
        as_json,
        notes,
    )


@fetch.command()
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
    budget: Budget = BUDGET,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Fetch SIMBAD's types for the positions of a table, as known objects for run's --labels."""
    from xsift.pipeline import archive

    if not 0 < radius <= 180:
        raise SettingError(f"--radius {radius}: allowed is above 0, to 180 arcsec")
    path = _required(out)
    matcher = services.matcher(via, url, services.limits(budget), sync)
    kept = services.cache(cache, fresh)
    _say(
        "asking SIMBAD",
        lambda advance: archive.save_labels(path, table, matcher, kept, radius, snapshot, advance),
        lambda about: _in_words(about, path),
        as_json,
    )


def _selection(
    cone: str | None,
    names: Path | None,
    positions: Path | None,
    radius: float,
    obsid: list[int] | None,
) -> Selection:
    from xsift.fetch import in_cone, near, parse_cone, those_of, whole
    from xsift.read.targets import positions_of, values_of

    if cone is not None:
        return in_cone(parse_cone(cone))
    if names is not None:
        return those_of("name", values_of(names, "name"))
    if positions is not None:
        if not 0 < radius <= 3600:
            raise SettingError(f"--radius {radius}: allowed is above 0, to 3600 arcsec")
        ra, dec, _ = positions_of(positions)
        return near(ra, dec, radius)
    if obsid:
        return those_of("obsid", obsid)
    return whole()


def _required(out: Path | None) -> Path:
    """Return the file to write, of a form that we write: known before anything is asked."""
    from xsift.pipeline.archive import form_of

    if out is None:
        raise SettingError("say where to write with --out FILE")
    form_of(out)
    return out


def _in_words(about: dict[str, str], path: Path) -> str:
    positions, found = int(about["positions"]), int(about["with_object"])
    rate = float(about["chance_match_rate"])
    text = f"{found:,} of {positions:,} positions have an object of SIMBAD within "
    text += f"{about['radius_arcsec']} arcsec ({int(about['objects']):,} in all, "
    text += f"{int(about['candidates']):,} of them candidates of a type)"
    if rate == rate:
        n = int(about["chance_match_positions"])
        text += f". Chance gives {100 * rate:.2f} % ({n:,} shifted positions), which is "
        text += f"{rate * positions:,.1f} of these matches"
    return f"{text}. Types of {about['fetched']}, from {about['service']}, written to {path}"


def _say(
    what: str,
    job: Callable[[Any], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
    as_json: bool,
    before: Sequence[str] = (),
) -> None:
    """Do the job under a progress bar; print its result and what to be wary of."""
    from xsift.catalogue.warnings import recorded

    with recorded() as notes, bar(what) as advance:
        about = job(advance)
    if as_json:
        say_json({**about, "warnings": [*before, *notes]})
        return
    say(words(about))
    for note in [*before, *notes]:
        say(f"Warning: {note}")
