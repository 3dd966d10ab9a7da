"""From the archives to a table, and on to a catalogue: where fetching meets reading and writing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xsift import fetch, read, surveys, write
from xsift.cluster import check
from xsift.errors import SettingError, TableError
from xsift.fetch.simbad import VOCABULARY, Matcher, Objects, fetch_objects, labels_of
from xsift.model.progress import Tell
from xsift.read import schema, targets
from xsift.read.source import Source
from xsift.read.votable import read_votable
from xsift.surveys import Survey
from xsift.surveys.columns import Column, with_metadata
from xsift.write.provenance import file_name, now
from xsift.write.tables import SUFFIXES

__all__ = [
    "fetch_cone",
    "form_of",
    "parse",
    "save_detections",
    "save_labels",
    "survey_of_release",
]

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
    """Return the survey profile of a release of the Chandra Source Catalog, such as ``"2.1"``.

    Raises
    ------
    SettingError
        If there is none.
    """
    chandras = [name for name in surveys.names() if name.startswith("csc")]
    known = {surveys.load(name).release: name for name in chandras}
    if release not in known:
        raise SettingError(f"--release {release}: known releases are {', '.join(sorted(known))}")
    return surveys.load(known[release])


def save_detections(
    out: Path,
    survey: Survey,
    selection: fetch.Selection,
    tap: fetch.Tap,
    cache: fetch.Cache,
    cuts: bool = True,
    progress: Tell = lambda done, total: None,
    inputs: Iterable[Path] = (),
    workers: int | str | None = None,
) -> dict[str, Any]:
    """Fetch detections and write them into a file that says where they came from.

    Parameters
    ----------
    inputs : iterable of Path
        Files that the selection was read from: `out` is none of them.
    workers : int or str, optional
        How many processes of this machine ask, or the address of a Dask scheduler whose workers do:
        of either, `fetch.AT_A_TIME` at a time at most. [default: this process]

    Returns
    -------
    dict
        What the file's header says.

    Raises
    ------
    XsiftError
        If they cannot be had or written; no file is then written.
    """
    form_of(out)
    check(workers)
    with (
        write.Staging(out.parent, [out.name], "fetch", inputs) as staging,
        fetch.askers(workers) as pool,
    ):
        fetched = fetch.fetch_detections(survey, selection, tap, cache, cuts, progress, pool)
        return _write_detections(staging.path(out.name), fetched, survey, selection, tap, cuts)


def _write_detections(
    path: Path,
    fetched: fetch.Fetched,
    survey: Survey,
    selection: fetch.Selection,
    tap: fetch.Tap,
    cuts: bool,
) -> dict[str, Any]:
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
        "query": fetch.adql(survey.need_query(), None, cuts),
        "fetched": fetched.last,
        "fetched_first": fetched.first,
        "detections": str(table.num_rows),
        "answers": str(fetched.n_queries),
        "answers_from_cache": str(fetched.n_kept),
    }
    write.write_table(table, path, form_of(path), about)
    return about


def save_labels(
    out: Path,
    table: Path,
    matcher: Matcher | None,
    cache: fetch.Cache,
    radius_arcsec: float,
    snapshot: Path | None = None,
    progress: Tell = lambda done, total: None,
    workers: int | str | None = None,
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
    workers : int or str, optional
        As of `save_detections`.

    Raises
    ------
    XsiftError
        If they cannot be had or written; no file is then written.
    """
    form_of(out)
    check(workers)
    names = _label_files(out.name)
    is_near = snapshot is not None and snapshot.parent.resolve() == out.parent.resolve()
    if snapshot is not None and is_near and snapshot.name in names:
        raise SettingError(f"--snapshot {snapshot} is --out: give it another name")
    is_new = snapshot is not None and not snapshot.exists()
    given = [table, *([snapshot] if snapshot is not None else [])]
    with ExitStack() as stack:
        staging = stack.enter_context(write.Staging(out.parent, names, "fetch", given))
        beside = staging
        if snapshot is not None and is_new and not is_near:
            beside = stack.enter_context(write.Staging(snapshot.parent, (), "fetch"))
        ra, dec, by_place = _asked(table)
        if snapshot is not None and not is_new:
            objects = _taken_from(snapshot, ra, dec, radius_arcsec)
        else:
            assert matcher is not None
            pool = stack.enter_context(fetch.askers(workers))
            objects = fetch_objects(matcher, cache, ra, dec, radius_arcsec, progress, pool)
        about = _labels(staging, out.name, table, objects, by_place)
        if snapshot is not None and is_new:
            _keep(beside.path(snapshot.name), objects)
    return about


def _label_files(name: str) -> tuple[str, str]:
    return name, f"{Path(name).stem}.otypes.json"


def _asked(table: Path) -> tuple[np.ndarray, np.ndarray, dict[tuple[float, float], str]]:
    """Read the positions to ask about, and the name of the first source at each."""
    ra, dec, names = targets.positions_of(table)
    by_place: dict[tuple[float, float], str] = {}
    for x, y, name in zip(ra.tolist(), dec.tolist(), names, strict=True):
        if name is not None:
            by_place.setdefault((x, y), name)
    return ra, dec, by_place


def _labels(
    staging: write.Staging,
    name: str,
    table: Path,
    objects: Objects,
    by_place: dict[tuple[float, float], str],
) -> dict[str, Any]:
    known = with_metadata(labels_of(objects, by_place), {c.name: c for c in _LABEL_COLUMNS})
    about = {**_creator(), "input": file_name(table), **_said(objects)}
    about["with_object"] = str(len(np.unique(objects.table["asked"].to_numpy())))
    about["objects"] = str(known.num_rows)
    about["candidates"] = str(known.num_rows - known["candidate_of"].null_count)
    path, types = map(staging.path, _label_files(name))
    write.write_table(known, path, form_of(path), about)
    write.write_json({**_said(objects), "otypedef": objects.vocabulary}, types)
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


def _keep(path: Path, objects: Objects) -> None:
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
    stamped = table.replace_schema_metadata({"xsift_snapshot": json.dumps(pinned)})
    with open(path, "wb") as file:
        pq.write_table(stamped, file, write_page_checksum=True)


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


def fetch_cone(
    staging: write.Staging,
    survey: Survey,
    cone: str,
    tap: fetch.Tap,
    matcher: Matcher | None,
    cache: fetch.Cache,
    radius_arcsec: float,
    step: Callable[[str], None],
) -> tuple[Path, Path | None]:
    """Fetch the detections in a cone into a folder, and SIMBAD's types for them if wanted.

    Parameters
    ----------
    staging : Staging
        Of the folder: each table appears there when it is whole.
    cone : str
        ``"RA DEC RADIUS"``, deg.
    matcher : Matcher or None
        None: no types are fetched.

    Returns
    -------
    detections : Path
    labels : Path or None
        None where no types were fetched.

    Raises
    ------
    XsiftError
        If they cannot be had.
    """
    detections, labels = "detections_input.parquet", "simbad.parquet"
    staging.refuse_foreign([detections, *(_label_files(labels) if matcher is not None else ())])
    selection = fetch.in_cone(fetch.parse_cone(cone))

    def parts(done: int, total: int) -> None:
        step(f"fetching detections of {survey.title} from {tap.url}: {done} of {total} parts")

    fetched = fetch.fetch_detections(survey, selection, tap, cache, True, parts)
    path = staging.path(detections)
    about = _write_detections(path, fetched, survey, selection, tap, True)
    staging.commit()
    step(f"{int(about['detections']):,} detections fetched")
    if matcher is None:
        return staging.folder / detections, None

    def positions(done: int, total: int) -> None:
        step(f"asking SIMBAD at {matcher.url}: {done:,} of {total:,} positions")

    ra, dec, by_place = _asked(staging.folder / detections)
    objects = fetch_objects(matcher, cache, ra, dec, radius_arcsec, positions)
    said = _labels(staging, labels, staging.folder / detections, objects, by_place)
    staging.commit()
    step(f"{int(said['objects']):,} objects of SIMBAD fetched")
    return staging.folder / detections, staging.folder / labels
