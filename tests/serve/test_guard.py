"""Who may ask, what a browser may do, and what no answer says."""

import json
import shutil
from importlib import import_module

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from xsift.serve.app import STATIC, create_app
from xsift.serve.catalogue import read_served
from xsift.serve.guard import is_loopback

HOSTILE = "<script>alert(1)</script>\"'&\u202e\x07"


@pytest.mark.parametrize("address", ["/", "/docs", "/api/health", "/nowhere", "/api/table.csv"])
def test_every_answer_carries_the_headers(client, address):
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "'unsafe-eval'" not in policy
    script = next((p for p in policy.split("; ") if p.startswith("script-src")), "")
    assert "unsafe-inline" not in script
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "a@127.0.0.1.x", "[::"],
)
def test_a_name_that_is_not_ours_is_refused(client, host):
    answer = client.get("/api/health", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("is not served here")
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8000", "LOCALHOST"])
def test_our_names_are_served(client, host):
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"), [("10.1.2.3:80", 200), ("[::1]:80", 200), ("x.example", 400)]
)
def test_on_all_addresses_only_bare_ones_are_served(served, host, status):
    client = TestClient(create_app(served), "http://127.0.0.1")
    assert client.get("/api/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("address", ["/api/classify", "/api/samp"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Xsift": "0"},
        {"X-Xsift": "1", "Origin": "https://evil.example"},
        {"X-Xsift": "1", "Origin": "null"},
        {"X-Xsift": "1", "Origin": "http://127.0.0.1:9999"},
        {"X-Xsift": "1", "Origin": "https://127.0.0.1:8000"},
        {"X-Xsift": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Xsift": "1", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_post(client, address, headers):
    answer = client.post(address, content=b"a,b\n1,2\n", headers=headers)
    assert answer.status_code == 403


def test_our_own_page_can_post(client):
    headers = {"X-Xsift": "1", "Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/api/classify", content=b"", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the request holds no file: its body is the table"


def test_a_preflight_is_not_granted(client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/api/classify", headers=headers)
    assert answer.status_code == 403
    assert not [h for h in answer.headers if h.startswith("access-control")]


@pytest.mark.parametrize(
    "address",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..%5capp.py",
        "/api/column/..%2f..%2frun.json",
        "/run.json",
        "/static/",
    ],
)
def test_no_path_leads_out(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_the_page_and_its_files_are_served(client):
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    for path in STATIC.rglob("*.js"):
        answer = client.get(f"/static/{path.relative_to(STATIC).as_posix()}")
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_a_fault_of_ours_is_one_line(client, monkeypatch, capsys):
    def fail(self, served):
        raise RuntimeError("secret of /etc/machine")

    monkeypatch.setattr(import_module("xsift.serve.filters").Filters, "mask", fail)
    answer = client.get("/api/filter")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "the server failed at this request; its own log says why"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "RuntimeError: secret" in capsys.readouterr().err


@pytest.fixture(scope="module")
def hostile(calibrated, tmp_path_factory):
    """A catalogue whose names, labels and columns carry markup and script."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(calibrated / "model.asdf", folder)
    record = json.loads((calibrated / "run.json").read_text())
    record["about"]["input"] = HOSTILE
    record["warnings"] = [HOSTILE]
    (folder / "run.json").write_text(json.dumps(record))
    for stem in ("sources", "detections"):
        table = pq.read_table(calibrated / f"{stem}.parquet")
        names = [f"{HOSTILE}{n}" for n in table["name"].to_pylist()]
        table = table.set_column(0, table.schema.field(0), pa.array(names))
        table = table.append_column(
            pa.field(HOSTILE, pa.float64()), pa.nulls(len(names), pa.float64())
        )
        pq.write_table(table, folder / f"{stem}.parquet")
    return TestClient(create_app(read_served(folder), ["127.0.0.1"]), "http://127.0.0.1")


@pytest.mark.parametrize(
    "address",
    [
        "/api/catalogue",
        "/api/sources",
        "/api/source?index=0",
        "/api/names?indices=1",
        "/api/anomalies",
    ],
)
def test_markup_comes_back_as_text(hostile, address):
    answer = hostile.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert HOSTILE in texts(answer.json())


def texts(value):
    """All texts in a JSON value, keys too."""
    if isinstance(value, dict):
        return "".join(f"{k}{texts(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "".join(map(texts, value))
    return str(value)


def test_a_table_with_markup_can_be_downloaded(hostile):
    from io import BytesIO

    from astropy.io.votable import parse_single_table

    table = parse_single_table(BytesIO(hostile.get("/api/table.vot?index=0").content))
    # Control characters cannot stand in XML.
    assert str(table.array["name"][0]).startswith(HOSTILE.replace("\x07", ""))
    assert table.fields[-1].name == HOSTILE.replace("\x07", "")
    for form in ("fits", "csv", "parquet"):
        assert hostile.get(f"/api/table.{form}?index=0").status_code == 200


def test_no_answer_names_a_folder(client, calibrated):
    for address in (
        "/api/catalogue",
        "/api/source?index=0",
        "/api/anomalies",
        "/api/table.csv",
        "/docs",
    ):
        assert str(calibrated) not in client.get(address).text
        assert str(calibrated.parent) not in client.get(address).text


@pytest.mark.parametrize(
    ("host", "yes"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback(host, yes):
    assert is_loopback(host) is yes
