"""The services that the command line asks: their options, their limits and their cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.fetch import Cache, Limits, Tap
    from xsift.surveys import Survey

__all__ = [
    "BUDGET",
    "Budget",
    "CacheFolder",
    "Fresh",
    "Mode",
    "Url",
    "cache",
    "limits",
    "matcher",
    "tap",
]

BUDGET = 3600.0

Url = Annotated[
    str | None, typer.Option("--url", help="Address of the service. [default: the archive's]")
]
Mode = Annotated[
    bool,
    typer.Option("--sync/--async", help="Wait for each answer, or queue the query at the service."),
]
Budget = Annotated[
    float, typer.Option("--budget", help="Time limit of the whole fetch, s.", min=1.0)
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ignore cached answers and ask again.")]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache", help="Folder of the cache. [default: ~/.cache/xsift]")
]


def limits(budget: float = BUDGET) -> Limits:
    """Return the limits of all requests together: the time, in s, and the usual others."""
    from xsift.fetch import Limits

    return Limits(budget=budget)


def cache(folder: Path | None, fresh: bool) -> Cache:
    """Return the cache of answers; `fresh`: it is written, and not read."""
    from xsift.fetch import Cache, default_folder

    return Cache(folder or default_folder(), fresh)


def tap(survey: Survey, url: str | None, within: Limits, sync: bool = True) -> Tap:
    """Return the TAP service of a survey's archive."""
    from xsift import fetch
    from xsift.pipeline import archive

    query = survey.need_query()
    return fetch.Tap(url or query.service, archive.parse, within, fetch.mode(sync), query.row_limit)


def matcher(via: str, url: str | None, within: Limits, sync: bool = True) -> Any:
    """Return the service that finds SIMBAD's objects near positions.

    Raises
    ------
    SettingError
        If `via` is neither ``tap`` nor ``xmatch``.
    """
    from xsift import fetch
    from xsift.fetch import simbad
    from xsift.pipeline import archive

    if via == "tap":
        return simbad.Simbad(archive.parse, within, fetch.mode(sync), url or simbad.SIMBAD)
    if via == "xmatch":
        return simbad.XMatch(archive.parse, within, url or simbad.XMATCH)
    raise SettingError(f"--via {via}: allowed are tap and xmatch")
