"""The command `xsift serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xsift.cli.options import CATALOGUE_HELP
from xsift.cli.terminal import progress, say
from xsift.errors import SettingError

__all__ = ["serve"]


def serve(
    catalogue: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help=CATALOGUE_HELP, show_default=False),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve a simulated catalogue.")] = False,
    other: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="OTHER",
            help="Compare with this catalogue of the same sources, or table with a class per row.",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            help="Mapping of the classes of a table OTHER to ours, as in xsift compare. "
            "[default: simbad]",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than this machine's warn.")
    ] = "127.0.0.1",
    aladin: Annotated[
        Path | None,
        typer.Option(
            "--aladin",
            metavar="FILE",
            help="A copy of Aladin Lite (aladin.js) for the sky survey. [default: from CDS]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a catalogue to your browser, with an HTTP API."""
    if demo == (catalogue is not None):
        raise SettingError("give a folder that run, classify or vote wrote, or --demo")
    if mapping is not None and other is None:
        raise SettingError(f"--mapping {mapping!r} says nothing without --compare")
    from xsift.serve.background import need_to_serve

    need_to_serve()
    from xsift.serve import server

    with progress() as step:
        ready = server.prepare(catalogue, host, port, step, aladin, other, mapping)
    for line in ready.notes:
        say(f"xsift: {line}", err=True)
    say(ready.address)
    ready.run()
