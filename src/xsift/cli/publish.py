"""The command `xsift publish`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli.options import CatalogueFolder, Json, Out
from xsift.cli.terminal import console, escape, progress, say_json, show_warnings, show_where

if TYPE_CHECKING:
    from xsift.publish.publication import Published

__all__ = ["publish"]


def publish(
    catalogue: CatalogueFolder,
    out: Out,
    static: Annotated[
        bool, typer.Option("--static", help="Write static files in place of a DaCHS resource.")
    ] = False,
    schema: Annotated[
        str, typer.Option("--schema", help="Schema of the tables in the TAP service.")
    ] = "xsift",
    title: Annotated[
        str | None,
        typer.Option("--title", help="Title of the resource. [default: from the survey]"),
    ] = None,
    creator: Annotated[str, typer.Option("--creator", help="Authors: 'Last, F.; Last, F.'.")] = "",
    licence: Annotated[
        str, typer.Option("--licence", help="CC0-1.0, CC-BY-4.0 or CC-BY-SA-4.0.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Publish a catalogue as a VO service (DaCHS) or as static files."""
    from xsift.publish.publication import publish

    with progress() as step:
        result = publish(catalogue, out, schema, title, creator, licence, static, step)
    if as_json:
        say_json(result.as_dict())
    else:
        _show(result, static)


def _show(result: Published, static: bool) -> None:
    """Print what was written, what is missing, and what to do with it."""
    screen, resource = console(), result.resource
    screen.print(f"\n[bold]{escape(resource.title)}[/bold]", highlight=False)
    for table in resource.tables:
        screen.print(f"{table.table.num_rows:,} {table.name}", highlight=False)
    show_warnings(screen, result.notes)
    show_where(screen, "Written to", result.folder)
    if not static:
        name = resource.schema
        screen.print(
            f"Copy it to DaCHS as inputs/{name}, then: dachs val {name}/q; dachs imp {name}/q; "
            f"dachs pub {name}/q",
            highlight=False,
        )
