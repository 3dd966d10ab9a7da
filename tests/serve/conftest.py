"""A small catalogue behind a client that speaks HTTP to it, without a port."""

from __future__ import annotations

import pytest

OURS = {"X-Xsift": "1"}


@pytest.fixture(scope="session")
def served(calibrated):
    from xsift.serve.catalogue import read_served

    return read_served(calibrated)


@pytest.fixture(scope="session")
def client(served):
    from starlette.testclient import TestClient

    from xsift.serve.app import create_app

    return TestClient(create_app(served, ["localhost", "127.0.0.1"]), "http://127.0.0.1:8000")


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

    def post(content, name="table.csv", headers=OURS, **parameters):
        return client.post(
            "/api/classify",
            content=content,
            params=parameters,
            headers={**headers, "X-Filename": name},
        )

    return post
