"""The command line: parses, calls, prints.

Heavy modules are imported inside the commands, so that help is there at once.
"""

from __future__ import annotations

import io
import json
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from xsift import __version__
from xsift.cli import compare as comparing
from xsift.cli import evaluate as evaluating
from xsift.cli import fetch as fetching
from xsift.cli import publish as publishing
from xsift.cli import report as reporting
from xsift.cli import serve as serving
from xsift.cli.options import (
    DEFAULT,
    ClassesFile,
    Features,
    Formats,
    Json,
    Labels,
    Out,
    Prior,
    Source,
    Survey,
    TableFile,
    Types,
    VoteTrained,
    chosen_classes,
    chosen_formats,
    console,
    option,
    say,
    say_json,
)
from xsift.errors import SettingError, XsiftError, XsiftWarning
from xsift.settings import Settings

__all__ = ["main"]


class _Commands(TyperGroup):
    """Lists the commands in the order in which the data flow; turns our errors into one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        # Typer puts groups last: fetching comes before all that needs a table.
        return sorted(self.commands, key=lambda name: {"demo": 0, "fetch": 1}.get(name, 2))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except XsiftError as error:
            # A wrong option is the command line's fault, all else the data's.
            _fail(str(error), status=2 if isinstance(error, SettingError) else 1)
        except MemoryError:
            _fail("not enough memory for a table of this size")
        except KeyboardInterrupt:
            _fail("stopped", status=130)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Classes and probabilities for X-ray sources.",
)


app.add_typer(fetching.app, name="fetch")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"xsift {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Out = Path("xsift-demo"),
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    sources: Annotated[
        int, typer.Option("--sources", help="Number of simulated sources.", min=1000, max=200_000)
    ] = 6000,
    as_json: Json = False,
) -> None:
    """Do the whole job on a simulated survey, offline, and say how well it recovered the truth."""
    from xsift.cli import terminal
    from xsift.pipeline import demo as demonstration

    with terminal.progress(console(err=True)) as step:
        result = demonstration.demonstrate(out, n_sources=sources, seed=seed, progress=step)
    if as_json:
        say_json(result.catalogue.record)
        return
    terminal.show_summary(console(), result.catalogue, out)
    terminal.show_recovery(console(), result)


@app.command()
def run(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="VOTable, FITS, Parquet or CSV (also .gz); csc20 or csc21: fetch."
        ),
    ],
    out: Out,
    labels: Labels = None,
    cone: Annotated[
        str | None,
        typer.Option("--cone", help='Of the survey TABLE, fetch this cone: "RA DEC RADIUS", deg.'),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="TAP service to fetch from. [default: Chandra's]")
    ] = None,
    simbad_url: Annotated[
        str | None, typer.Option("--simbad-url", help="TAP service of the types.")
    ] = None,
    fresh: fetching.Fresh = False,
    label_column: Annotated[str | None, option("label_column")] = None,
    source_column: Source = DEFAULT.source_column,
    features: Features = None,
    survey: Survey = None,
    type_column: Types = None,
    method: Annotated[str, option("method")] = DEFAULT.method,
    closing: Annotated[str, option("closing")] = DEFAULT.closing,
    missing: Annotated[str, option("missing")] = DEFAULT.missing,
    prior: Prior = DEFAULT.prior,
    clusters: Annotated[int, option("clusters")] = DEFAULT.clusters,
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    min_members: Annotated[int, option("min_members")] = DEFAULT.min_members,
    match: Annotated[str, option("match")] = DEFAULT.match,
    radius: Annotated[float, option("radius")] = DEFAULT.radius,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    classes: ClassesFile = None,
    formats: Formats = None,
    as_json: Json = False,
) -> None:
    """Train on known objects and classify: a table of detections becomes a catalogue."""
    settings = Settings(
        method=method,
        features=features,
        survey=survey,
        source_column=source_column,
        label_column=label_column,
        type_column=type_column,
        match=match,
        radius=radius,
        closing=closing,
        missing=missing,
        prior=prior,
        clusters=clusters,
        seed=seed,
        min_members=min_members,
        vote_trained=vote_trained,
    )
    from xsift import surveys
    from xsift.pipeline.run import run as run_pipeline

    chosen = chosen_classes(classes)
    prepare = None
    if cone is not None or (str(table) in surveys.names() and not table.exists()):
        settings = replace(settings, survey=survey or str(table))
        prepare = fetching.prepare_run(table, cone, labels, (url, simbad_url), radius, fresh)

    def job(step: Any, staging: Any) -> Any:
        read, known = prepare(staging, step) if prepare else (table, labels)
        return run_pipeline(read, known, settings, chosen, step)

    _do(job, out, formats, as_json, [table, labels])


@app.command()
def classify(
    table: TableFile,
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Model file, or csc12 or csc11. [default: the one that fits TABLE]"
        ),
    ] = None,
    source_column: Source = DEFAULT.source_column,
    survey: Survey = None,
    features: Features = None,
    prior: Prior = DEFAULT.prior,
    formats: Formats = None,
    as_json: Json = False,
) -> None:
    """Classify detections with a trained model: yours, or one that comes with xsift."""
    settings = Settings(source_column=source_column, survey=survey, features=features, prior=prior)
    from xsift.pipeline.classify import classify as classify_table

    def job(step: Any, _: Any) -> Any:
        return classify_table(table, model, settings, step)

    _do(job, out, formats, as_json, [table, model])


@app.command()
def vote(
    table: TableFile,
    out: Out,
    source_column: Source = DEFAULT.source_column,
    survey: Survey = None,
    vote_trained: VoteTrained = DEFAULT.vote_trained,
    classes: ClassesFile = None,
    formats: Formats = None,
    as_json: Json = False,
) -> None:
    """Turn a table of detection probabilities into a table of sources."""
    settings = Settings(source_column=source_column, survey=survey, vote_trained=vote_trained)
    from xsift.pipeline.vote import vote_table

    chosen = chosen_classes(classes)

    def job(step: Any, _: Any) -> Any:
        return vote_table(table, settings, chosen, step)

    _do(job, out, formats, as_json, [table], has_detections=False)


@app.command()
def scan(
    table: TableFile,
    out: Out,
    k_max: Annotated[int, typer.Option("--k-max", help="Largest number of clusters.")] = 20,
    restarts: Annotated[int, typer.Option("--restarts", help="Fits of each number.")] = 10,
    seed: Annotated[int, option("seed")] = DEFAULT.seed,
    source_column: Source = DEFAULT.source_column,
    survey: Survey = None,
    features: Features = None,
    as_json: Json = False,
) -> None:
    """Compare numbers of clusters by BIC, AIC, ICL, silhouette and stability; resumable."""
    settings = Settings(survey=survey, features=features, source_column=source_column, seed=seed)
    from xsift.cli import terminal
    from xsift.pipeline.scan import scan_k

    with terminal.bar(console(err=True), "fitting") as advance:
        result = scan_k(table, out, k_max, restarts, settings, advance)
    if as_json:
        say_json(json.loads((out / "scan.json").read_bytes()))
    else:
        terminal.show_scan(console(), result, out)


app.command()(evaluating.evaluate)
app.command()(comparing.compare)
app.command()(reporting.report)


@app.command("anomalies")
def list_anomalies(
    catalogue: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that run, classify or vote wrote.")
    ],
    most: Annotated[int, typer.Option("--most", help="How many detections.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List the most atypical detections of a catalogue, and the features that make them so."""
    from xsift.catalogue.anomalies import anomalies
    from xsift.cli import terminal

    found = anomalies(catalogue, most)
    if as_json:
        say_json([a.as_dict() for a in found])
    else:
        terminal.show_anomalies(console(), found)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Source name, as in the catalogue.")],
    catalogue: Annotated[
        Path, typer.Option("--catalogue", help="Folder that run, classify or vote wrote.")
    ],
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Draw it, too: a file that ends in .png, .pdf or .svg."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one source: every detection, every probability, where it stands, and why."""
    from xsift.catalogue import card
    from xsift.cli.card_text import show_card

    found = card.source_card(name, catalogue)
    if figure is not None:
        from xsift.report.card import write_card_figure

        write_card_figure(found, figure)
    if as_json:
        say_json(found.as_dict())
        return
    show_card(console(), found)


app.command()(serving.serve)
app.command()(publishing.publish)


def _do(
    job: Any,
    out: Path,
    formats: list[str] | None,
    as_json: bool,
    inputs: list[Any],
    has_detections: bool = True,
) -> None:
    """Hold the folder, do the job, write the results and say what came of it."""
    from xsift.catalogue import tables as catalogue
    from xsift.cli import terminal

    chosen = chosen_formats(formats, "parquet", "votable")
    given = [file for file in inputs if file is not None]
    with (
        catalogue.place(out, given, has_detections) as staging,
        terminal.progress(console(err=True)) as step,
    ):
        result = job(step, staging)
        step(f"writing {out}")
        result.stage(staging, chosen)
    if as_json:
        say_json(result.record)
    else:
        terminal.show_summary(console(), result, out)


def _fail(message: str, status: int = 1) -> NoReturn:
    # A name in a hostile file must not steer the terminal.
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    say(f"xsift: {line}", err=True)
    raise typer.Exit(status)


def _stop(number: int, frame: Any) -> None:
    # As an exception, so that half-written files are cleared away.
    raise KeyboardInterrupt


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
) -> None:
    # Ours are for the user, in one line; another library's say where they are from.
    if issubclass(category, XsiftWarning):
        say(f"xsift: {message}", err=True)
    else:
        say(warnings.formatwarning(message, category, filename, lineno), err=True, end="")


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # rather "?" than no result
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        app()
    except KeyboardInterrupt:
        say("xsift: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
