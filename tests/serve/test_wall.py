"""The second wall: what reads an upload opens no file and no address, even where a reader would."""

import base64
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .planted import FOLLOWS, NO_WALL, TRIES, plant

SECRET = b"this is a secret!!!!"


def linking(href, encoding):
    text = f"""<?xml version="1.0" encoding="{encoding}"?><VOTABLE version="1.4"><RESOURCE><TABLE>
<FIELD name="name" datatype="char" arraysize="{len(SECRET)}"/><DATA><BINARY>
<STREAM href="{href}"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>"""
    return text.encode(encoding)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_that_names_a_file_or_an_address(upload, server, secret, encoding):
    address, asked = server
    for href in (secret.as_uri(), address):
        answer = upload(linking(href, encoding), name="x.vot")
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("x.vot: ")
        assert "secret" not in answer.text.replace(str(secret), "")
    assert asked == []


@pytest.mark.parametrize("of", ["file", "address"])
def test_a_reader_that_follows_is_stopped(upload, server, secret, monkeypatch, tmp_path, of):
    address, asked = server
    content = linking(secret.as_uri() if of == "file" else address, "utf-8")
    with monkeypatch.context() as patch:
        plant(patch, tmp_path, FOLLOWS + NO_WALL)
        got = upload(content, name="x.vot").json()["detail"]
    assert (SECRET.decode() in got) if of == "file" else asked, got  # without the wall it leaks
    asked.clear()
    plant(monkeypatch, tmp_path, FOLLOWS)
    answer = upload(content, name="x.vot")
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "x.vot: reading it opens another file or an address: refused as unsafe"
    )
    assert asked == []


def test_no_way_leads_out(upload, server, secret, monkeypatch, tmp_path):
    port = server[0].split(":")[2].split("/")[0]
    content = f"name {secret} {port}\n".encode()
    ways = ["open", "write", "list", "socket", "program", "native file", "native socket"]
    with monkeypatch.context() as patch:
        plant(patch, tmp_path, TRIES + NO_WALL)
        assert upload(content).json()["detail"] == f"table.csv: worked: {ways}"
    plant(monkeypatch, tmp_path, TRIES)
    assert upload(content).json()["detail"] == "table.csv: worked: []"


@pytest.mark.skipif(sys.platform != "linux", reason="a network of its own needs Linux")
def test_a_worker_has_no_network(run_python):
    said = run_python(
        "import socket\n"
        "from xsift.serve.worker import _cut_network\n"
        "assert 'numpy' not in __import__('sys').modules, 'threads'\n"
        "print(_cut_network())\n"
        "with socket.socket() as listening, socket.socket() as asking:\n"
        "    listening.bind(('127.0.0.1', 0)); listening.listen()\n"
        "    print(asking.connect_ex(listening.getsockname()))\n"
    )
    cut, error = said.split()
    if cut == "False":
        pytest.skip("this system gives no network of its own to a user's process")
    assert error != "0"


def votable(version, unit, ucd, encoding, extra, data):
    return f"""<?xml version="1.0" encoding="{encoding}"?><VOTABLE version="{version}"><RESOURCE>
{extra}<TABLE><FIELD name="a" datatype="double" unit="{unit}" ucd="{ucd}"/><DATA>{data}</DATA>
</TABLE></RESOURCE></VOTABLE>""".encode(encoding)


def many_kinds():
    """Yield small tables of all formats, which use what the libraries load late."""
    from astropy.io import fits

    row = "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"
    frame = '<COOSYS ID="c" system="ICRS"/><TIMESYS ID="t" timescale="UTC"/>'
    for version in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5"):
        for unit, ucd in (("km/s", "pos.eq.ra"), ("10**-14 erg", "POS_EQ"), ("bogus", "x;y")):
            yield votable(version, unit, ucd, "utf-8", frame, row)
    for encoding in ("utf-16", "latin-1", "cp1252", "koi8-r", "iso-8859-15", "big5"):
        yield votable("1.4", "deg", "", encoding, "", row)
    doubles = base64.b64encode(b"\0" * 9).decode()
    for kind in ("BINARY", "BINARY2"):
        data = f'<{kind}><STREAM encoding="base64">{doubles}</STREAM></{kind}>'
        yield votable("1.4", "deg", "", "utf-8", "", data)
    file = io.BytesIO()
    columns = [
        fits.Column("a", "D", unit="bogus", array=[1.0]),
        fits.Column("x", "5X", array=[[True] * 5]),
        fits.Column("p", "PA()", array=["ab"]),
        fits.Column("t", "D", unit="s", coord_type="UTC", time_ref_pos="GEOCENTER", array=[1.0]),
    ]
    tables = [fits.BinTableHDU.from_columns(columns), fits.TableHDU.from_columns(columns[:1])]
    fits.HDUList([fits.PrimaryHDU(), *tables, fits.CompImageHDU()]).writeto(file)
    yield file.getvalue()
    inside = base64.b64encode(file.getvalue()).decode()
    data = f'<FITS><STREAM encoding="base64">{inside}</STREAM></FITS>'
    yield votable("1.4", "deg", "", "utf-8", "", data)
    when = pa.array([1], pa.timestamp("us", tz="Europe/Paris"))
    for codec in ("snappy", "gzip", "zstd", "lz4", "brotli", "none"):
        file = io.BytesIO()
        pq.write_table(pa.table({"a": [1.0], "b": ["x"], "t": when}), file, compression=codec)
        yield file.getvalue()
    for text in ("a,b\n1,2\n", "a\tb\n1\t2\n", "a,t\n1,2020-01-01T00:00:00Z\n", "a,a\n1,1\n"):
        yield text.encode()
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        yield "a,é\n1,2\n".encode(encoding)


READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
from xsift.read import read_table
from xsift.read.source import source_of
from xsift.serve.wall import prepare, wall
def read(source):
    try:
        return read_table(source)[0]
    except Exception as error:
        return str(error)
cases = [source_of("x", bytes.fromhex(h)) for h in json.load(open(PATH))]
for form in dict.fromkeys(s.format for s in cases):
    prepare(form)
within = []
for source in cases:
    with wall(20):
        within.append(read(source))
for inside, source in zip(within, cases):
    assert str(inside) == str(read(source)), (source.content[:300], inside)
print(len(within))
"""


def test_reading_needs_nothing_from_beyond_the_wall(tmp_path, run_python):
    """Modules and data that a library opens late are opened before."""
    path = tmp_path / "cases.json"
    cases = [content.hex() for content in many_kinds()]
    path.write_text(json.dumps(cases))
    said = run_python(READ.replace("PATH", repr(str(path))))
    assert int(said) == len(cases)


def test_the_wall_ends(tmp_path, run_python):
    said = run_python(
        "from xsift.serve.wall import wall\n"
        "for error in (ValueError, MemoryError):\n"
        "    try:\n"
        "        with wall(20): raise error\n"
        "    except error: open('/dev/null').close()\n"
        "import signal; print(signal.getitimer(signal.ITIMER_REAL)[0])"
    )
    assert float(said) == 0


def test_the_clock_ends_what_takes_long(run_python):
    said = run_python(
        "import subprocess, sys\n"
        "code = 'from xsift.serve.wall import wall; import time\\n"
        "with wall(0.2): time.sleep(20)'\n"
        "print(subprocess.run([sys.executable, '-c', code]).returncode)"
    )
    assert int(said) == -14
