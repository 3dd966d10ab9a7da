"""A cone of a survey in place of a table: `run` and `classify` fetch it first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xsift.cli import services
from xsift.errors import SettingError

if TYPE_CHECKING:
    from xsift.surveys import Survey
    from xsift.write import Staging

    Fetch = Callable[[Staging, Callable[[str], None]], tuple[Path, Path | None]]

__all__ = ["TABLE_HELP", "Cone", "Service", "fetching", "survey_of"]

TABLE_HELP = (
    "VOTable, FITS, Parquet or CSV (also .gz); or a folder, a 'pattern' or a HATS catalogue of "
    "Parquet files, here or at an address such as s3://bucket/table; or, with --cone, a survey."
)

Cone = Annotated[
    str | None,
    typer.Option("--cone", help='Fetch this cone of the survey TABLE: "RA DEC RADIUS", deg.'),
]
Service = Annotated[
    str | None, typer.Option("--url", help="TAP service to fetch from. [default: the survey's]")
]


def survey_of(table: str | Path, cone: str | None) -> Survey | None:
    """Return the survey of which a cone is asked for; None where TABLE is a table.

    Raises
    ------
    SettingError
        If there is a cone without a survey, or a survey without a cone.
    """
    from xsift import surveys

    name = str(table)
    is_survey = name in surveys.names() and not Path(table).exists()
    if cone is None and not is_survey:
        return None
    if not is_survey:
        raise SettingError(
            f"--cone: TABLE is then a survey, one of {', '.join(surveys.names())}; not {name}"
        )
    if cone is None:
        raise SettingError(f'{name} is a survey: say which part with --cone "RA DEC RADIUS"')
    return surveys.load(name)


def fetching(
    survey: Survey,
    cone: str | None,
    url: str | None,
    fresh: bool,
    types_within: float | None = None,
    simbad_url: str | None = None,
) -> Fetch:
    """Return what fetches a cone into a folder: its detections, and SIMBAD's types if wanted.

    Parameters
    ----------
    types_within : float, optional
        Radius around each detection, arcsec. Where None, no types are fetched.
    """
    from xsift.pipeline.archive import fetch_cone

    within = services.limits()
    tap = services.tap(survey, url, within)
    wants_types = types_within is not None
    matcher = services.matcher("tap", simbad_url, within) if wants_types else None
    cache = services.cache(None, fresh)

    def fetch(staging: Staging, step: Callable[[str], None]) -> tuple[Path, Path | None]:
        return fetch_cone(staging, survey, str(cone), tap, matcher, cache, types_within or 0, step)

    return fetch
