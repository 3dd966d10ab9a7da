"""Options and arguments that several commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xsift.errors import SettingError
from xsift.settings import FORMATS, Settings, help_of

__all__ = [
    "DEFAULT",
    "ClassesFile",
    "Features",
    "Formats",
    "Json",
    "Labels",
    "Out",
    "Prior",
    "Source",
    "Survey",
    "TableFile",
    "Types",
    "VoteTrained",
    "chosen_classes",
    "chosen_formats",
    "console",
    "option",
    "say",
    "say_json",
]

DEFAULT = Settings()

Out = Annotated[Path, typer.Option("--out", help="Folder for the results.", show_default=False)]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        help=f"Format of the tables beside Parquet: {', '.join(FORMATS[1:])}; may be repeated. "
        "[default: votable]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, not a summary.")]
TableFile = Annotated[
    Path, typer.Argument(metavar="TABLE", help="VOTable, FITS, Parquet or CSV (also .gz).")
]


def option(name: str) -> Any:
    """Return the option of a setting: its name and its help."""
    return typer.Option("--" + name.replace("_", "-"), help=help_of(name))


Source = Annotated[str, option("source_column")]
Survey = Annotated[str | None, option("survey")]
Features = Annotated[str | None, option("features")]
Types = Annotated[str | None, option("type_column")]
Prior = Annotated[str, option("prior")]
VoteTrained = Annotated[bool, typer.Option("--vote-trained", help=help_of("vote_trained"))]


Labels = Annotated[
    Path | None,
    typer.Option("--labels", help="Known objects: a table with types, and names or positions."),
]
ClassesFile = Annotated[
    Path | None,
    typer.Option("--classes", help="TOML file of other classes than the paper's ten."),
]


def chosen_classes(path: Path | None) -> Any:
    """Return the classes of a file, or the paper's."""
    from xsift.classes import PAPER_CLASSES, read_classes

    return read_classes(path) if path else PAPER_CLASSES


def chosen_formats(formats: list[str] | None, *default: str) -> tuple[str, ...]:
    """Return the formats that were asked for, or the usual ones."""
    chosen = tuple(formats) if formats else default
    if unknown := sorted(set(chosen) - set(FORMATS)):
        raise SettingError(f"--format {unknown[0]}: allowed are {', '.join(FORMATS)}")
    return chosen


def console(err: bool = False) -> Any:
    """Return a console on standard output, or on standard error."""
    from rich.console import Console

    return Console(stderr=err, soft_wrap=True)


def say(text: str, err: bool = False, end: str = "\n") -> None:
    """Print a text; a character that the terminal has not becomes ``?``."""
    stream = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end=end, file=stream, flush=True)


def say_json(value: Any) -> None:
    """Print JSON in ASCII, which every terminal and pipe takes; NaN becomes null."""
    from xsift.write import finite

    say(json.dumps(finite(value), indent=2))
