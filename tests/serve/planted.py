"""Code that a test puts into the worker's process: nothing of it ships."""

from __future__ import annotations

from xsift.serve import work


def plant(monkeypatch, folder, code):
    """Run `code` in each worker before it begins."""
    path = folder / "planted.py"
    path.write_text(code)
    before, after = work._START.split("; from xsift", 1)
    planted = f"{before}; exec(open({str(path)!r}).read()); from xsift{after}"
    monkeypatch.setattr(work, "_START", planted)


# A table with this word takes for ever to read.
SLOW = """
import time
import xsift.read.table as r
read_text = r.read_text

def slow(source, columns=None):
    if b"slowly" in source.content:
        time.sleep(600)
    return read_text(source, columns)

r.read_text = slow
"""

NO_WALL = """
import contextlib
import xsift.serve.wall as w
import xsift.serve.worker as k
w.wall = lambda seconds: contextlib.nullcontext()
k._cut_network = lambda: False
"""

# A reader without a wall of its own: it follows what the VOTable names.
FOLLOWS = """
import xsift.read.table as r
from astropy.io.votable import parse
from xsift.errors import TableError
read_votable = r.read_votable

def follow(source, columns=None):
    if source.path == "sample":
        return read_votable(source, columns)
    document = parse(source.stream(), verify="ignore", filename="x")
    (table,) = document.iter_tables()
    cells = table.array[table.fields[0].ID].tolist()
    raise TableError(f"{source.path}: got {cells}")

r.read_votable = follow
"""

# A reader that tries all ways out, those of native code too.
TRIES = """
import ctypes, os, socket, subprocess
import xsift.read.table as r
from xsift.errors import TableError
libc = ctypes.CDLL(None)
read_text = r.read_text

def tries(source, columns=None):
    if source.path == "sample":
        return read_text(source, columns)
    secret, port = source.content.decode().split()[1:3]
    ways = {
        "open": lambda: open(secret).read(),
        "write": lambda: open("../written", "w").close(),
        "list": lambda: os.listdir("/"),
        "socket": lambda: socket.create_connection(("127.0.0.1", int(port)), 5),
        "program": lambda: subprocess.run(["/bin/sh", "-c", ":"]),
        "native file": lambda: 1 / (1 + libc.open(secret.encode(), 0)),
        "native socket": lambda: 1 / (1 + libc.socket(2, 1, 0)),
    }
    worked = []
    for name, way in ways.items():
        try:
            way()
            worked.append(name)
        except (OSError, ZeroDivisionError):
            pass
    raise TableError(f"{source.path}: worked: {worked}")

r.read_text = tries
"""
