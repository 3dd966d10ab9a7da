"""From the archives to a table, and on to a catalogue: where fetching meets reading and writing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xsift import fetch, read, surveys, write
from xsift.columns import Column, with_metadata
from xsift.errors import MissingColumnsError, SettingError, TableError, XsiftWarning
from xsift.fetch.simbad import VOCABULARY, Matcher, Objects, fetch_objects, labels_of
from xsift.read import cells, schema
from xsift.read.source import Source
from xsift.read.votable import read_votable
from xsift.surveys import Survey
from xsift.write.provenance import file_name, now
from xsift.write.tables import SUFFIXES

__all__ = [
    "form_of",
    "parse",
    "positions_of",
    "prepare",
    "save_detections",
    "save_labels",
    "survey_of_release",
    "values_of",
]

Progress = Callable[[int, int], None]
_LABEL_COLUMNS = (
    Column("name", "", "meta.id", "Name of the X-ray source at the position asked about"),
    Column("main_id", "", "meta.id;meta.main", "SIMBAD's main identifier of the object"),
    Column("ra", "deg", "pos.eq.ra;meta.main", "Right ascension of the object, ICRS"),
    Column("dec", "deg", "pos.eq.dec;meta.main", "Declination of the object, ICRS"),
    Column("otype", "", "src.class", "SIMBAD type of the object, code"),
    Column("otype_label", "", "src.class", "The type in SIMBAD's own words on that date"),
    Column("candidate_of", "", "src.class", "Type that the object is only a candidate of"),
    Column("separation", "arcsec", "pos.angDistance", "Distance from the position asked about"),
    Column("rank", "", "meta.number", "1 for the nearest object of the position, then 2, ..."),
)


def parse(content: bytes, where: str) -> pa.Table:
    """Turn a VOTable that a service sent into a table.

    Raises
    ------
    TableError
        If it is damaged; also where a column of numbers has a cell that is none.
    """
    table = read_votable(Source(where, "votable", content, ""))
    for field in table.schema:
        if declared := (field.metadata or {}).get(b"declared"):
            kind = declared.decode()
            raise TableError(f"{where}: column {field.name} has a cell that is no {kind} number")
    return table


def form_of(out: Path) -> str:
    """Return the format that a file's name asks for.

    Raises
    ------
    SettingError
        If it asks for none that can say where the rows came from.
    """
    by_suffix = {s: form for form, s in SUFFIXES.items() if form != "csv"} | {".xml": "votable"}
    if out.suffix.lower() not in by_suffix:
        said = ", ".join(by_suffix)
        why = "; a CSV file cannot say where its rows came from" * (out.suffix.lower() == ".csv")
        raise SettingError(f"--out {out}: give a name that ends in {said}{why}")
    return by_suffix[out.suffix.lower()]


def survey_of_release(release: str) -> Survey:
    """Return the survey profile of a release, such as ``"2.1"``.

    Raises
    ------
    SettingError
        If there is none.
    """
    known = {surveys.load(name).release: name for name in surveys.names()}
    if release not in known:
        raise SettingError(f"--release {release}: known releases are {', '.join(sorted(known))}")
    return surveys.load(known[release])


def values_of(path: Path, column: str) -> list[str]:
    """Read a column of text from a table; missing values are left out, with a warning.

    Raises
    ------
    TableError
        If it has no such column, or nothing in it.
    """
    table, _ = read.read_table(path, [column])
    found = schema.find_column(table, str(path), column)
    if found is None:
        raise MissingColumnsError(str(path), [column], table.column_names)
    values = [v for v in cells.text(table.column(found), str(path), found).to_pylist() if v]
    if not values:
        raise TableError(f"{path}: column {column} is empty in every row")
    if empty := table.num_rows - len(values):
        _warn(f"{path}: rows without a {column}: {empty:,} of {table.num_rows:,} (not asked about)")
    return values


def positions_of(path: Path) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Read positions (deg, NaN where missing or impossible) and, where it has them, names.

    Right ascensions are taken modulo 360. Rows without a position are counted in a warning.

    Raises
    ------
    TableError
        If the table has no positions.
    """
    table, _ = read.read_table(path, ["name", "ra", "dec"])
    where, survey = str(path), surveys.load("csc20")
    found = {c: schema.find_column(table, where, c) for c in ("ra", "dec", "name")}
    if missing := [c for c in ("ra", "dec") if found[c] is None]:
        raise MissingColumnsError(where, missing, table.column_names)
    columns = {axis: survey.column(axis) for axis in ("ra", "dec")}
    given = {
        axis: schema.held(table, where, str(found[axis]), column).to_numpy(zero_copy_only=False)
        for axis, column in columns.items()
    }
    possible = columns["ra"].accepts(given["ra"]) & columns["dec"].accepts(given["dec"])
    _say_left_out(where, given["ra"], given["dec"], possible)
    names: list[str | None] = [None] * table.num_rows
    if found["name"] is not None:
        names = cells.text(table.column(found["name"]), where, found["name"]).to_pylist()
    ra, dec = (np.where(possible, given[axis], np.nan) for axis in ("ra", "dec"))
    return ra, dec, names


def _say_left_out(where: str, ra: np.ndarray, dec: np.ndarray, possible: np.ndarray) -> None:
    """Count the rows that cannot be asked about: in an error where no other is left."""
    missing = np.isnan(ra) | np.isnan(dec)
    parts = []
    if n := int(missing.sum()):
        parts.append(f"{n:,} without a position")
    if len(bad := np.flatnonzero(~missing & ~possible)):
        parts.append(
            f"{len(bad):,} with an impossible one (row {bad[0] + 1}: ra {ra[bad[0]]:g}, dec "
            f"{dec[bad[0]]:g}; allowed are ra 0 to 360 or a turn away, dec -90 to 90, deg)"
        )
    said = f"{' and '.join(parts)}, of {len(ra):,}"
    if not possible.any():
        raise TableError(f"{where}: no row has a position: {said if parts else 'it has no rows'}")
    if parts:
        _warn(f"{where}: rows not asked about: {said}")


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=3)


def save_detections(
    out: Path,
    survey: Survey,
    selection: fetch.Selection,
    tap: fetch.Tap,
    cache: fetch.Cache,
    cuts: bool = True,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Fetch detections and write them into a file that says where they came from.

    Returns
    -------
    dict
        What the file's header says.

    Raises
    ------
    XsiftError
        If they cannot be had or written; no file is then written.
    """
    form = form_of(out)
    write.check_folder(out.parent)
    fetched = fetch.fetch_detections(survey, selection, tap, cache, cuts, progress)
    held = schema.hold(fetched.table, tap.url, survey, (), "name")
    table = with_metadata(held, survey.described())
    about = {
        **_creator(),
        "title": survey.title,
        "release": survey.release,
        "survey": survey.name,
        "reference": survey.reference,
        "service": tap.url,
        "selection": selection.said,
        "query": fetch.adql(survey.query, None, cuts),
        "fetched": fetched.last,
        "fetched_first": fetched.first,
        "detections": str(table.num_rows),
        "answers": str(fetched.n_queries),
        "answers_from_cache": str(fetched.n_kept),
    }
    with write.Staging(out.parent) as staging:
        write.write_table(table, staging.path(out.name), form, about)
    return about


def save_labels(
    out: Path,
    table: Path,
    matcher: Matcher | None,
    cache: fetch.Cache,
    radius_arcsec: float,
    snapshot: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Find SIMBAD's objects at the positions of a table and write them as known objects.

    Parameters
    ----------
    out : Path
        For `run`'s ``--labels``. SIMBAD's vocabulary goes beside it, as ``NAME.otypes.json``.
    table : Path
    matcher : Matcher or None
        The service to ask; None where a snapshot answers.
    cache : Cache
    radius_arcsec : float
    snapshot : Path, optional
        Where it exists, it is used and no service is asked; else what the service answers is kept
        there.

    Raises
    ------
    XsiftError
        If they cannot be had or written; no file is then written.
    """
    form = form_of(out)
    write.check_folder(out.parent)
    ra, dec, names = positions_of(table)
    if snapshot is not None and snapshot.exists():
        objects = _taken_from(snapshot, ra, dec, radius_arcsec)
    else:
        assert matcher is not None
        objects = fetch_objects(matcher, cache, ra, dec, radius_arcsec, progress)
    by_place: dict[tuple[float, float], str] = {}
    for x, y, name in zip(ra.tolist(), dec.tolist(), names, strict=True):
        if name is not None:
            by_place.setdefault((x, y), name)
    known = with_metadata(labels_of(objects, by_place), {c.name: c for c in _LABEL_COLUMNS})
    about = {**_creator(), "input": file_name(table), **_said(objects)}
    about["with_object"] = str(len(np.unique(objects.table["asked"].to_numpy())))
    about["objects"] = str(known.num_rows)
    about["candidates"] = str(known.num_rows - known["candidate_of"].null_count)
    with write.Staging(out.parent) as staging:
        write.write_table(known, staging.path(out.name), form, about)
        pinned = {**_said(objects), "otypedef": objects.vocabulary}
        write.write_json(pinned, staging.path(f"{out.stem}.otypes.json"))
    if snapshot is not None and not snapshot.exists():
        _keep(snapshot, objects)
    return about


def _creator() -> dict[str, str]:
    return {"creator": f"xsift {write.environment()['xsift']}", "written": now()}


def _said(objects: Objects) -> dict[str, str]:
    return {
        "service": objects.service,
        "fetched": objects.date,
        "radius_arcsec": f"{objects.radius_arcsec:g}",
        "positions": str(len(objects.ra)),
        "chance_match_rate": f"{objects.chance_rate:.6f}",
        "chance_match_positions": str(objects.n_shifted),
    }


def _keep(snapshot: Path, objects: Objects) -> None:
    """Write down what SIMBAD said: every position, and what was found there."""
    asked = pa.table(
        {"asked": np.arange(len(objects.ra)), "at_ra": objects.ra, "at_dec": objects.dec}
    )
    table = asked.join(objects.table, "asked").sort_by(
        [("asked", "ascending"), ("separation", "ascending"), ("main_id", "ascending")]
    )
    pinned = {
        "service": objects.service,
        "date": objects.date,
        "radius_arcsec": objects.radius_arcsec,
        "chance_rate": objects.chance_rate,
        "n_shifted": objects.n_shifted,
        "vocabulary": objects.vocabulary,
    }
    with write.Staging(snapshot.parent) as staging:
        stamped = table.replace_schema_metadata({"xsift_snapshot": json.dumps(pinned)})
        pq.write_table(stamped, staging.path(snapshot.name), write_page_checksum=True)


def _taken_from(snapshot: Path, ra: np.ndarray, dec: np.ndarray, radius_arcsec: float) -> Objects:
    """Answer from a snapshot, as the service did on its day."""
    table, _ = read.read_table(snapshot)
    try:
        pinned = json.loads((table.schema.metadata or {})[b"xsift_snapshot"])
        within = float(pinned["radius_arcsec"])
        vocabulary = [{k: str(v[k]) for k in VOCABULARY} for v in pinned["vocabulary"]]
        place = np.column_stack([table["at_ra"].to_numpy(), table["at_dec"].to_numpy()])
        found = table.select(["asked", "main_id", "ra", "dec", "otype", "separation"])
        said = (str(pinned["service"]), str(pinned["date"]))
        chance = (float(pinned["chance_rate"]), int(pinned["n_shifted"]))
        if radius_arcsec < within:  # it was measured at the snapshot's radius
            chance = (float("nan"), 0)
    except (KeyError, ValueError, TypeError) as error:
        raise TableError(f"{snapshot}: not a snapshot of SIMBAD that xsift wrote") from error
    if radius_arcsec > within:
        raise SettingError(
            f"--radius {radius_arcsec:g}: the snapshot {snapshot} holds objects within {within:g} "
            "arcsec"
        )
    wanted = {p for p in zip(ra.tolist(), dec.tolist(), strict=True) if np.isfinite(sum(p))}
    held = {tuple(p) for p in place.tolist()}
    if absent := len(wanted - held):
        raise TableError(
            f"{snapshot}: {absent:,} of {len(wanted):,} positions of the table are not in this "
            "snapshot: fetch another one, under another name"
        )
    here = np.array([tuple(p) in wanted for p in place.tolist()])
    near = found["separation"].fill_null(np.inf).to_numpy() <= radius_arcsec
    places, index = np.unique(place[here], axis=0, return_inverse=True)
    kept = found.filter(pa.array(here & near))
    kept = kept.set_column(0, "asked", pa.array(index.ravel()[near[here]]))
    return Objects(places[:, 0], places[:, 1], kept, radius_arcsec, *said, vocabulary, *chance)


def prepare(
    folder: Path,
    survey: Survey,
    cone: str,
    tap: fetch.Tap,
    matcher: Matcher | None,
    cache: fetch.Cache,
    radius_arcsec: float,
    step: Callable[[str], None],
) -> tuple[Path, Path]:
    """Fetch what `run` needs into a folder: detections in a cone, and SIMBAD's types for them.

    Parameters
    ----------
    cone : str
        ``"RA DEC RADIUS"``, deg.
    matcher : Matcher or None
        None: no types are fetched.

    Returns
    -------
    detections, labels : Path

    Raises
    ------
    XsiftError
        If they cannot be had.
    """
    detections, labels = folder / "detections_input.parquet", folder / "simbad.parquet"
    selection = fetch.in_cone(fetch.parse_cone(cone))

    def parts(done: int, total: int) -> None:
        step(f"fetching detections of {survey.title} from {tap.url}: {done} of {total} parts")

    about = save_detections(detections, survey, selection, tap, cache, progress=parts)
    step(f"{int(about['detections']):,} detections fetched")
    if matcher is not None:

        def positions(done: int, total: int) -> None:
            step(f"asking SIMBAD at {matcher.url}: {done:,} of {total:,} positions")

        said = save_labels(labels, detections, matcher, cache, radius_arcsec, progress=positions)
        step(f"{int(said['objects']):,} objects of SIMBAD fetched")
    return detections, labels
