"""What the API says of itself, tried out: whatever is asked, the fault is never the server's."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

ROUTES = {
    "/api/health": "GET",
    "/api/catalogue": "GET",
    "/api/column/{name}": "GET",
    "/api/words/{name}": "GET",
    "/api/filter": "GET",
    "/api/filter.bin": "GET",
    "/api/sources": "GET",
    "/api/names": "GET",
    "/api/source": "GET",
    "/api/resolve": "GET",
    "/api/anomalies": "GET",
    "/api/table.{form}": "GET",
    "/api/samp": "POST",
    "/api/classify": "POST",
}


@pytest.fixture(scope="module")
def api(served):
    from xsift.serve.app import create_app

    return schemathesis.openapi.from_asgi("/openapi.json", create_app(served, ["testserver"]))


@pytest.mark.parametrize("path", ROUTES)
def test_no_question_is_the_servers_fault(api, path, monkeypatch):
    monkeypatch.setenv("SAMP_HUB", "std-lockurl:file:///nowhere")
    # What is posted to be classified costs a process each.
    most = 4 if path == "/api/classify" else 40

    @given(case=api[path][ROUTES[path]].as_strategy())
    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        answer = case.call(headers={"X-Xsift": "1"})
        checks = [not_a_server_error, status_code_conformance, content_type_conformance]
        case.validate_response(answer, checks=[*checks, response_schema_conformance])

    ask()


def test_every_route_is_described(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {path: method.upper() for path, said in paths.items() for method in said} == ROUTES
    for methods in paths.values():
        for said in methods.values():
            assert said["description"]
            for parameter in said.get("parameters", []):
                assert parameter.get("description"), (said["summary"], parameter["name"])


def test_the_reference_names_every_route_and_parameter(client):
    from html import escape

    page = client.get("/docs").text
    assert "<script" not in page
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, said in methods.items():
            assert f"{method.upper()} {path}" in page
            for parameter in said.get("parameters", []):
                assert f"<code>{escape(parameter['name'])}" in page
