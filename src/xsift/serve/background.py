"""The playground of a catalogue beside what else a Python process does: a notebook's cell."""

from __future__ import annotations

import tempfile
import threading
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from xsift.errors import need
from xsift.model.progress import silent

if TYPE_CHECKING:
    from xsift.pipeline.catalogue import Catalogue

__all__ = ["Served", "need_to_serve", "serve_catalogue"]


class Served:
    """A server that runs in its own thread until you stop it.

    Attributes
    ----------
    address : str
        Address to open in a browser.
    """

    def __init__(self, address: str, server: Any, thread: threading.Thread) -> None:
        self.address, self._server, self._thread = address, server, thread

    def stop(self) -> None:
        """Stop the server and release its port. A second call does nothing."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self._thread.is_alive():
            return f"stopped: served at {self.address}"
        return f"serving at {self.address} (stop() ends it)"

    def _repr_html_(self) -> str:
        at = escape(self.address)
        if not self._thread.is_alive():
            return f"stopped: served at {at}"
        return f'serving at <a href="{at}" target="_blank">{at}</a> (<code>stop()</code> ends it)'


def need_to_serve() -> None:
    """Refuse to serve without the extra `serve`, before any work is done."""
    for package in ("fastapi", "pyvo", "uvicorn"):
        need(package, "cannot serve")


def serve_catalogue(
    catalogue: Catalogue | str | Path, port: int = 0, host: str = "127.0.0.1"
) -> Served:
    """Serve a catalogue to the browser, and return immediately.

    Parameters
    ----------
    catalogue : Catalogue, str or Path
        The result of `run`, `classify` or `vote_table`, or the folder that holds it.
    port : int
        Port to listen on. 0 takes a free one.
    host : str
        Host to listen on. [default: this machine only]

    Returns
    -------
    Served
        The running server. A notebook shows its link. It stops with the process, or with
        ``stop()``.

    Raises
    ------
    SettingError
        If the port is taken.
    XsiftError
        If the catalogue cannot be served.
    """
    need_to_serve()
    from xsift.serve.server import prepare

    place = None
    if isinstance(catalogue, (str, Path)):
        folder = Path(catalogue)
    else:
        place = tempfile.TemporaryDirectory(prefix="xsift-served-")
        folder = Path(place.name)
        catalogue.write(folder)
    ready = prepare(folder, host, port, silent)
    server = ready.server()

    def run() -> None:
        with ready.socket:
            server.run(sockets=[ready.socket])
        if place is not None:
            place.cleanup()

    thread = threading.Thread(target=run, name="xsift-serve", daemon=True)
    thread.start()
    return Served(ready.address, server, thread)
