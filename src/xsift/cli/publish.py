"""The command `xsift publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xsift.cli.options import Json, Out, console, say_json

__all__ = ["publish"]


def publish(
    catalogue: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that run, classify or vote wrote.")
    ],
    out: Out,
    static: Annotated[
        bool, typer.Option("--static", help="Files for the web, not a DaCHS resource.")
    ] = False,
    schema: Annotated[
        str, typer.Option("--schema", help="Schema of the tables in the TAP service.")
    ] = "xsift",
    title: Annotated[
        str | None,
        typer.Option("--title", help="Title of the resource. [default: from the survey]"),
    ] = None,
    creator: Annotated[
        str, typer.Option("--creator", help="Who made it: 'Last, F.; Last, F.'.")
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", help="CC0-1.0, CC-BY-4.0 or CC-BY-SA-4.0.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Turn a catalogue into a VO service for DaCHS, or into static files."""
    from xsift.cli import terminal
    from xsift.publish import publication

    with terminal.progress(console(err=True)) as step:
        result = publication.publish(catalogue, out, schema, title, creator, licence, static, step)
    if as_json:
        say_json(result.as_dict())
    else:
        terminal.show_published(console(), result, static)
