"""Networks fail in many ways: each gives a clear line or the right table, and never a part."""

import gzip
import socket
import threading
import time
from dataclasses import replace
from email.utils import formatdate
from http.server import ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest
from loopback import (
    EXPECTED,
    QUICK,
    ROWS,
    endless,
    handler,
    hang_up,
    http_answer,
    refused,
    reset,
    sends,
    stall,
)  # fmt: skip

from xsift import __version__, surveys
from xsift.errors import ServiceError, XsiftError
from xsift.fetch import Cache, Limits, Tap, whole
from xsift.pipeline.archive import parse, save_detections

HTML = b"<!DOCTYPE html><html><head><title>Down &amp; out</title></head><body>x</body></html>"
LONG = b'ID="obsid" datatype="long"'
TEXT = b'ID="obsid" datatype="char" arraysize="*"'
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><VOTABLE><RESOURCE>&a;</RESOURCE></VOTABLE>'
STREAM = b'<VOTABLE><RESOURCE><STREAM href="file:///etc/passwd"/></RESOURCE></VOTABLE>'


def whole_answer(change, **headers):
    def make(content):
        changed = change(content)
        return http_answer(changed, length=len(changed), **headers)

    return sends(make)


def instead(content, status="200 OK", **headers):
    return sends(lambda _: http_answer(content, status, len(content), **headers))


def half(content):
    return content[: len(content) // 2]


def late_error(content):
    said = b'<INFO name="QUERY_STATUS" value="ERROR">disk full</INFO></RESOURCE>'
    return content.replace(b"</RESOURCE>", said)


# What happens once, and is gone at the next try.
PASSING = {
    "hangs up": hang_up,
    "reset in mid-body": reset,
    "fewer bytes than announced": sends(lambda c: http_answer(half(c), length=len(c))),
    "cut off, and nobody says so": sends(lambda c: http_answer(half(c))),
    "cut off inside the last tag": sends(lambda c: http_answer(c.rstrip()[:-3])),
    "cut off in a chunked body": sends(
        lambda c: http_answer(b"40\r\n" + c[:50], Transfer_Encoding="chunked")
    ),
    "an HTML page with status 200": instead(HTML, Content_Type="text/html"),
    "empty": instead(b""),
    "503": instead(b"busy", "503 Service Unavailable"),
    "503 with Retry-After": instead(b"busy", "503 Service Unavailable", Retry_After="0.2"),
    "429 with Retry-After": instead(b"busy", "429 Too Many Requests", Retry_After="0.1"),
    "500": instead(b"oops", "500 Internal Server Error"),
    "502": instead(HTML, "502 Bad Gateway"),
    "stall before the headers": stall(0),
    "stall inside the headers": stall(20),
    "stall in mid-body": stall(400),
    "garbage bytes": instead(bytes(range(256)) * 40),
    "garbage instead of HTTP": sends(lambda c: bytes(range(128, 256)) * 40),
    "garbage in mid-body": whole_answer(lambda c: c.replace(b"<TR>", b"\x00\xff<<", 1)),
    "a broken row": whole_answer(lambda c: c.replace(b"<TD>", b"<TD>x", 3)[:-1]),
    "a cell that is no number": whole_answer(
        lambda c: c.replace(b"<TD>100</TD>", b"<TD>1e99</TD>")
    ),
    "no status": whole_answer(lambda c: c.replace(b'value="OK"', b'value=""')),
    "gzip cut off": sends(lambda c: http_answer(half(gzip.compress(c)), Content_Encoding="gzip")),
    "gzip that is none": instead(b"no gzip at all", Content_Encoding="gzip"),
}

# What stays, or must not be tried again: the line that is said.
LASTING = {
    "hangs up": (hang_up, "breaks off.*tried 3 times"),
    "reset in mid-body": (reset, "breaks off.*tried 3 times"),
    "fewer bytes than announced": (PASSING["fewer bytes than announced"], "breaks off in the mid"),
    "cut off, and nobody says so": (PASSING["cut off, and nobody says so"], "VOTable breaks off"),
    "an HTML page with status 200": (instead(HTML), "an HTML page instead of a table: Down & out"),
    "empty": (instead(b""), "the answer is empty"),
    "503": (instead(b"busy", "503 Service Unavailable"), r"answers 503 \(service unavailable\)"),
    "429": (instead(b"", "429 Too Many Requests"), r"answers 429 \(too many requests\) .tried 3"),
    "500": (instead(b"", "500 Oops"), r"answers 500 \(internal server error\)"),
    "503 with a long Retry-After": (
        instead(b"", "503 Service Unavailable", Retry_After="7200"),
        r"asks to wait 7200 s, and the time budget of 20 s \(budget\) ends before",
    ),
    "500 with the reason": (
        instead(refused("no such column: x"), "500 Internal Server Error"),
        "refuses the query: no such column: x",
    ),
    "stall": (stall(400), "silent for 0.4 s"),
    "a query error": (instead(refused("no such column: x")), "refuses the query: no such column"),
    "a query error with 400": (
        instead(refused("no such table"), "400 Bad Request"),
        "refuses the query: no such table",
    ),
    "an error after the rows": (whole_answer(late_error), "refuses the query: disk full"),
    "404": (instead(HTML, "404 Not Found"), r"answers 404 \(Down & out\): is this its base"),
    "401": (instead(b"", "401 Unauthorized"), "answers 401"),
    "garbage bytes": (instead(bytes(range(256)) * 40), "the answer is no VOTable"),
    "other XML": (instead(b"<a><b/></a>"), "the answer is no VOTable"),
    "redirect to another host": (
        instead(b"", "302 Found", Location="http://archive.example/tap/sync"),
        "redirects to another host .'archive.example'.: not followed",
    ),
    "redirect to another port": (
        instead(b"", "303 See Other", Location="http://127.0.0.1:1/tap/sync"),
        "redirects to another host",
    ),
    "redirect to a file": (
        instead(b"", "302 Found", Location="file:///etc/passwd"), "redirects to another host"
    ),
    "redirect to itself": (
        instead(b"", "307 Temporary Redirect", Location="?"), "redirects without end"
    ),
    "never ends": (endless(b"<TR><TD>1</TD></TR>" * 4096), "has no end: more than 4 MiB"),
    "never ends, slowly": (endless(b" ", 0.05), "no whole answer within 3 s"),
    "entities": (instead(ENTITIES), "declares entities: refused as unsafe"),
    "data in another file": (instead(STREAM), "lie in another file: refused as unsafe"),
    "a bomb": (
        instead(gzip.compress(b" " * (1 << 25)), Content_Encoding="gzip"), "more than 4 MiB"
    ),
    "columns are missing": (
        whole_answer(lambda c: c.replace(b'name="dec"', b'name="dek"')), "no column dec"
    ),
    "columns of another kind": (
        whole_answer(lambda c: c.replace(LONG, TEXT).replace(b"<TD>100</TD>", b"<TD>first</TD>")),
        "column obsid holds string, not int64",
    ),
    "overflow, however little is asked": (
        whole_answer(
            lambda c: c.replace(
                b"</RESOURCE>", b'<INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>'
            )
        ),
        "row limit is too low",
    ),
}  # fmt: skip


def fetch(url, folder, out=None, mode="sync", limits=QUICK, fresh=False):
    tap = Tap(url, parse, limits, mode, 5000)
    cache = Cache(folder, fresh)
    save_detections(out, surveys.load("csc20"), whole(), tap, cache)


def limits_for(fault):
    """Wait long enough on a busy machine, and not long where the fault is a silence."""
    return replace(QUICK, silence=0.4, tries=5) if "stall" in fault else QUICK


def check_whole(out):
    table = pq.read_table(out)
    assert sorted(table["region_id"].to_pylist()) == [ROWS["region_id"][i] for i in EXPECTED]
    assert table.schema.metadata[b"detections"] == str(len(EXPECTED)).encode()


@pytest.fixture(autouse=True)
def _few_parts(monkeypatch):
    # Four parts of the sky are enough here.
    from xsift.fetch import detections, query

    monkeypatch.setattr(detections, "sky", lambda: query.sky(2, 2))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_survived(proxy, tmp_path, fault, mode):
    proxy.faults.extend([PASSING[fault], PASSING[fault]])
    proxy.only = {"sync": "/sync", "async": "/results/result"}[mode]
    out = tmp_path / "out.parquet"
    fetch(proxy.url, tmp_path / "cache", out, mode, limits_for(fault))
    check_whole(out)
    # Four parts of the sky; two of the three tries of the first one failed.
    asked = sum(r.endswith(proxy.only) for r in proxy.requests)
    assert asked == 4 + 2 or ("stall" in fault and asked > 6)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_gives_one_line_and_no_table(proxy, tmp_path, fault, mode):
    proxy.always, message = LASTING[fault]
    proxy.only = {"sync": "/sync", "async": "/results/result"}[mode]
    with pytest.raises(XsiftError, match=message) as caught:
        fetch(proxy.url, tmp_path / "cache", tmp_path / "out.parquet", mode, limits_for(fault))
    assert str(caught.value).startswith("http://127.0.0.1:")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.parquet").exists()
    assert not list((tmp_path / "cache").glob("*.parquet"))
    # The network recovers: what was kept does no harm.
    proxy.always = None
    fresh = "overflow" in fault  # a note of it is kept for a day
    fetch(proxy.url, tmp_path / "cache", tmp_path / "out.parquet", mode, fresh=fresh)
    check_whole(tmp_path / "out.parquet")


def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_a_refused_connection_is_one_line_within_20_s_by_default(tmp_path):
    start = time.monotonic()
    with pytest.raises(ServiceError, match=r"the connection is refused: is the address right"):
        fetch(
            f"http://127.0.0.1:{closed_port()}/tap", tmp_path, tmp_path / "x.vot", limits=Limits()
        )
    assert time.monotonic() - start < 20


def test_a_service_that_comes_back_is_waited_for(archive, tmp_path):
    port = closed_port()
    limits = replace(QUICK, backoff=0.4, tries=4)

    def come_back():
        time.sleep(0.5)
        server.append(ThreadingHTTPServer(("127.0.0.1", port), handler(archive)))
        server[0].serve_forever(0.01)

    server = []
    thread = threading.Thread(target=come_back, daemon=True)
    thread.start()
    fetch(f"http://127.0.0.1:{port}/tap", tmp_path, tmp_path / "out.parquet", limits=limits)
    server[0].shutdown()
    server[0].server_close()
    check_whole(tmp_path / "out.parquet")


def test_an_unknown_host_is_one_line(tmp_path):
    with pytest.raises(ServiceError, match="no such host is known"):
        fetch("http://no-such-host.invalid/tap", tmp_path, tmp_path / "x.vot")


def test_retry_after_is_heeded(proxy, tmp_path):
    proxy.faults.append(instead(b"", "503 Service Unavailable", Retry_After="0.7"))
    fetch(proxy.url, tmp_path / "cache", tmp_path / "out.parquet")
    assert proxy.times[1] - proxy.times[0] > 0.7
    date = formatdate(time.time() + 3, usegmt=True)
    proxy.times.clear()
    proxy.faults.append(instead(b"", "503 Service Unavailable", Retry_After=date))
    fetch(proxy.url, tmp_path / "other", tmp_path / "out.parquet")
    assert proxy.times[1] - proxy.times[0] > 1.5


def test_a_redirect_to_another_name_of_the_same_machine_is_refused(proxy, tmp_path):
    url = proxy.url.replace("127.0.0.1", "localhost")
    proxy.faults.append(instead(b"", "307 Temporary Redirect", Location=f"{url}/sync"))
    with pytest.raises(ServiceError, match=r"another host \('localhost:"):
        fetch(proxy.url, tmp_path / "cache", tmp_path / "out.parquet")
    assert len(proxy.requests) == 1


def test_the_budget_ends_the_tries(proxy, tmp_path):
    proxy.always = instead(b"", "503 Service Unavailable")
    limits = replace(QUICK, budget=1.0, backoff=0.3, tries=50)
    start = time.monotonic()
    with pytest.raises(ServiceError, match=r"takes its time, and the time budget of 1 s"):
        fetch(proxy.url, tmp_path / "cache", tmp_path / "x.vot", limits=limits)
    assert time.monotonic() - start < 3


def test_the_budget_ends_a_slow_answer(proxy, tmp_path):
    # It ends within a try, and says so: "no whole answer within 0.02 s" would be of no use.
    proxy.always = endless(b" ", 0.05)
    limits = replace(QUICK, budget=0.5, tries=50)
    with pytest.raises(ServiceError, match=r"takes its time, and the time budget of 0.5 s"):
        fetch(proxy.url, tmp_path / "cache", tmp_path / "x.vot", limits=limits)


def test_requests_keep_their_distance(archive, tmp_path):
    start = time.monotonic()
    limits = replace(QUICK, pause=0.15)
    fetch(archive.url, tmp_path / "cache", tmp_path / "out.parquet", limits=limits)
    assert len(archive.asked) == 4
    assert time.monotonic() - start > 3 * 0.15


def test_a_redirect_on_the_host_is_followed(proxy, tmp_path):
    proxy.faults.append(instead(b"", "307 Temporary Redirect", Location=f"{proxy.url}/sync"))
    fetch(proxy.url, tmp_path / "cache", tmp_path / "out.parquet")
    check_whole(tmp_path / "out.parquet")


def test_it_names_itself_and_sends_nothing_but_the_query(archive, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    fetch(archive.url, tmp_path / "cache", tmp_path / "out.parquet")
    assert archive.agents == {f"xsift/{__version__}"}
    assert archive.credentials == {None}
    assert {frozenset(form) for form in archive.sent} == {
        frozenset({"REQUEST", "LANG", "FORMAT", "QUERY", "MAXREC"})
    }
