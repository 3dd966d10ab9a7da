"""From a folder to a server that listens."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from xsift.errors import SettingError
from xsift.serve.against import against
from xsift.serve.aladin import read_aladin
from xsift.serve.app import create_app
from xsift.serve.catalogue import read_served
from xsift.serve.demo import demo_folder
from xsift.serve.guard import Guard, is_loopback

__all__ = ["Ready", "prepare"]

# The longest request line: a filter of 5,000 sources.
_LONGEST = 1 << 17


@dataclass(frozen=True, eq=False)
class Ready:
    """A server that holds its port, and the notes to show about it.

    Attributes
    ----------
    address : str
    notes : list of str
    app : Guard
    socket : socket.socket
    """

    address: str
    notes: list[str]
    app: Guard
    socket: socket.socket

    def run(self) -> None:
        """Serve until the server is stopped."""
        with self.socket:
            self.server().run(sockets=[self.socket])

    def server(self) -> uvicorn.Server:
        """Return the Uvicorn server. Its `run` takes the socket."""
        config = uvicorn.Config(
            self.app,
            http="h11",
            ws="none",
            lifespan="off",
            h11_max_incomplete_event_size=_LONGEST,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
            server_header=False,
            proxy_headers=False,
            access_log=False,
            log_level="warning",
        )
        return uvicorn.Server(config)


def prepare(
    folder: Path | None,
    host: str,
    port: int,
    progress: Callable[[str], None],
    aladin: Path | None = None,
    other: Path | None = None,
    mapping: str | None = None,
) -> Ready:
    """Take the port, read the catalogue, and create the application.

    Parameters
    ----------
    folder : Path or None
        Folder of the catalogue. If None, the demo's catalogue is made.
    host : str
    port : int
    progress : callable
        Called with a description of each step.
    aladin : Path, optional
        A copy of Aladin Lite. [default: the browser loads it from CDS]
    other : Path, optional
        Another catalogue whose classes are shown, too, as in `against`.
    mapping : str, optional

    Raises
    ------
    XsiftError
        If the port is taken, or if the catalogue or the copy cannot be served.
    """
    atlas = None if aladin is None else read_aladin(aladin)
    listening = _listen(host, port)  # first: a taken port is known before the long work
    try:
        is_demo = folder is None
        folder = folder or demo_folder(progress)
        progress(f"reading {folder}")
        served = read_served(folder, is_demo)
        if other is not None:
            progress(f"matching with {other}")
            served = against(served, other, mapping)
        app = create_app(served, _names(host), aladin=atlas)
    except BaseException:
        listening.close()
        raise
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    notes = [atlas.note] if atlas and atlas.note else []
    notes += (served.against or {}).get("notes", [])
    if not is_loopback(host):
        notes.append(
            f"listening on {host}: everybody who reaches this machine can read the catalogue and "
            "have tables classified; --host 127.0.0.1 keeps it to this machine"
        )
        if _is_any(host):
            shown = "localhost"
    return Ready(f"http://{shown}:{port}/", notes, app, listening)


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingError(
            f"--host {host} --port {port}: cannot listen there: {reason}; "
            "give another, or --port 0 for a free one"
        ) from error
    return listening


def _names(host: str) -> tuple[str, ...]:
    """Return the names that the server answers to; none for all addresses of the machine."""
    if is_loopback(host):
        return ("localhost", "127.0.0.1", "::1", host)
    return () if _is_any(host) else (host,)


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
