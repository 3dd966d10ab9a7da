"""An archive on this machine, and a proxy before it: see `loopback`."""

from __future__ import annotations

import contextlib
import socketserver
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loopback import ROWS, Archive, Proxy, handler, objects, served

from xsift.fetch import Cache


@pytest.fixture
def archive(tmp_path):
    """The archive and its address: ``archive.url`` (TAP) and ``archive.xmatch``."""
    made = Archive(tmp_path, ROWS, objects())
    made.db.execute("CREATE TABLE otypedef (otype, label, path)")
    made.db.executemany(
        "INSERT INTO otypedef VALUES (?, ?, ?)",
        [
            ("QSO", "QSO", "G > AGN > QSO"),
            ("Y*?", "YSO_Candidate", "*? > Y*?"),
            ("Sy1", "Seyfert1", "G > AGN > SyG > Sy1"),
            ("LP?", "LongPeriodV*_Candidate", "*? > V*? > LP?"),
        ],
    )
    with served(ThreadingHTTPServer(("127.0.0.1", 0), handler(made))) as port:
        made.port = port
        made.url = f"http://127.0.0.1:{port}/tap"
        made.xmatch = f"http://127.0.0.1:{port}/xmatch"
        yield made
    made.db.close()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def proxy(archive):
    made = Proxy(archive)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            # The client may hang up first: it is meant to.
            with contextlib.suppress(ConnectionError):
                made.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with served(Server(("127.0.0.1", 0), Handler)) as port:
        made.url = f"http://127.0.0.1:{port}/tap"
        yield made
