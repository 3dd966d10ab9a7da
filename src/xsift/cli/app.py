"""The app: its commands in the order in which the data flow, its errors and its warnings."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from xsift import __version__
from xsift.cli.anomalies import anomalies
from xsift.cli.classify import classify
from xsift.cli.compare import compare
from xsift.cli.demo import demo
from xsift.cli.evaluate import evaluate
from xsift.cli.fetch import fetch
from xsift.cli.publish import publish
from xsift.cli.report import report
from xsift.cli.run import run
from xsift.cli.scan import scan
from xsift.cli.serve import serve
from xsift.cli.show import show
from xsift.cli.terminal import say
from xsift.cli.vote import vote
from xsift.errors import SettingError, XsiftError, XsiftWarning, lack_of, options_named

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Lists the commands in the order in which the data flow; turns our errors into one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        # Typer puts groups last: fetching comes before all that needs a table.
        return sorted(self.commands, key=lambda name: {"demo": 0, "fetch": 1}.get(name, 2))

    def invoke(self, ctx: Any) -> Any:
        with options_named():
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except XsiftError as error:
            # A wrong option is the command line's fault, all else the data's.
            _fail(str(error), status=2 if isinstance(error, SettingError) else 1)
        except ModuleNotFoundError as error:
            # Where nobody asked for the package before its import.
            said = lack_of((error.name or "").partition(".")[0], "cannot go on")
            if said is None:
                raise
            _fail(said)
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
    help="Class probabilities for X-ray sources. Start with: xsift classify TABLE --out DIR",
)
app.command()(demo)
app.add_typer(fetch, name="fetch")
app.command()(run)
app.command()(classify)
app.command()(vote)
app.command()(scan)
app.command()(evaluate)
app.command()(compare)
app.command()(report)
app.command()(anomalies)
app.command()(show)
app.command()(serve)
app.command()(publish)


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
