"""Detections or sources of a survey, from its archive: in parts, so that no row limit cuts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.cluster import Here, Workers
from xsift.errors import ServiceError, SettingError, XsiftWarning
from xsift.fetch.asking import answers
from xsift.fetch.cache import Cache
from xsift.fetch.query import Cone, OneOf, Part, adql, boxes_around, sky
from xsift.fetch.tap import Tap
from xsift.surveys import Survey

__all__ = ["Fetched", "Selection", "fetch_detections", "in_cone", "near", "those_of", "whole"]

_KEYS = ("name", "obsid", "obi", "region_id")
_EACH = {"name": 200, "obsid": 40}
_POSITIONS_EACH = 50
_KINDS = {"text": pa.string(), "integer": pa.int64(), "float": pa.float64()}


@dataclass(frozen=True, eq=False)
class Selection:
    """Which detections are asked for.

    Attributes
    ----------
    said : str
        In words, for the records.
    parts : sequence of Part
        Queries to ask; together they hold at least all that is asked for.
    keep : callable, optional
        Tells which rows of a table are asked for, where the queries are too generous.
    values : OneOf, optional
        The names or observations, to say which of them have nothing.
    """

    said: str
    parts: Sequence[Part]
    keep: Callable[[pa.Table], np.ndarray] | None = None
    values: OneOf | None = None


@dataclass(frozen=True, eq=False)
class Fetched:
    """What the archive has.

    Attributes
    ----------
    table : pyarrow.Table
        The survey's columns that its query selects, one row per detection, ordered by name,
        obsid, obi and region_id; null where missing.
    n_queries, n_kept : int
        Answers that it was made of, and how many of them were in the cache.
    first, last : str
        When the oldest and the newest answer was given, UTC.
    """

    table: pa.Table
    n_queries: int
    n_kept: int
    first: str
    last: str


def in_cone(cone: Cone) -> Selection:
    """Select the detections of the sources in a cone."""
    said = f"cone around RA {cone.ra:g}, Dec {cone.dec:g} of radius {cone.radius:g} deg"
    return Selection(said, cone.boxes(), lambda table: cone.holds(*_positions(table)))


def those_of(column: str, values: Sequence[str | int]) -> Selection:
    """Select by names of sources, or by observations (`column` is name or obsid)."""
    wanted = OneOf(column, tuple(dict.fromkeys(values)))
    each = _EACH[column]
    parts = [OneOf(column, wanted.values[i : i + each]) for i in range(0, len(wanted.values), each)]
    return Selection(f"{len(wanted.values)} values of {column}", parts, values=wanted)


def near(ra: np.ndarray, dec: np.ndarray, radius_arcsec: float) -> Selection:
    """Select the detections of the sources near any of some positions (deg; NaN: none)."""
    place = np.column_stack([ra, dec])
    place = np.unique(place[np.isfinite(place).all(axis=1)], axis=0)
    parts = boxes_around(place[:, 0], place[:, 1], radius_arcsec / 3600, _POSITIONS_EACH)

    def keep(table: pa.Table) -> np.ndarray:
        from astropy.coordinates import SkyCoord, match_coordinates_sky

        if not table.num_rows:
            return np.zeros(0, dtype=bool)
        here = SkyCoord(*_positions(table), unit="deg")
        _, separation, _ = match_coordinates_sky(here, SkyCoord(*place.T, unit="deg"))
        return np.asarray(separation.arcsec <= radius_arcsec)

    return Selection(f"within {radius_arcsec:g} arcsec of {len(place)} positions", parts, keep)


def whole() -> Selection:
    """Select the whole release."""
    return Selection("all of the release", sky())


def fetch_detections(
    survey: Survey,
    selection: Selection,
    tap: Tap,
    cache: Cache,
    cuts: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: Workers | None = None,
) -> Fetched:
    """Fetch detections, part by part; what the service cuts off is asked for again in halves.

    Parameters
    ----------
    survey : Survey
    selection : Selection
    tap : Tap
    cache : Cache
        Parts that it has are not asked for again.
    cuts : bool
        With the paper's cuts.
    progress : callable
        Told of the parts done and the parts in all, as far as is known.
    workers : Workers, optional
        Those that ask; where None, this process.

    Raises
    ------
    SettingError
        If the survey names no archive, or its archive lacks the column to select by.
    ServiceError
        If a part cannot be had: never a table with a part missing. Or if there is nothing.
    """
    survey.need_query()
    if selection.values is not None:
        _heed_column(survey, selection.values.column)
    hits = cache.hits
    found = answers(
        _Archive(survey, tap, cuts), selection.parts, cache, workers or Here(), progress
    )
    table = _put_together([answer.table for answer in found], selection)
    if not table.num_rows:
        raise ServiceError(f"{tap.url}: no detections in {selection.said}")
    _warn_of_none(table, selection)
    dates = [answer.date for answer in found]
    return Fetched(table, len(found), cache.hits - hits, min(dates), max(dates))


@dataclass(frozen=True, eq=False)
class _Archive:
    """The archive of a survey; a question to it is a part of what is wanted."""

    survey: Survey
    tap: Tap
    cuts: bool

    def key(self, part: Part) -> dict[str, str]:
        """Return all that the answer depends on."""
        return {
            "service": self.tap.url,
            "release": self.survey.release,
            "query": self._query(part),
            "row_limit": str(self.tap.row_limit),
        }

    def size(self, part: Part) -> int:
        """Return that a part is one."""
        return 1

    def ask(self, part: Part) -> pa.Table:
        """Ask for the detections of a part."""
        return _conform(self.tap.query(self._query(part)), self.survey, self.tap.url)

    def halves(self, part: Part) -> Sequence[Part]:
        """Divide a part."""
        try:
            return part.split()
        except ServiceError as error:
            raise ServiceError(f"{self.tap.url}: {error}") from error

    def _query(self, part: Part) -> str:
        return adql(self.survey.need_query(), part, self.cuts)


def _heed_column(survey: Survey, column: str) -> None:
    """Refuse to select by a column that the archive does not have."""
    if column not in survey.need_query().selected:
        raise SettingError(
            f"the archive of survey {survey.name} has no column {column}: select by --cone, "
            "--names, --positions or --all"
        )


def _conform(table: pa.Table, survey: Survey, where: str) -> pa.Table:
    """Take the columns that were asked for, in their order, of the survey's kinds."""
    by_fold = {name.strip().casefold(): name for name in table.column_names}
    arrays, fields = [], []
    for name in survey.need_query().selected:
        if name not in by_fold:
            raise ServiceError(f"{where}: the answer has no column {name}, which was asked for")
        column = table.column(by_fold[name])
        kind = _KINDS[survey.column(name).kind]
        try:
            arrays.append(column.cast(kind))
        except pa.ArrowException as error:
            raise ServiceError(f"{where}: column {name} holds {column.type}, not {kind}") from error
        metadata = table.schema.field(by_fold[name]).metadata
        fields.append(pa.field(name, kind, metadata={"unit": (metadata or {}).get(b"unit", b"")}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _put_together(tables: list[pa.Table], selection: Selection) -> pa.Table:
    """Join the parts; each detection once, ordered by its keys."""
    table = pa.concat_tables(tables)
    schema = table.schema
    if selection.keep is not None:
        table = table.filter(pa.array(selection.keep(table)))
    # DISTINCT, as in each query: boxes around neighbouring positions overlap.
    table = table.group_by(table.column_names, use_threads=False).aggregate([])
    keys = [(key, "ascending") for key in _KEYS if key in table.column_names]
    return table.sort_by(keys).select(schema.names).cast(schema).combine_chunks()


def _warn_of_none(table: pa.Table, selection: Selection) -> None:
    if selection.values is None:
        return
    column, values = selection.values.column, selection.values.values
    found = set(pc.unique(table[column]).to_pylist())
    if none := [v for v in values if v not in found]:
        warnings.warn(
            f"{len(none)} of {len(values)} values of {column} have no detections, such as "
            f"{none[0]}",
            XsiftWarning,
            stacklevel=3,
        )


def _positions(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    return table["ra"].to_numpy(), table["dec"].to_numpy()
