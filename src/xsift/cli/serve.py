"""The command `xsift serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xsift.cli.options import CATALOGUE_HELP
from xsift.cli.terminal import progress, say
from xsift.errors import SettingError, need

__all__ = ["serve"]


def serve(
    catalogue: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help=CATALOGUE_HELP, show_default=False),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve a simulated catalogue.")] = False,
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than this machine's warn.")
    ] = "127.0.0.1",
) -> None:
    """Serve a catalogue to your browser, with an HTTP API."""
    if demo == (catalogue is not None):
        raise SettingError("give a folder that run, classify or vote wrote, or --demo")
    for package in ("fastapi", "pyvo", "uvicorn"):
        need(package, "cannot serve")
    from xsift.serve import server

    with progress() as step:
        ready = server.prepare(catalogue, host, port, step)
    for line in ready.notes:
        say(f"xsift: {line}", err=True)
    say(ready.address)
    ready.run()
