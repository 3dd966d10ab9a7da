"""Aladin Lite: from CDS, or a copy of the user's."""

import base64
import hashlib

import pytest
from starlette.testclient import TestClient

from xsift.errors import SettingError
from xsift.serve import aladin
from xsift.serve.aladin import ADDRESS, INTEGRITY, VERSION, Aladin, read_aladin
from xsift.serve.app import STATIC, create_app


@pytest.fixture
def copy(tmp_path):
    path = tmp_path / "aladin.js"
    path.write_bytes(b"export default 'aladin';")
    return path


def directives(policy):
    return {p.split(" ")[0]: p.split(" ")[1:] for p in policy.split("; ")}


def test_the_address_is_pinned():
    assert f"/api/v3/{VERSION}/aladin.js" in ADDRESS
    assert ADDRESS.startswith("https://aladin.cds.unistra.fr/")
    assert all(part.startswith("sha384-") for part in INTEGRITY.split())


def test_the_frame_may_load_that_script_and_ask_cds(client):
    answer = client.get("/aladin")
    assert f'data-address="{ADDRESS}"' in answer.text
    assert f'data-integrity="{INTEGRITY}"' in answer.text
    policy = directives(answer.headers["content-security-policy"])
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'", ADDRESS]
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'self'"]
    for what in ("img-src", "connect-src"):
        hosts = [h for h in policy[what] if h.startswith("https:")]
        assert hosts
        assert all(h.endswith((".unistra.fr", ".u-strasbg.fr")) for h in hosts)
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_may_not(client):
    policy = directives(client.get("/").headers["content-security-policy"])
    assert policy["script-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'", "https://cds.unistra.fr"]
    assert client.get("/aladin.js").status_code == 404
    assert not list(STATIC.rglob("*aladin.js"))


def test_a_copy_is_served_and_nothing_else_allowed(served, copy):
    aladin = read_aladin(copy)
    client = TestClient(create_app(served, ["127.0.0.1"], aladin=aladin), "http://127.0.0.1")
    assert client.get("/aladin.js").content == copy.read_bytes()
    answer = client.get("/aladin")
    assert 'data-address="/aladin.js"' in answer.text
    policy = directives(answer.headers["content-security-policy"])
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]


def test_a_copy_that_was_not_tested_is_said(copy, monkeypatch):
    assert f"not the {VERSION} that xsift was tested with" in read_aladin(copy).note
    digest = base64.b64encode(hashlib.sha384(copy.read_bytes()).digest()).decode()
    monkeypatch.setattr(aladin, "INTEGRITY", f"sha384-other sha384-{digest}")
    assert read_aladin(copy) == Aladin(copy.read_bytes())


def test_a_copy_that_is_none_is_refused(tmp_path, copy, monkeypatch):
    get = rf"take dist/aladin\.js of the npm package aladin-lite {VERSION}"
    with pytest.raises(SettingError, match=rf"^aladin .*missing\.js: cannot be read: .*; {get}"):
        read_aladin(tmp_path / "missing.js")
    (tmp_path / "other.js").write_bytes(b"alert(1)")
    with pytest.raises(SettingError, match=rf"^aladin .*other\.js: no Aladin Lite.*{get}"):
        read_aladin(tmp_path / "other.js")
    monkeypatch.setattr(aladin, "_MOST_BYTES", 3)
    with pytest.raises(SettingError, match=rf"^aladin .*aladin\.js: larger than 0 MiB.*{get}"):
        read_aladin(copy)
