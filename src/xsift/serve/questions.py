"""Questions about many sources at once: the catalogue, its columns, filters, pages, names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from xsift.catalogue.anomalies import least_typical
from xsift.serve.answers import Answer, rows_of
from xsift.serve.catalogue import NO_CODE, Served
from xsift.serve.comparison import Comparison
from xsift.serve.conditions import words_of
from xsift.serve.describe import about
from xsift.serve.filters import Filters, indices_of
from xsift.serve.limits import DOWNLOADS, PAGE_ROWS, UploadLimits
from xsift.serve.pages import Orders
from xsift.serve.turns import Line, Turns

__all__ = ["Asked", "State", "Wanted", "router"]

router = APIRouter()


@dataclass(eq=False)
class State:
    """The data from which the server answers."""

    served: Served
    limits: UploadLimits = field(default_factory=UploadLimits)
    orders: Orders = field(init=False)
    comparison: Comparison = field(init=False)
    uploads: Line = field(init=False)
    downloads: Turns = field(init=False)
    about: dict[str, Any] = field(init=False)
    anomalies: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.orders = Orders(self.served)
        self.comparison = Comparison(self.served)
        self.uploads = Line(self.limits)
        self.downloads = Turns(DOWNLOADS, "other tables are being written")
        self.about = about(self.served)
        self.anomalies = _anomalies(self.served)


def _state(request: Request) -> State:
    state: State = request.app.state.xsift
    return state


Asked = Annotated[State, Depends(_state)]
Wanted = Annotated[Filters, Depends(Filters)]
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    }
}


@router.get("/health")
def health() -> dict[str, bool]:
    """Say that the server lives."""
    return {"ok": True}


@router.get("/catalogue")
def catalogue(asked: Asked) -> Response:
    """Describe the catalogue: where it came from, its classes, groups and columns."""
    return Answer(asked.about)


@router.get("/column/{name}", responses=_BINARY, response_class=Response)
def column(
    name: Annotated[str, Path(description="Name of a column of /api/catalogue")],
    request: Request,
    asked: Asked,
) -> Response:
    """Return one column of all sources: float32, little-endian, or uint8 for words."""
    served = asked.served
    tag = f'"{served.fingerprint}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"'
    if name in served.codes:
        content = served.codes[name].tobytes()
    elif name in served.numbers:
        content = served.numbers[name].astype("<f4").tobytes()
    else:
        raise HTTPException(404, f"no column {name[:40]!r} of numbers or words")
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(content, media_type="application/octet-stream", headers={"ETag": tag})


@router.get("/words/{name}")
def words(
    name: Annotated[str, Path(description="Name of a column of words of /api/catalogue")],
    asked: Asked,
) -> Response:
    """Count the different words of a column, the most frequent first: 200 at most."""
    return Answer(words_of(asked.served, name))


@router.get("/filter")
def count(filters: Wanted, asked: Asked) -> Response:
    """Count the sources that pass, in all and by group and class."""
    served = asked.served
    passes = filters.mask(served)
    return Answer(
        {
            "total": int(np.count_nonzero(passes)),
            "counts": _counts(served, "group", passes),
            "class_counts": _counts(served, "class", passes),
        }
    )


@router.get("/filter.bin", responses=_BINARY, response_class=Response)
def which(filters: Wanted, asked: Asked) -> Response:
    """Return one bit for each source, 1 where it passes; the lowest bit first."""
    bits = np.packbits(filters.mask(asked.served), bitorder="little")
    return Response(bits.tobytes(), media_type="application/octet-stream")


@router.get("/sources")
def page(
    filters: Wanted,
    asked: Asked,
    sort: Annotated[
        str, Query(max_length=100, description="Column; with - the highest first")
    ] = "",
    offset: Annotated[int, Query(ge=0, le=2**31, description="Sources before the page")] = 0,
    limit: Annotated[int, Query(ge=0, le=PAGE_ROWS, description="Sources on the page")] = 50,
) -> Response:
    """Return one page of the sources that pass, sorted by a column."""
    passes = filters.mask(asked.served)
    indices = asked.orders.page(sort, passes, offset, limit)
    total = int(np.count_nonzero(passes))
    return Answer({"total": total, "rows": rows_of(asked.served, indices)})


@router.get("/names")
def names(
    asked: Asked,
    indices: Annotated[str, Query(max_length=60_000, description="Indices of sources, by commas")],
) -> Response:
    """Return the names of sources by their indices."""
    wanted = indices_of(indices, asked.served.n, "indices")
    found = asked.served.sources["name"].take(np.array(wanted, dtype=np.int64)).to_pylist()
    return Answer([str(name) for name in found])


@router.get("/anomalies")
def anomalies(
    asked: Asked, limit: Annotated[int, Query(ge=1, le=PAGE_ROWS, description="How many")] = 50
) -> Response:
    """Return the least typical detections and what makes them so; sources where there are none."""
    if "typicality" not in _ranked(asked.served).column_names:
        raise HTTPException(404, "the catalogue has no typicality")
    return Answer(asked.anomalies[:limit])


def _counts(served: Served, column: str, passes: np.ndarray) -> dict[str, int]:
    found = np.bincount(served.codes[column][passes], minlength=NO_CODE + 1).tolist()
    words = served.words[column]
    return {
        word: found[code] for code, word in enumerate(words) if served.has_none or word != "none"
    }


def _ranked(served: Served) -> pa.Table:
    return served.sources if served.detections is None else served.detections


def _anomalies(served: Served) -> list[dict[str, Any]]:
    table = _ranked(served)
    if "typicality" not in table.column_names:
        return []
    rows = [a.as_dict() for a in least_typical(table, served.model, PAGE_ROWS)]
    names = served.sources["name"]
    asked = pa.array([row["detection"]["name"] for row in rows], names.type)
    for row, index in zip(rows, pc.index_in(asked, value_set=names).to_pylist(), strict=True):
        row["index"] = index
    return rows
