"""A table from outside: taken in with a limit, classified in a process of its own, forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Header, Query, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from xsift.serve.answers import Answer
from xsift.serve.downloads import MEDIA
from xsift.serve.limits import UPLOAD_BYTES, UploadLimits
from xsift.serve.questions import Asked
from xsift.serve.turns import refuse_gone
from xsift.serve.work import UPLOAD, Job, Worker
from xsift.settings import column_pairs

__all__ = ["router"]

router = APIRouter()
_LOOK_SECONDS = 0.2
"""How often the server looks whether the client is still there."""

_Pair = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_MOST_PAIRS = 100

_FILE = {"schema": {"type": "string", "format": "binary"}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    403: {"description": "From a page of another site, or without the header X-Xsift"},
    408: {"description": "The file did not arrive in time"},
    413: {"description": "The file is too large"},
    503: {"description": "Other files are being classified; Retry-After says for how long"},
}
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": _FILE}}}


@router.post("/classify", openapi_extra=_BODY, responses=_REFUSALS)
async def classify(
    request: Request,
    asked: Asked,
    form: Annotated[
        Literal["json", "vot", "fits", "csv", "parquet"],
        Query(alias="format", description="Format of the answer"),
    ] = "json",
    level: Annotated[
        Literal["sources", "detections"], Query(description="Which table, where the format is one")
    ] = "detections",
    source_column: Annotated[
        str,
        Query(
            min_length=1,
            max_length=100,
            description="Column that says which detections are one source",
        ),
    ] = "name",
    columns: Annotated[
        list[_Pair] | None,
        Query(
            max_length=_MOST_PAIRS,
            description="NAME=COLUMN: use COLUMN of the file as NAME of the survey, "
            "such as hard_hs=HS",
        ),
    ] = None,
    x_filename: Annotated[
        str, Header(max_length=1000, description="Name of the file, percent-encoded")
    ] = "",
    x_xsift: Annotated[str, Header(description="1; a page of another site cannot set it")] = "1",
) -> Response:
    """Classify the detections of a table (VOTable, FITS, Parquet, CSV) with the catalogue's model.

    The body is the file. Nothing of it is kept.
    """
    _refuse_large(request.headers.get("content-length"))
    line = asked.uploads
    model = (asked.served.folder / "model.asdf").absolute()
    job = Job(
        _shown_name(x_filename), model, form, level, source_column, column_pairs(columns or ())
    )
    with line.place(), tempfile.TemporaryDirectory(prefix="xsift-") as folder:
        await _take_in(request, Path(folder) / UPLOAD, line.limits.arrive_seconds)
        async with line.turn(request):
            content = await _classified(request, job, Path(folder), line.limits)
    if form == "json":
        said: dict[str, Any] = json.loads(content)
        return Answer(said)
    headers = {"Content-Disposition": f'attachment; filename="xsift-{level}.{form}"'}
    return Response(content, media_type=MEDIA[form], headers=headers)


async def _classified(request: Request, job: Job, folder: Path, limits: UploadLimits) -> bytes:
    """Let a worker classify the file, as long as the client is there."""
    worker = Worker(job, folder, limits)
    answer = asyncio.create_task(run_in_threadpool(worker.answer))
    try:
        while not (await asyncio.wait({answer}, timeout=_LOOK_SECONDS))[0]:
            await refuse_gone(request)
        return answer.result()
    finally:
        worker.stop()
        # The folder must outlive the worker.
        await asyncio.gather(answer, return_exceptions=True)


async def _take_in(request: Request, path: Path, seconds: float) -> None:
    size = 0
    try:
        async with asyncio.timeout(seconds):
            with path.open("wb") as file:
                async for part in request.stream():
                    size += len(part)
                    if size > UPLOAD_BYTES:
                        raise _too_large()
                    file.write(part)
    except TimeoutError:
        said = f"the file did not arrive within {seconds:.0f} s: try a smaller one"
        raise HTTPException(408, said, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the file did") from None
    if not size:
        raise HTTPException(422, "the request holds no file: its body is the table")


def _refuse_large(length: str | None) -> None:
    with contextlib.suppress(TypeError, ValueError):
        if int(str(length)) > UPLOAD_BYTES:
            raise _too_large()


def _too_large() -> HTTPException:
    said = f"the file is larger than {UPLOAD_BYTES // 1024**2} MiB: use xsift classify for it"
    return HTTPException(413, said, headers={"Connection": "close"})


def _shown_name(header: str) -> str:
    """Return what messages and the record call the file: its name, as far as that is harmless."""
    given = unquote(header, errors="replace").replace("\\", "/").rpartition("/")[2]
    kept = "".join(c if c.isalnum() or c in "._- +" else "_" for c in given).strip(". -")
    encoded = kept.encode()[:80].decode(errors="ignore")
    return encoded or "table"
