"""Questions about one source: its card, its position."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow.compute as pc
from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from xsift.errors import TableError
from xsift.serve import cards
from xsift.serve.answers import Answer
from xsift.serve.catalogue import Served, plain
from xsift.serve.places import place_of
from xsift.serve.questions import Asked
from xsift.serve.sky import parse_coordinates

__all__ = ["router"]

router = APIRouter()


@router.get("/source")
def card(
    asked: Asked,
    name: Annotated[str | None, Query(max_length=200, description="Name of a source")] = None,
    index: Annotated[int | None, Query(ge=0, description="Index of a source, instead")] = None,
) -> Response:
    """Return a source's card: what `xsift show` prints, the vote in words, and what is near."""
    served = asked.served
    if (name is None) == (index is None):
        raise HTTPException(422, "give name or index")
    if index is not None and index >= served.n:
        raise HTTPException(404, f"index {index}: allowed is 0 to {served.n - 1}")
    which = index if index is not None else cards.find(served, str(name))
    found = cards.card(served, which)
    return Answer(
        {
            "index": which if isinstance(which, int) else None,
            "card": found.as_dict(),
            "verdict": cards.verdict(found),
            "among": asked.comparison.among(found.source),
            "neighbours": asked.comparison.neighbours(found, cards.rows(served, which)),
            "links": cards.links(found, served.survey),
        }
    )


@router.get("/resolve")
def resolve(
    asked: Asked, q: Annotated[str, Query(max_length=200, description="Name or coordinates")]
) -> Response:
    """Return the position of a source by its name, of coordinates, or of a well-known object.

    A source's whole name comes before an object's, and an object's before a part of a source's.
    """
    if (position := parse_coordinates(q)) is not None:
        return _at(*position)
    served = asked.served
    if served.xyz is None:
        raise HTTPException(404, "the catalogue has no positions")
    index = _named(served, q)
    if index is None and (place := place_of(q)) is not None:
        return _at(place.ra, place.dec, place.name)
    index = _first(served, q) if index is None else index
    if index is None:
        raise HTTPException(404, f"no source and no coordinates: {q[:80]!r}")
    name = str(served.sources["name"][index].as_py())
    ra, dec = served.numbers["ra"][index], served.numbers["dec"][index]
    if not (np.isfinite(ra) and np.isfinite(dec)):
        raise HTTPException(404, f"{name} has no position")
    said = {"ra": float(ra), "dec": float(dec), "name": name, "index": index, "place": None}
    return Answer(said)


def _at(ra: float, dec: float, place: str | None = None) -> Response:
    return Answer({"ra": ra, "dec": dec, "name": None, "index": None, "place": place})


def _named(served: Served, text: str) -> int | None:
    try:
        found = cards.find(served, text)
    except TableError:
        return None
    return found if isinstance(found, int) else None


def _first(served: Served, text: str) -> int | None:
    """Find the first source that has a part of a name."""
    part = plain(text).as_py()
    if not part:
        return None
    at = np.flatnonzero(np.asarray(pc.match_substring(served.plain_names, part)))
    return int(at[0]) if len(at) else None
