"""A small catalogue behind a client that speaks HTTP to it, without a port."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

OURS = {"X-Xsift": "1"}
HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture(scope="session")
def served(calibrated):
    from xsift.serve.catalogue import read_served

    return read_served(calibrated)


@pytest.fixture(scope="session")
def client(served):
    from starlette.testclient import TestClient

    from xsift.serve.app import create_app

    return TestClient(create_app(served, HOSTS), "http://127.0.0.1:8000")


@pytest.fixture
def get(client):
    """Ask for an address; give the JSON of the answer."""

    def ask(address, **parameters):
        answer = client.get(address, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def refused(client):
    """Ask for an address that is refused; give the status and the line."""

    def ask(address, **parameters):
        answer = client.get(address, params=parameters)
        (said,) = answer.json().values()
        assert "\n" not in said
        return answer.status_code, said

    return ask


@pytest.fixture
def upload(client):
    """Post a file to be classified; give the answer."""
    return post_to(client)


@pytest.fixture
def upload_with(served):
    """Make such an `upload` with other limits: ``upload_with(workers=1)``."""
    from starlette.testclient import TestClient

    from xsift.serve.app import create_app
    from xsift.serve.limits import UploadLimits

    def make(**limits):
        app = create_app(served, HOSTS, UploadLimits(**limits))
        return post_to(TestClient(app, "http://127.0.0.1:8000"))

    return make


@pytest.fixture
def no_leftovers(tmp_path, monkeypatch):
    """Fail where a temporary file or a process is left."""
    from xsift.serve import work

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert not list(folder.iterdir())
    assert not work._running
    assert not workers()


def workers():
    """Give the command lines of this process's workers that run."""
    mine = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has just ended
            continue
        if b"xsift.serve.worker" in command and parent == str(os.getpid()):
            mine.append(command)
    return mine


def post_to(client):
    def post(content, name="table.csv", headers=OURS, **parameters):
        return client.post(
            "/api/classify",
            content=content,
            params=parameters,
            headers={**headers, "X-Filename": name},
        )

    return post
