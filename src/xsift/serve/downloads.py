"""The selection as a file, or to another program over SAMP."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from xsift import __version__
from xsift.errors import SettingError
from xsift.serve.answers import Answer
from xsift.serve.catalogue import Served
from xsift.serve.filters import Filters
from xsift.serve.questions import Asked, Wanted
from xsift.write import write_table

__all__ = ["FORMS", "MEDIA", "router"]

router = APIRouter()
FORMS = {"vot": "votable", "fits": "fits", "csv": "csv", "parquet": "parquet"}
MEDIA = {
    "vot": "application/x-votable+xml",
    "fits": "application/fits",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {} for media in MEDIA.values()}},
    503: {"description": "Other tables are being written"},
}
_BLOCK = 1 << 18


@router.get("/table.{form}", response_class=Response, responses=_ANSWERS)
def table(
    form: Annotated[
        Literal["vot", "fits", "csv", "parquet"], Path(description="Format of the file")
    ],
    filters: Wanted,
    asked: Asked,
    level: Annotated[
        Literal["sources", "detections"], Query(description="Which table")
    ] = "sources",
    columns: Annotated[
        str | None,
        Query(max_length=4000, description="Columns, by commas; all if none is given"),
    ] = None,
) -> Response:
    """Return the selection as a file, with units, UCDs and where it came from."""
    chosen = _chosen(asked.served, filters, level, columns)
    said = asked.served.record.get("about")
    about = {k: str(v) for k, v in said.items()} if isinstance(said, dict) else {}
    about = {"creator": f"xsift {__version__}", **about}
    with asked.downloads.one(), tempfile.TemporaryDirectory(prefix="xsift-") as folder:
        path = pathlib.Path(folder) / f"{level}.{form}"
        write_table(chosen, path, FORMS[form], about)
        size = path.stat().st_size
        file = path.open("rb")  # the name goes with the folder, the content with the handle

    def blocks() -> Iterator[bytes]:
        with file:
            while block := file.read(_BLOCK):
                yield block

    headers = {
        "Content-Disposition": f'attachment; filename="xsift-{level}.{form}"',
        "Content-Length": str(size),
    }
    return StreamingResponse(blocks(), media_type=MEDIA[form], headers=headers)


@router.post("/samp", responses={403: {"description": "From a page of another site"}})
def send(request: Request, filters: Wanted, asked: Asked) -> Response:
    """Send the selection to the programs on this machine that take tables, over SAMP."""
    n = int(filters.mask(asked.served).sum())
    if not n:
        raise HTTPException(422, "no source passes the filters: nothing to send")
    from xsift.serve.samp import send_table

    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{request.base_url}api/table.vot{query}"
    return Answer(send_table(url, f"xsift: {n:,} sources"))


def _chosen(served: Served, filters: Filters, level: str, columns: str | None) -> pa.Table:
    passes = filters.mask(served)
    if level == "sources":
        chosen = served.sources if filters.are_none else served.sources.filter(pa.array(passes))
    elif filters.are_none:
        chosen = served.need_detections()
    else:
        detections = served.need_detections()
        voted = served.owner >= 0
        voted[voted] = passes[served.owner[voted]]
        chosen = detections.filter(pa.array(voted))
    if columns is None:
        return chosen
    wanted = dict.fromkeys(c.strip() for c in columns.split(",") if c.strip())
    strange = [c for c in wanted if c not in chosen.column_names]
    if strange or not wanted:
        said = f"columns {strange[0][:40]!r}" if strange else "columns: none is named"
        raise SettingError(f"{said}: allowed are {', '.join(chosen.column_names)}")
    return chosen.select(list(wanted))
