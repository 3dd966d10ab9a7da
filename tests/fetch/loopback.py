"""An archive on this machine, and a proxy before it that does what networks do."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import sqlite3
import struct
import threading
import time
from collections import deque
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa

from xsift import surveys
from xsift.fetch import Limits
from xsift.pipeline.archive import parse
from xsift.write import write_table

QUICK = Limits(
    budget=20.0, answer=3.0, connect=0.5, silence=5.0, tries=3, backoff=0.02, pause=0.0, poll=0.01,
    max_bytes=1 << 22,
)  # fmt: skip


def votable(table: pa.Table, tmp, overflow: bool = False, status: str = "OK") -> bytes:
    """Write a table as a TAP service does."""
    path = tmp / f"{threading.get_ident()}.vot"
    write_table(table, path, "votable", {})
    said = f'<INFO name="QUERY_STATUS" value="{status}"/>' if status else ""
    text = path.read_text().replace('<RESOURCE type="results">', f'<RESOURCE type="results">{said}')
    after = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>' if overflow else ""
    return text.replace("</RESOURCE>", f"{after}</RESOURCE>").encode()


def refused(text: str) -> bytes:
    """Write an error as DALI wants it."""
    return (
        '<VOTABLE version="1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="ERROR">{text}</INFO></RESOURCE></VOTABLE>'
    ).encode()


class Archive:
    """The five tables in SQLite, objects for cross-matches, and a TAP service before them.

    The queries of xsift are SQL that SQLite runs as it is: an engine of its own says what they
    return.
    """

    def __init__(self, tmp, detections: dict[str, list], objects: dict[str, list]) -> None:
        self.tmp, self.objects = tmp, objects
        self.limit = 10_000
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.credentials: set[str | None] = set()
        self.sent: list[dict[str, str]] = []
        self.jobs: dict[str, dict[str, str]] = {}
        self.polls = 0
        self.lock = threading.Lock()
        self.kinds = _kinds(surveys.load("csc20"))
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self._fill(detections)

    def _fill(self, rows: dict[str, list]) -> None:
        query = surveys.load("csc20").query
        n = len(rows["name"])
        rows = {**rows, "detect_stack_id": [f"stack{i % 2}" for i in range(n)]}
        keys = {
            "a": ["name", "detect_stack_id", "region_id"],
            "b": ["detect_stack_id", "region_id", "obsid", "obi"],
            "s": ["detect_stack_id", "region_id"],
        }
        for schema in ("csc2", "csc21"):
            self.db.execute(f"ATTACH ':memory:' AS {schema}")
            for alias, table in query.tables.items():
                columns = keys.get(alias) or query.columns[alias]
                self.db.execute(f"CREATE TABLE {schema}.{table} ({', '.join(columns)})")
                values = set(zip(*(rows[c] for c in columns), strict=True))
                marks = ", ".join("?" * len(columns))
                self.db.executemany(f"INSERT INTO {schema}.{table} VALUES ({marks})", list(values))

    def add(self, survey: surveys.Survey, rows: pa.Table) -> None:
        """Add the single table of a survey's archive, its columns called as there."""
        (table,), (columns,) = survey.query.tables.values(), survey.query.columns.values()
        self.kinds |= _kinds(survey)
        theirs = ", ".join(f'"{columns[name]}"' for name in rows.column_names)
        self.db.execute(f'CREATE TABLE "{table}" ({theirs})')
        marks = ", ".join("?" * rows.num_columns)
        values = zip(*rows.to_pydict().values(), strict=True)
        self.db.executemany(f'INSERT INTO "{table}" VALUES ({marks})', list(values))

    def answer(self, form: dict[str, str], upload: bytes) -> tuple[int, bytes]:
        """Answer a query: HTTP status, and content."""
        query = form["QUERY"]
        with self.lock:
            self.asked.append(query)
            self.sent.append(form)
        limit = min(self.limit, int(form.get("MAXREC", self.limit)))
        try:
            table = self._match(query, upload) if upload else self._run(query)
        except sqlite3.Error as error:
            return 400, refused(f"{error} & so on".replace("&", "&amp;"))
        return 200, votable(table.slice(0, limit), self.tmp, table.num_rows > limit)

    def _run(self, query: str) -> pa.Table:
        with self.lock:
            cursor = self.db.execute(query)
            names = [c[0] for c in cursor.description]
            rows = cursor.fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        arrays = [
            pa.array(c, self.kinds.get(n, pa.string())) for n, c in zip(names, columns, strict=True)
        ]
        return pa.table(arrays, names=names)

    def _match(self, query: str, upload: bytes) -> pa.Table:
        from astropy.coordinates import angular_separation

        asked = parse(upload, "the upload")
        radius = float(re.search(r"([\d.]+)\)\)$", query)[1]) if query else self.radius / 3600
        ra, dec = (np.radians(asked[f"asked_{c}"].to_numpy()) for c in ("ra", "dec"))
        there = [np.radians(np.array(self.objects[c])) for c in ("ra", "dec")]
        apart = angular_separation(ra[:, None], dec[:, None], *there)
        i, j = np.nonzero(apart <= np.radians(radius))
        kinds = {"main_id": pa.string(), "ra": pa.float64(), "dec": pa.float64()}
        picked = {
            k: pa.array(v, kinds.get(k, pa.string())).take(j) for k, v in self.objects.items()
        }
        return pa.table({"asked": asked["asked"].to_numpy()[i], **picked})


def _kinds(survey: surveys.Survey) -> dict[str, pa.DataType]:
    kinds = {"text": pa.string(), "integer": pa.int64(), "float": pa.float64()}
    return {c.name: kinds[c.kind] for c in survey.columns}


def sources(survey: surveys.Survey, n: int = 200) -> pa.Table:
    """Sources of a survey as its archive has them, under our names; every tenth lacks a value."""
    rng = np.random.default_rng(4)
    columns: dict[str, object] = {}
    for name in survey.query.selected:
        column = survey.column(name)
        low = column.low if column.low is not None else -1.0
        values = rng.uniform(low, low + 1 if column.high is None else column.high, n)
        if column.kind == "integer":
            values = np.floor(values).astype(int)
        missing = (np.arange(n) % 10 == 0) & (name not in ("ra", "dec"))
        columns[name] = pa.array(values, mask=missing)
    prefix = survey.query.name_prefix
    columns["name"] = [f"{survey.name.upper()} J{i:05d}'s".removeprefix(prefix) for i in range(n)]
    columns["dec"] = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return pa.table(columns)


def handler(archive: Archive):
    class Handler(BaseHTTPRequestHandler):
        def _form(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = self.headers.get("Content-Type", "")
            archive.agents.add(self.headers["User-Agent"])
            archive.credentials.add(self.headers["Authorization"])
            if not kind.startswith("multipart"):
                return {k: v[0] for k, v in parse_qs(body.decode()).items()}, b""
            message = BytesParser().parsebytes(f"Content-Type: {kind}\n\n".encode() + body)
            parts = {
                p.get_param("name", header="content-disposition"): p.get_payload(decode=True)
                for p in message.get_payload()
            }
            files = [k for k in ("positions", "cat1") if k in parts]
            return (
                {k: v.decode() for k, v in parts.items() if k not in files},
                parts[files[0]] if files else b"",
            )

        def _send(self, status, content=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self):
            form, upload = self._form()
            path = urlsplit(self.path).path
            if path == "/tap/sync":
                self._send(*archive.answer(form, upload))
            elif path == "/tap/async":
                job = f"job{len(archive.jobs)}"
                archive.jobs[job] = {"form": form, "upload": upload, "phase": "PENDING"}
                self._send(303, Location=f"/tap/async/{job}")
            elif path.endswith("/phase"):
                archive.jobs[path.split("/")[3]]["phase"] = form["PHASE"]
                self._send(303, Location=path.removesuffix("/phase"))
            elif path == "/xmatch/sync":
                archive.radius = float(form["distMaxArcsec"])
                table = archive._match("", upload)
                names = ["main_type" if n == "otype" else n for n in table.column_names]
                self._send(200, votable(table.rename_columns(names), archive.tmp, status=""))
            else:
                self._send(404, b"<html><title>Not &amp; found</title></html>")

        def do_GET(self):
            self._form()
            _, _, _, job, *rest = urlsplit(self.path).path.split("/")
            if job not in archive.jobs:
                self._send(404)
            elif rest == ["phase"]:
                archive.polls += 1
                state = archive.jobs[job]
                if state["phase"] == "RUN":
                    state["phase"] = "EXECUTING"
                elif state["phase"] == "EXECUTING":
                    state["status"], state["answer"] = archive.answer(
                        state["form"], state["upload"]
                    )
                    state["phase"] = "COMPLETED" if state["status"] == 200 else "ERROR"
                self._send(200, state["phase"].encode())
            elif rest in (["results", "result"], ["error"]):
                self._send(200, archive.jobs[job]["answer"])
            else:
                self._send(200, b"<uws:job/>")

        def do_DELETE(self):
            self._form()
            archive.jobs.pop(self.path.split("/")[3], None)
            self._send(303, Location="/tap/async")

        def log_message(self, *args):
            pass

    return Handler


@contextlib.contextmanager
def served(server):
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def detections(n: int = 240) -> dict[str, list]:
    """Detections, two of each source: at RA 0, at the poles, and around (84, -5)."""
    rng = np.random.default_rng(3)
    survey = surveys.load("csc20")
    half = n // 2
    third = half // 4
    rest = half - 3 * third
    ra = np.r_[
        rng.uniform(-1, 1, third) % 360, rng.uniform(0, 360, 2 * third), rng.uniform(83, 85, rest)
    ]
    polar = rng.uniform(89.3, 90, 2 * third) * np.repeat([1, -1], third)
    dec = np.r_[rng.uniform(-1, 1, third), polar, rng.uniform(-6, -4, rest)]
    rows: dict[str, list] = {
        "name": [f"2CXO J{i // 2:06d}'s" for i in range(n)],
        "ra": np.repeat(ra, 2).tolist(),
        "dec": np.repeat(dec, 2).tolist(),
        "obsid": [100 + i % 7 for i in range(n)],
        "obi": [i % 2 for i in range(n)],
        "region_id": list(range(n)),
        "flux_significance_b": [6.0 if i % 10 else 4.0 for i in range(n)],
        "significance": [9.0] * half + [9.0] * (n - half),
    }
    for name in survey.query.selected:
        if name not in rows:
            column = survey.column(name)
            low = column.low if column.low is not None else 0.0
            high = column.high if column.high is not None else low + 1
            rows[name] = rng.uniform(max(low, 0.01), min(high, 0.99), n).tolist()
    rows["hard_hm"][5] = None
    rows["powlaw_gamma"][7] = None
    return rows


ROWS = detections()
EXPECTED = [
    i
    for i in range(len(ROWS["name"]))
    if ROWS["flux_significance_b"][i] > 5 and ROWS["powlaw_gamma"][i] is not None
]


def objects() -> dict[str, list]:
    """One object 0.5 arcsec north of every fourth source, a second one 0.9 arcsec south."""
    ra, dec = ROWS["ra"][::8], ROWS["dec"][::8]
    codes = ["QSO", "Y*?", "Sy1", "LP?"] * len(ra)
    return {
        "main_id": [f"obj {i}" for i in range(len(ra))] + [f"faint {i}" for i in range(len(ra))],
        "ra": [*ra, *ra],
        "dec": [d + 0.5 / 3600 for d in dec] + [d - 0.9 / 3600 for d in dec],
        "otype": codes[: 2 * len(ra)],
    }


def http_answer(content: bytes, status: str = "200 OK", length: int | None = None, **headers):
    said = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    if length is not None:
        said += f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\n{said}Connection: close\r\n\r\n".encode() + content


class Proxy:
    """Hands requests on; while there are faults left, does the next one instead.

    A fault is a callable of (socket, answer): `answer` is what the archive says, whole.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.faults: deque = deque()
        self.always = None
        self.only = ""
        self.requests: list[str] = []
        self.times: list[float] = []

    def serve(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        line = file.readline().decode()
        if not line:
            return
        method, path, _ = line.split()
        headers = http.client.parse_headers(file)
        body = file.read(int(headers.get("Content-Length", 0)))
        self.requests.append(f"{method} {path}")
        self.times.append(time.monotonic())
        fault = None
        if path.endswith(self.only):
            fault = self.always or (self.faults.popleft() if self.faults else None)
        upstream = http.client.HTTPConnection("127.0.0.1", self.archive.port)
        with contextlib.closing(upstream):
            upstream.request(method, path, body, dict(headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
        if fault is not None:
            fault(connection, content)
            return
        location = {"Location": answer.headers["Location"]} if "Location" in answer.headers else {}
        status = f"{answer.status} {answer.reason}"
        connection.sendall(http_answer(content, status, len(content), **location))


def reset(connection, content):
    connection.sendall(http_answer(content[: len(content) // 2], length=len(content)))
    time.sleep(0.02)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def sends(make):
    """Make a fault that sends bytes and hangs up."""

    def fault(connection, content):
        connection.sendall(make(content))

    return fault


def stall(before):
    def fault(connection, content):
        connection.sendall(http_answer(content, length=len(content))[:before])
        time.sleep(0.8)

    return fault


def endless(piece, pause=0.0):
    def fault(connection, content):
        connection.sendall(http_answer(content[:-20]))
        stop = time.monotonic() + 5
        while time.monotonic() < stop:
            connection.sendall(piece)
            time.sleep(pause)

    return fault


def hang_up(connection, content):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
