"""The commands `xsift fetch ...`: a survey from its archive, types of SIMBAD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.cli import services
from xsift.cli.options import Dask, Json, Workers
from xsift.cli.services import BUDGET, Budget, CacheFolder, Fresh, Mode, Url
from xsift.cli.terminal import bar, say, say_json
from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.fetch import Selection
    from xsift.surveys import Survey

__all__ = ["SURVEYS", "fetch"]

SURVEYS = ("2sxps", "4xmm", "csc20", "csc21", "erass1")
"""The shipped surveys, `surveys.names()`: written out, for help has no time to import them."""

fetch = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Fetch a survey from its archive, or types from SIMBAD.",
)

OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="File for the table: .parquet, .vot or .fits.", show_default=False),
]
InCone = Annotated[
    str | None, typer.Option("--cone", help='Sources in a cone: "RA DEC RADIUS", deg.')
]
Names = Annotated[
    Path | None, typer.Option("--names", help="Sources listed in the column name of this table.")
]
Positions = Annotated[
    Path | None,
    typer.Option("--positions", help="Sources near the positions (ra, dec) of this table."),
]
Around = Annotated[float, typer.Option("--radius", help="Search radius for --positions, arcsec.")]
Everything = Annotated[bool, typer.Option("--all", help="Fetch the whole release.")]
ShowQuery = Annotated[
    bool, typer.Option("--show-query", help="Print the query; fetch and write nothing.")
]


@dataclass(frozen=True)
class _Wanted:
    """Which part of a survey is fetched, as the command line says it."""

    cone: str | None
    names: Path | None
    positions: Path | None
    radius: float
    everything: bool
    obsid: Sequence[int] = ()

    @property
    def options(self) -> list[str]:
        """The options that were given."""
        given = {"--cone": self.cone, "--names": self.names, "--positions": self.positions}
        said = [name for name, value in {**given, "--obsid": self.obsid}.items() if value]
        return said + ["--all"] * self.everything

    def selection(self) -> Selection:
        """Return what is selected, where one option says it."""
        from xsift.fetch import in_cone, near, parse_cone, those_of, whole
        from xsift.read.targets import positions_of, values_of

        if self.cone is not None:
            return in_cone(parse_cone(self.cone))
        if self.names is not None:
            return those_of("name", values_of(self.names, "name"))
        if self.positions is not None:
            if not 0 < self.radius <= 3600:
                raise SettingError(f"--radius {self.radius}: allowed is above 0, to 3600 arcsec")
            ra, dec, _ = positions_of(self.positions)
            return near(ra, dec, self.radius)
        if self.obsid:
            return those_of("obsid", self.obsid)
        return whole()


@dataclass(frozen=True)
class _Asked:
    """How the archive is asked, as the command line says it."""

    url: str | None
    sync: bool
    budget: float
    fresh: bool
    cache: Path | None
    workers: int | str | None
    cuts: bool = True


@fetch.command()
def csc(
    out: OutFile = None,
    release: Annotated[
        str, typer.Option("--release", help="Release of the catalogue: 2.0 or 2.1.")
    ] = "2.0",
    cone: InCone = None,
    names: Names = None,
    positions: Positions = None,
    radius: Around = 5.0,
    obsid: Annotated[
        list[int] | None, typer.Option("--obsid", help="An observation; may be repeated.", min=0)
    ] = None,
    everything: Everything = False,
    cuts: Annotated[
        bool,
        typer.Option(
            "--cuts/--no-cuts", help="Apply the cuts of the paper, or fetch every detection."
        ),
    ] = True,
    show_query: ShowQuery = False,
    url: Url = None,
    sync: Mode = True,
    budget: Budget = BUDGET,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Fetch detections of the Chandra Source Catalog. Repeat the command to resume."""
    from xsift.cluster import chosen
    from xsift.pipeline.archive import survey_of_release

    wanted = _Wanted(cone, names, positions, radius, everything, obsid or ())
    asked = _Asked(url, sync, budget, fresh, cache, chosen(workers, dask), cuts)
    _fetch(survey_of_release(release), out, wanted, asked, show_query, as_json)


def _add_command(name: str) -> None:
    """Add the command that fetches a shipped survey by its name."""
    is_chandras = name.startswith("csc")  # `xsift fetch csc` says all of these, and more

    @fetch.command(
        name, hidden=is_chandras, help=f"Fetch sources of {name}. Repeat the command to resume."
    )
    def command(
        out: OutFile = None,
        cone: InCone = None,
        names: Names = None,
        positions: Positions = None,
        radius: Around = 5.0,
        everything: Everything = False,
        show_query: ShowQuery = False,
        url: Url = None,
        sync: Mode = True,
        budget: Budget = BUDGET,
        fresh: Fresh = False,
        cache: CacheFolder = None,
        workers: Workers = None,
        dask: Dask = None,
        as_json: Json = False,
    ) -> None:
        from xsift import surveys
        from xsift.cluster import chosen

        wanted = _Wanted(cone, names, positions, radius, everything)
        asked = _Asked(url, sync, budget, fresh, cache, chosen(workers, dask))
        _fetch(surveys.load(name), out, wanted, asked, show_query, as_json)


for _name in SURVEYS:
    _add_command(_name)


def _fetch(
    survey: Survey,
    out: Path | None,
    wanted: _Wanted,
    asked: _Asked,
    show_query: bool,
    as_json: bool,
) -> None:
    """Fetch a part of a survey into a file, or print the query that would."""
    from xsift.catalogue.warnings import recorded
    from xsift.fetch import adql
    from xsift.pipeline import archive

    query, options = survey.need_query(), wanted.options
    if show_query and not options:
        say(adql(query, None, asked.cuts))
        return
    if len(options) != 1:
        ways = ["--cone", "--names", "--positions", "--all"]
        ways[3:3] = ["--obsid"] * ("obsid" in query.selected)
        told = " and ".join(options) + ": say only one"
        said = told if options else "say which part of the catalogue"
        raise SettingError(f"{said}: {', '.join(ways[:-1])} or {ways[-1]}")
    with recorded() as notes:
        selection = wanted.selection()
    if show_query:
        say(";\n\n".join(adql(query, part, asked.cuts) for part in selection.parts))
        for note in notes:
            say(f"xsift: {note}", err=True)
        return
    path = _required(out)
    tap = services.tap(survey, asked.url, services.limits(asked.budget), asked.sync)
    kept = services.cache(asked.cache, asked.fresh)
    read = [file for file in (wanted.names, wanted.positions) if file is not None]
    _say(
        f"fetching {survey.title}",
        lambda advance: archive.save_detections(
            path, survey, selection, tap, kept, asked.cuts, advance, read, asked.workers
        ),
        lambda about: f"{int(about['detections']):,} detections from {tap.url}, written to {path}",
        as_json,
        notes,
    )


@fetch.command()
def simbad(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Table with ra and dec.")],
    out: OutFile = None,
    radius: Annotated[
        float, typer.Option("--radius", help="Search radius around each position, arcsec.")
    ] = 1.0,
    via: Annotated[
        str, typer.Option("--via", help="Service to ask: tap (SIMBAD) or xmatch (CDS).")
    ] = "tap",
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot", help="Use this file in place of SIMBAD; create it if it does not exist."
        ),
    ] = None,
    url: Url = None,
    sync: Mode = True,
    budget: Budget = BUDGET,
    fresh: Fresh = False,
    cache: CacheFolder = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Fetch SIMBAD types for the positions of a table. Use the result as --labels of run."""
    from xsift.cluster import chosen
    from xsift.pipeline import archive

    if not 0 < radius <= 180:
        raise SettingError(f"--radius {radius}: allowed is above 0, to 180 arcsec")
    path = _required(out)
    matcher = services.matcher(via, url, services.limits(budget), sync)
    kept, pool = services.cache(cache, fresh), chosen(workers, dask)
    _say(
        "asking SIMBAD",
        lambda advance: archive.save_labels(
            path, table, matcher, kept, radius, snapshot, advance, pool
        ),
        lambda about: _in_words(about, path),
        as_json,
    )


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
