"""The HTTP application: routes, errors in one line, the page and its files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from xsift import __version__
from xsift.errors import SettingError, TableError, XsiftError
from xsift.serve import downloads, questions, source, uploads
from xsift.serve.aladin import Aladin
from xsift.serve.answers import Answer
from xsift.serve.catalogue import Served
from xsift.serve.guard import Guard
from xsift.serve.limits import UploadLimits
from xsift.serve.questions import State
from xsift.serve.reference import reference

__all__ = ["create_app"]

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
_TEMPLATES = (
    ("/api/table.", "{form}"),
    ("/api/column/", "{name}"),
    ("/api/words/", "{name}"),
)


class Refusal(BaseModel):
    """Why there is no answer: what was found, where, what is allowed."""

    detail: str


def create_app(
    served: Served,
    hosts: Iterable[str] = (),
    limits: UploadLimits | None = None,
    aladin: Aladin | None = None,
) -> Guard:
    """Create the application that serves a catalogue.

    Parameters
    ----------
    served : Served
    hosts : iterable of str
        Host names that the application answers to. If empty: any address, and ``localhost``.
    limits : UploadLimits, optional
    aladin : Aladin, optional
        Where Aladin Lite comes from. [default: CDS]
    """
    app = FastAPI(
        title="xsift",
        version=__version__,
        description="A classified catalogue of X-ray sources: " + str(served.survey.title),
        responses={
            400: {"model": Refusal, "description": "Not asked of this server, or not this way"},
            404: {"model": Refusal, "description": "Not there"},
            422: {"model": Refusal, "description": "Not understood"},
        },
        docs_url=None,
        redoc_url=None,
    )
    app.state.xsift = State(served, limits or UploadLimits())
    app.add_exception_handler(Exception, _fault)
    app.add_exception_handler(XsiftError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for part in (questions, source, downloads):
        app.include_router(part.router, prefix="/api")
    app.include_router(uploads.router, prefix="/api", dependencies=[Depends(_need_model)])
    _add_files(app)
    _add_aladin(app, aladin or Aladin())
    app.add_route("/docs", _reference, methods=["GET", "HEAD"])
    return Guard(_Known(app), hosts)


def _need_model(asked: questions.Asked) -> None:
    if asked.served.model is None:
        raise TableError("the catalogue has no model: xsift vote wrote it from probabilities")


class _Known:
    """Refuses parameters that a route does not know: a misspelt filter must not be passed over."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._names: dict[tuple[str, str], set[str]] = {}
        for path, methods in app.openapi()["paths"].items():
            for method, said in methods.items():
                names = {p["name"] for p in said.get("parameters", []) if p["in"] == "query"}
                self._names[path, method.upper()] = names

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app: Any = self._app
        if scope["type"] == "http":
            path = scope["path"]
            for start, template in _TEMPLATES:
                path = start + template if path.startswith(start) else path
            known = self._names.get((path, scope["method"]))
            if known is not None:
                asked = Request(scope).query_params
                strange = [name for name in asked if name not in known]
                if strange:
                    allowed = ", ".join(sorted(known)) or "none"
                    said = f"no parameter {strange[0][:40]!r}: allowed are {allowed}"
                    app = Answer({"detail": said}, 422)
        await app(scope, receive, send)


def _add_files(app: FastAPI) -> None:
    """Serve the page and its files: those that are there now, and no others."""
    files = {
        f"/static/{path.relative_to(STATIC).as_posix()}": path
        for path in sorted(STATIC.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }
    files["/"] = STATIC / "index.html"
    for address, path in files.items():
        app.add_route(address, _file(path), methods=["GET", "HEAD"])


def _add_aladin(app: FastAPI, aladin: Aladin) -> None:
    """Serve the document that Aladin Lite runs in, and the user's copy of it if there is one."""

    async def frame(request: Request) -> Response:
        return aladin.frame()

    async def script(request: Request) -> Response:
        return Response(aladin.script, media_type=_TYPES[".js"])

    app.add_route("/aladin", frame, methods=["GET", "HEAD"])
    if aladin.script is not None:
        app.add_route("/aladin.js", script, methods=["GET", "HEAD"])


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        response = FileResponse(path, media_type=_TYPES[path.suffix], stat_result=path.stat())
        if response.headers["etag"] == request.headers.get("if-none-match"):
            return Response(status_code=304, headers={"ETag": response.headers["etag"]})
        return response

    return answer


async def _reference(request: Request) -> Response:
    return reference(request.app.openapi())


async def _fault(request: Request, error: Exception) -> Response:
    """Answer where the fault is ours; the guard has it in the log."""
    return Answer({"detail": "the server failed at this request; its own log says why"}, 500)


async def _ours(request: Request, error: Exception) -> Response:
    status = (
        422 if isinstance(error, SettingError) else 404 if isinstance(error, TableError) else 400
    )
    return Answer({"detail": " ".join(str(error).split())}, status)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"nothing is served at {request.url.path[:80]!r}"
    said = detail if error.status_code == 404 and error.detail == "Not Found" else error.detail
    return Answer({"detail": said}, error.status_code, headers=dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"][1:]) or "the request"
    given = first.get("input")
    value = f" {given[:40]!r}" if isinstance(given, str) else ""
    return Answer({"detail": f"{where}{value}: {first['msg'].lower()}"}, 422)
