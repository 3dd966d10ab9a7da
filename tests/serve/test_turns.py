"""Uploads at once: a bounded number, a bounded time, and the others are told how long."""

import asyncio
import gzip
import io
import re
import socket
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from starlette.exceptions import HTTPException

from xsift.serve import work
from xsift.serve.app import create_app
from xsift.serve.limits import UploadLimits
from xsift.serve.turns import Line

from .conftest import HOSTS, workers
from .planted import SLOW, plant

SMALL, SLOWLY = b"name\nx\n", b"name\nslowly\n"
# What the machine may need beside the limits, when it is busy.
SPARE = 40


class Client:
    """A request that is still connected, or not."""

    gone = False

    async def is_disconnected(self):
        return self.gone


def until(condition, seconds=SPARE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to this"
        time.sleep(0.02)


def test_the_first_to_come_is_the_first_to_be_served():
    async def run():
        line, order = Line(UploadLimits(workers=1)), []

        async def one(name):
            async with line.turn(Client()):
                order.append(name)
                await asyncio.sleep(0.06)

        await asyncio.gather(*(one(n) for n in range(5)))
        return order

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_who_waits_too_long_is_told_when_to_come_back():
    async def run():
        line = Line(UploadLimits(workers=2, wait_seconds=0, worker_seconds=100))
        async with line.turn(Client()), line.turn(Client()), line.turn(Client()):
            pass

    with pytest.raises(HTTPException) as refused:
        asyncio.run(run())
    assert refused.value.status_code == 503
    said = re.fullmatch(
        r"2 other files are classified before this one: try again in (\d+) s", refused.value.detail
    )
    # A hundred seconds for those who work, and the same for the one who waits himself.
    assert refused.value.headers == {"Retry-After": said[1]}
    assert 90 <= int(said[1]) <= 100


def test_who_finds_no_place_is_told_when_to_come_back():
    line = Line(UploadLimits(places=1))
    with line.place(), pytest.raises(HTTPException) as refused, line.place():
        pass
    assert refused.value.status_code == 503
    assert refused.value.detail == "1 other files arrive or are classified: try again in 1 s"
    with line.place():
        pass


def test_who_is_gone_gives_up_the_turn():
    async def run():
        line, gone = Line(UploadLimits(workers=1)), Client()
        gone.gone = True
        async with line.turn(Client()):
            with pytest.raises(HTTPException, match="the connection ended before the answer"):
                async with line.turn(gone):
                    pass
        async with line.turn(Client()):
            pass

    asyncio.run(run())


def test_work_that_takes_long_is_ended(upload_with, no_leftovers):
    answer = upload_with(worker_seconds=0.05)(SMALL)
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "table.csv: classifying it took more than 0.05 s: use xsift classify"
    )


def test_a_third_is_served_while_two_are_slow(upload_with, monkeypatch, tmp_path, no_leftovers):
    """Reading has an end by the clock: so has the wait of the first in the line."""
    plant(monkeypatch, tmp_path, SLOW)
    upload = upload_with(workers=2, read_seconds=3)
    slow = []
    threads = [threading.Thread(target=lambda: slow.append(upload(SLOWLY))) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(workers()) == 2)
    began = time.monotonic()
    small = upload(SMALL)
    took = time.monotonic() - began
    for thread in threads:
        thread.join()
    assert small.status_code == 422
    assert "missing columns" in small.json()["detail"]
    assert took < 3 + SPARE
    for answer in slow:
        assert answer.status_code == 422
        assert answer.json()["detail"] == (
            "table.csv: reading it took more than 3 s: use xsift classify"
        )


def flat_fits():
    """A FITS table of 1e10 rows that have no bytes."""
    cards = ["SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 0", "END"]
    table = [
        *("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 0"),
        *("NAXIS2  = 10000000000", "PCOUNT  = 0", "GCOUNT  = 1", "TFIELDS = 1"),
        *("TTYPE1  = 'name'", "TFORM1  = '0A'", "END"),
    ]
    parts = ["".join(c.ljust(80) for c in part).ljust(2880) for part in (cards, table)]
    return "".join(parts).encode()


def long_cell():
    """A Parquet table of 300 kB with a cell of 3e8 characters."""
    file = io.BytesIO()
    pq.write_table(pa.table({"name": ["x" * 300_000_000]}), file, compression="zstd")
    return file.getvalue()


def wide_votable():
    """A VOTable whose one row is said to have 1e7 characters a cell."""
    fields = "".join(
        f'<FIELD name="c{i}" datatype="char" arraysize="10000000"/>' for i in range(30)
    )
    row = f"<TR>{'<TD>x</TD>' * 30}</TR>"
    return (
        f"<VOTABLE><RESOURCE><TABLE>{fields}<DATA><TABLEDATA>{row * 5}</TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    ).encode()


HOSTILE = {
    "rows without bytes": flat_fits,
    "a long cell": long_cell,
    "a wide table": wide_votable,
    "a gzip bomb": lambda: gzip.compress(b"0" * 300_000_000),
    "many gzip bombs": lambda: gzip.compress(gzip.compress(b"0" * 300_000_000)) * 1000,
    "deep XML": lambda: b"<VOTABLE>" + b"<RESOURCE>" * 300_000,
    "deep YAML": lambda: b"a: &a [x]\n" + b"".join(b"b: &b [*a,*a]\n" for _ in range(99)),
    "many columns": lambda: b",".join(b"c%d" % i for i in range(200_000)) + b"\n",
}


def test_hostile_uploads_keep_nobody_out(upload_with, no_leftovers):
    upload = upload_with(workers=2, read_seconds=2)
    refused = {}

    def attack(names):
        for name in names:
            refused[name] = upload(HOSTILE[name](), name="x.vot")

    names = list(HOSTILE)
    threads = [threading.Thread(target=attack, args=(names[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    served = 0
    while any(thread.is_alive() for thread in threads):
        small = upload(SMALL)
        assert "missing columns" in small.json()["detail"]
        served += 1
    assert served > 1
    for name in HOSTILE:
        assert refused[name].status_code == 422, name
        line = refused[name].json()["detail"]
        assert line.startswith("x.vot: "), (name, line)
        assert "\n" not in line
        assert "/" not in line.replace("and/or", ""), (name, line)
        assert "Traceback" not in line


@pytest.fixture
def real_server(served, monkeypatch, tmp_path, no_leftovers):
    """A server with one worker on a port, in which some uploads are slow; give its port."""
    plant(monkeypatch, tmp_path, SLOW)
    app = create_app(served, HOSTS, UploadLimits(workers=1, arrive_seconds=20))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", lifespan="off"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    until(lambda: server.started)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def post(port, body, length=None):
    connection = socket.create_connection(("127.0.0.1", port), timeout=SPARE)
    connection.sendall(
        b"POST /api/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Xsift: 1\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (length or len(body), body)
    )
    return connection


def answer(connection):
    with connection:
        return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()


def test_a_client_who_leaves_frees_the_worker(real_server):
    slow = post(real_server, SLOWLY)
    until(workers)
    waiting = post(real_server, SMALL)
    small = post(real_server, SMALL)
    time.sleep(0.2)
    waiting.close()
    slow.close()
    assert "missing columns" in answer(small)
    until(lambda: not workers() and not work._running)


def test_a_file_that_arrives_slowly_holds_no_worker(real_server):
    trickling = post(real_server, b"name\n", length=1000)
    assert "missing columns" in answer(post(real_server, SMALL))
    trickling.close()


def test_a_server_that_is_stopped_leaves_no_worker(real_server):
    with post(real_server, SLOWLY):
        until(workers)
    # The fixture stops the server while the client may still be there, and looks what is left.
