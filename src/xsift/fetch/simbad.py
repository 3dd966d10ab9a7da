"""Types of known objects at given positions, from SIMBAD: by TAP upload or by CDS XMatch."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from xsift.classes import candidate_of, code_of
from xsift.cluster import Here, Workers
from xsift.errors import ServiceError, TableError, XsiftWarning
from xsift.fetch.answer import heed
from xsift.fetch.asking import answers
from xsift.fetch.cache import Cache
from xsift.fetch.client import Client, Limits, PassingFault, Reply
from xsift.fetch.tap import Mode, Parse, Tap

__all__ = ["VOCABULARY", "Matcher", "Objects", "Simbad", "XMatch", "fetch_objects", "labels_of"]

SIMBAD = "https://simbad.cds.unistra.fr/simbad/sim-tap"
XMATCH = "http://cdsxmatch.u-strasbg.fr/xmatch/api/v1"
# SIMBAD takes 200,000 rows of an upload; smaller batches lose less when the network fails.
_BATCH = 20_000
_ROW_LIMIT = 500_000
# Types change from day to day; what is kept is only to go on where a fetch was stopped.
_MAX_AGE = timedelta(days=1)
VOCABULARY = ("otype", "label", "description", "path")
_FOUND = ("asked", "main_id", "ra", "dec", "otype")
# The chance of a match is measured at four places around each of at most so many positions.
_SAMPLE = 5000
_SHIFT_ARCSEC, _SHIFT_RADII = 30.0, 10.0


@dataclass(frozen=True, eq=False)
class Objects:
    """What SIMBAD has near some positions.

    Attributes
    ----------
    ra, dec : ndarray of shape (n,)
        Positions that were asked about, deg, each once.
    table : pyarrow.Table
        One row per position and object within the radius: ``asked`` (index of the position),
        ``main_id``, ``ra``, ``dec`` (deg), ``otype`` (code) and ``separation`` (arcsec), ordered
        by position and separation.
    radius_arcsec : float
    service : str
    date : str
        When the oldest of the answers was given, UTC.
    vocabulary : list of dict
        SIMBAD's types on that date: ``otype`` (code), ``label``, ``description``, ``path``. Empty
        where the service does not tell.
    chance_rate : float
        Share of shifted positions that have an object within the radius: what chance alone gives.
    n_shifted : int
        Positions that it was measured at.
    """

    ra: np.ndarray
    dec: np.ndarray
    table: pa.Table
    radius_arcsec: float
    service: str
    date: str
    vocabulary: list[dict[str, str]] = field(default_factory=list)
    chance_rate: float = float("nan")
    n_shifted: int = 0


class Matcher(Protocol):
    """A service that finds SIMBAD's objects near positions."""

    url: str

    def match(self, ra: np.ndarray, dec: np.ndarray, radius_arcsec: float) -> pa.Table:
        """Return asked (index), main_id, ra, dec and otype of all objects within the radius."""

    def vocabulary(self) -> pa.Table | None:
        """Return the types and their labels, None where the service does not tell."""


class Simbad:
    """SIMBAD's TAP service, with an upload of the positions.

    Parameters
    ----------
    parse, limits, mode
        As of `Tap`.
    url : str
    """

    def __init__(
        self,
        parse: Parse,
        limits: Limits | None = None,
        mode: Mode = "sync",
        url: str = SIMBAD,
    ) -> None:
        self._tap = Tap(url, parse, limits, mode, _ROW_LIMIT)
        self.url = self._tap.url

    def match(self, ra: np.ndarray, dec: np.ndarray, radius_arcsec: float) -> pa.Table:
        """Return asked (index), main_id, ra, dec and otype of all objects within the radius."""
        query = (
            "SELECT t.asked, b.main_id, b.ra, b.dec, b.otype\n"
            "FROM TAP_UPLOAD.positions AS t\n"
            "JOIN basic AS b ON 1 = CONTAINS(POINT('ICRS', b.ra, b.dec), "
            f"CIRCLE('ICRS', t.asked_ra, t.asked_dec, {radius_arcsec / 3600:.12f}))"
        )
        return self._tap.query(query, ("positions", _votable(ra, dec)))

    def vocabulary(self) -> pa.Table | None:
        """Return the table ``otypedef``: the types, their labels and their place in the tree.

        All of its columns, since what they are called has changed over the years.
        """
        return self._tap.query("SELECT * FROM otypedef")


class XMatch:
    """The CDS XMatch service, whose view of SIMBAD gives labels instead of codes.

    Parameters
    ----------
    parse, limits
        As of `Tap`.
    url : str
        Queries go to ``url/sync``.
    """

    def __init__(self, parse: Parse, limits: Limits | None = None, url: str = XMATCH) -> None:
        self._client = Client(url, limits)
        self._parse = parse
        self.url = self._client.url

    def match(self, ra: np.ndarray, dec: np.ndarray, radius_arcsec: float) -> pa.Table:
        """Return asked (index), main_id, ra, dec and otype of all objects within the radius."""
        data = {"request": "xmatch", "distMaxArcsec": f"{radius_arcsec:.9f}", "cat2": "simbad"}
        data |= {"selection": "all", "RESPONSEFORMAT": "votable"}
        data |= {"colRA1": "asked_ra", "colDec1": "asked_dec"}
        files = {"cat1": ("positions.vot", _votable(ra, dec))}
        return self._client.ask("POST", "sync", self._table, data, files)

    def vocabulary(self) -> pa.Table | None:
        """Tell nothing: the service gives labels, which xsift turns into codes."""
        return None

    def _table(self, reply: Reply) -> pa.Table:
        content = heed(reply, self.url, needs_status=False)
        try:
            table = self._parse(content, self.url)
        except TableError as error:
            raise PassingFault(f"the answer is damaged: {error}") from error
        names = ["otype" if n == "main_type" else n for n in table.column_names]
        return table.rename_columns(names)


def fetch_objects(
    matcher: Matcher,
    cache: Cache,
    ra: np.ndarray,
    dec: np.ndarray,
    radius_arcsec: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: Workers | None = None,
) -> Objects:
    """Find SIMBAD's objects near positions, and how many of the matches chance would give.

    Parameters
    ----------
    matcher : Matcher
    cache : Cache
    ra, dec : ndarray of shape (n,)
        deg; each position is asked about once, missing ones not at all.
    radius_arcsec : float
    progress : callable
        Told of the positions done and in all.
    workers : Workers, optional
        Those that ask; where None, this process.

    Raises
    ------
    ServiceError
        If an answer cannot be had.
    """
    place = np.column_stack([ra, dec])
    place = np.unique(place[np.isfinite(place).all(axis=1)], axis=0)
    if not len(place):
        raise TableError("no positions to ask SIMBAD about")
    shifted = _shifted(place, radius_arcsec)
    asked = [*_batches(place, 0), *_batches(shifted, len(place))]
    found = answers(
        _Matching(matcher, radius_arcsec), asked, cache, workers or Here(), progress, _MAX_AGE
    )
    order = [("asked", "ascending"), ("separation", "ascending"), ("main_id", "ascending")]
    table = pa.concat_tables([_numbered(a.table, a.task.start) for a in found]).sort_by(order)
    n = int(np.searchsorted(table["asked"].to_numpy(), len(place)))
    return Objects(
        place[:, 0],
        place[:, 1],
        table.slice(0, n).combine_chunks(),
        radius_arcsec,
        matcher.url,
        min(answer.date for answer in found),
        _vocabulary(matcher, cache),
        len(np.unique(table["asked"].to_numpy()[n:])) / len(shifted),
        len(shifted),
    )


class _Batch(NamedTuple):
    """Positions to ask about, the first of which has the number `start`."""

    start: int
    positions: np.ndarray


def _batches(positions: np.ndarray, first: int) -> list[_Batch]:
    starts = range(0, len(positions), _BATCH)
    return [_Batch(first + start, positions[start : start + _BATCH]) for start in starts]


def _numbered(table: pa.Table, start: int) -> pa.Table:
    return table.set_column(0, "asked", pa.array(table["asked"].to_numpy() + start))


@dataclass(frozen=True)
class _Matching:
    """A matcher at a radius; a question to it is a batch of positions."""

    matcher: Matcher
    radius_arcsec: float

    def key(self, batch: _Batch) -> dict[str, str]:
        """Return all that the answer depends on."""
        return {
            "service": self.matcher.url,
            "radius": f"{self.radius_arcsec:.9f}",
            "positions": hashlib.sha256(batch.positions.tobytes()).hexdigest(),
        }

    def size(self, batch: _Batch) -> int:
        """Return the number of positions."""
        return len(batch.positions)

    def ask(self, batch: _Batch) -> pa.Table:
        """Ask for the objects near the positions."""
        ra, dec = batch.positions.T
        found = self.matcher.match(ra, dec, self.radius_arcsec)
        return _held(found, batch.positions, self.radius_arcsec, self.matcher.url)

    def halves(self, batch: _Batch) -> list[_Batch]:
        """Divide a batch."""
        half = len(batch.positions) // 2
        if not half:
            raise ServiceError(
                f"{self.matcher.url}: more objects around one position than the service gives"
            )
        start, positions = batch
        return [_Batch(start, positions[:half]), _Batch(start + half, positions[half:])]


def labels_of(objects: Objects, names: dict[tuple[float, float], str]) -> pa.Table:
    """Turn what SIMBAD has into a table of known objects, one row per position and object.

    Parameters
    ----------
    objects : Objects
    names : dict
        Name of the source at a position (ra, dec), where it has one.

    Returns
    -------
    pyarrow.Table
        ``name`` of the source, SIMBAD's ``main_id``, ``ra``, ``dec`` and ``otype`` (code) of the
        object, ``otype_label``, ``candidate_of`` (null: no candidate), ``separation`` (arcsec) and
        ``rank`` (1 is the nearest).
    """
    table = objects.table
    asked = table["asked"].to_numpy()
    label = {v["otype"]: v["label"] or v["description"] for v in objects.vocabulary}
    otypes = table["otype"].to_pylist()
    codes = [code_of(otype) for otype in otypes]
    labels = [label.get(code) if code else None for code in codes]
    candidates = [
        candidate_of(c, said) if c else None for c, said in zip(codes, labels, strict=True)
    ]
    places = zip(objects.ra[asked].tolist(), objects.dec[asked].tolist(), strict=True)
    first = np.flatnonzero(np.r_[True, asked[1:] != asked[:-1]]) if len(asked) else asked
    rank = np.arange(len(asked)) - np.repeat(first, np.diff(np.r_[first, len(asked)])) + 1
    return pa.table(
        {
            "name": pa.array([names.get(place) for place in places], pa.string()),
            "main_id": table["main_id"],
            "ra": table["ra"],
            "dec": table["dec"],
            "otype": pa.array(codes, pa.string()),
            "otype_label": pa.array(labels, pa.string()),
            "candidate_of": pa.array(candidates, pa.string()),
            "separation": table["separation"],
            "rank": pa.array(rank.astype(np.int64)),
        }
    )


def _held(found: pa.Table, positions: np.ndarray, radius_arcsec: float, where: str) -> pa.Table:
    """Hold an answer to what was asked, and measure the separations."""
    from astropy.coordinates import angular_separation

    by_fold = {name.strip().casefold(): name for name in found.column_names}
    if missing := [name for name in _FOUND if name not in by_fold]:
        raise ServiceError(f"{where}: the answer has no column {missing[0]}")
    try:
        asked = found[by_fold["asked"]].cast(pa.int64()).to_numpy()
        ra, dec = (found[by_fold[c]].cast(pa.float64()).to_numpy() for c in ("ra", "dec"))
        text = {c: found[by_fold[c]].cast(pa.string()) for c in ("main_id", "otype")}
    except pa.ArrowException as error:
        raise ServiceError(f"{where}: the answer's columns are of other kinds: {error}") from error
    if ((asked < 0) | (asked >= len(positions))).any():
        raise ServiceError(f"{where}: the answer is about positions that were not asked about")
    here = np.radians(positions[asked])
    apart = angular_separation(here[:, 0], here[:, 1], np.radians(ra), np.radians(dec))
    separation = np.degrees(apart) * 3600
    table = pa.table(
        {
            "asked": asked,
            "main_id": text["main_id"],
            "ra": ra,
            "dec": dec,
            "otype": text["otype"],
            "separation": separation,
        }
    )
    # A micro-arcsecond of slack: the service rounds in its own way.
    return table.filter(pa.array(separation <= radius_arcsec + 1e-6))


def _shifted(place: np.ndarray, radius_arcsec: float) -> np.ndarray:
    """Return four places around each of some positions, too far for their own objects."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    step = -(-len(place) // _SAMPLE)
    shift = max(_SHIFT_ARCSEC, _SHIFT_RADII * radius_arcsec) * u.arcsec
    here = SkyCoord(*place[::step].T, unit="deg")
    around = [here.directional_offset_by(angle * u.deg, shift) for angle in (0, 90, 180, 270)]
    return np.concatenate([np.column_stack([c.ra.deg, c.dec.deg]) for c in around])


def _vocabulary(matcher: Matcher, cache: Cache) -> list[dict[str, str]]:
    def ask() -> pa.Table:
        table = matcher.vocabulary()
        return table if table is not None else pa.table({"otype": pa.array([], pa.string())})

    try:
        table, _ = cache.get({"service": matcher.url, "table": "otypedef"}, ask, _MAX_AGE)
    except ServiceError as error:
        warnings.warn(
            f"the vocabulary of types cannot be had, and is not pinned: {error}",
            XsiftWarning,
            stacklevel=3,
        )
        return []
    names = [n.strip().casefold() for n in table.column_names]
    rows = table.rename_columns(names).to_pylist()
    for row in rows:
        row["label"] = row.get("label") or row.get("otype_longname") or ""
    return [{c: str(row.get(c) or "").strip() for c in VOCABULARY} for row in rows]


def _votable(ra: np.ndarray, dec: np.ndarray) -> bytes:
    """Write positions as a VOTable: asked (their index), asked_ra and asked_dec (deg)."""
    rows = "".join(
        f"<TR><TD>{i}</TD><TD>{x!r}</TD><TD>{y!r}</TD></TR>\n"
        for i, (x, y) in enumerate(zip(ra.tolist(), dec.tolist(), strict=True))
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results"><TABLE name="positions">\n'
        '<FIELD name="asked" datatype="int"/>\n'
        '<FIELD name="asked_ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main"/>\n'
        '<FIELD name="asked_dec" datatype="double" unit="deg" ucd="pos.eq.dec;meta.main"/>\n'
        f"<DATA><TABLEDATA>\n{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"
    ).encode()
