"""Detections in parts: each row once, none lost, nothing asked twice, all of it written down."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from loopback import EXPECTED, QUICK, ROWS

from xsift import read, surveys
from xsift.errors import ServiceError, XsiftWarning
from xsift.fetch import (
    Cache,
    Tap,
    detections,
    fetch_detections,
    in_cone,
    near,
    parse_cone,
    those_of,
    whole,
)
from xsift.fetch.simbad import Simbad
from xsift.pipeline.archive import parse, save_detections, save_labels

SURVEY = surveys.load("csc20")
RA, DEC = (np.array(ROWS[c]) for c in ("ra", "dec"))


def fetched(archive, cache, selection, row_limit=5000, mode="sync", cuts=True):
    tap = Tap(archive.url, parse, QUICK, mode, row_limit)
    return fetch_detections(SURVEY, selection, tap, cache, cuts).table


def regions(table):
    return sorted(table["region_id"].to_pylist())


def rows_where(mask):
    return [ROWS["region_id"][i] for i in EXPECTED if mask[i]]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_whole_release_is_what_the_query_finds(archive, cache, mode):
    table = fetched(archive, cache, whole(), mode=mode)
    assert regions(table) == rows_where(np.ones(len(RA), bool))
    for i, row in enumerate(table.to_pylist()):
        assert row == {c: ROWS[c][row["region_id"]] for c in SURVEY.query.selected}, i
    keys = list(zip(*(table[c].to_pylist() for c in ("name", "obsid", "obi")), strict=True))
    assert keys == sorted(keys)
    assert archive.jobs == {}  # what was done is not left behind


def test_without_the_cuts_every_detection_comes(archive, cache):
    assert regions(fetched(archive, cache, whole(), cuts=False)) == ROWS["region_id"]


@pytest.mark.parametrize("served", [True, False], ids=["OVERFLOW", "silently"])
def test_no_row_limit_cuts(archive, cache, served):
    """At 20 rows a time: by the service's own limit, or by MAXREC, without a word of it."""
    archive.limit = 20 if served else 10_000
    if not served:
        archive.answer = hiding(archive.answer)
    table = fetched(archive, cache, whole(), row_limit=5000 if served else 20)
    assert regions(table) == rows_where(np.ones(len(RA), bool))
    n = len(archive.asked)
    assert n > 48
    again = fetched(archive, cache, whole(), row_limit=5000 if served else 20)
    assert again.equals(table)
    assert len(archive.asked) == n  # neither the parts nor those cut off are asked for again


def hiding(answer):
    """Make a service that cuts at MAXREC and does not say so."""

    def answered(form, upload):
        status, content = answer(form, upload)
        return status, content.replace(b'value="OVERFLOW"', b'value="OK"')

    return answered


@pytest.mark.parametrize(
    "cone", ["0 0 0.9", "360 0.3 0.5", "359.8 0 0.6", "10 90 0.4", "77 89.8 0.5", "200 -89.7 0.4"]
)
def test_cones_agree_with_astropy(archive, cache, cone):
    table = fetched(archive, cache, in_cone(parse_cone(cone)))
    ra, dec, radius = (float(w) for w in cone.split())
    apart = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(RA, DEC, unit="deg")).deg
    expected = rows_where(apart <= radius)
    assert 4 < len(expected) < 200
    assert regions(table) == expected


def test_names(archive, cache):
    wanted = [*dict.fromkeys(ROWS["name"])][10:14]
    table = fetched(archive, cache, those_of("name", wanted))
    assert regions(table) == rows_where(np.isin(ROWS["name"], wanted))
    with pytest.warns(XsiftWarning, match="1 of 2 values of name have no detections, such as no'n"):
        fetched(archive, cache, those_of("name", [wanted[0], "no'ne"]))


def test_observations(archive, cache):
    table = fetched(archive, cache, those_of("obsid", [103, 100, 103]), row_limit=40)
    assert regions(table) == rows_where(np.isin(ROWS["obsid"], [100, 103]))


def test_positions(archive, cache, monkeypatch):
    """Of neighbours too, whose boxes overlap: each detection once."""
    monkeypatch.setattr(detections, "_POSITIONS_EACH", 3)
    at = np.flatnonzero(np.arange(len(RA)) % 6 == 0)
    ra, dec = np.r_[RA[at], RA[at]], np.r_[DEC[at], np.clip(DEC[at] + 1e-4, -90, 90)]
    table = fetched(archive, cache, near(np.r_[ra, np.nan, 1], np.r_[dec, 1, np.nan], 1.0))
    assert "nan" not in "".join(archive.asked)
    there = SkyCoord(ra, dec, unit="deg")
    apart = SkyCoord(RA, DEC, unit="deg")[:, None].separation(there[None]).arcsec.min(axis=1)
    assert regions(table) == rows_where(apart <= 1.0)
    assert len(table) == len(set(regions(table))) > 50


def test_nothing_there_is_said(archive, cache):
    with pytest.raises(ServiceError, match="no detections in cone around RA 150, Dec 30 of radius"):
        fetched(archive, cache, in_cone(parse_cone("150 30 0.1")))


@pytest.mark.parametrize("name", ["t.parquet", "t.vot", "t.fits"])
def test_the_file_says_where_it_came_from_and_is_read_as_it_is(archive, cache, tmp_path, name):
    tap = Tap(archive.url, parse, QUICK, row_limit=5000)
    out = tmp_path / name
    about = save_detections(out, SURVEY, whole(), tap, cache)
    chosen = SURVEY.feature_set("all")
    table = read.read_detections(out, SURVEY, chosen).table
    assert regions(table) == rows_where(np.ones(len(RA), bool))
    said = out.read_bytes()
    for key in ("service", "release", "fetched", "detections"):
        assert about[key].encode() in said, key
    if name == "t.parquet":
        header = {k.decode(): v.decode() for k, v in pq.read_schema(out).metadata.items()}
        assert {k: header[k] for k in about} == about
        assert header["query"].startswith("SELECT DISTINCT m.name")
        assert pq.read_schema(out).field("bb_kt").metadata[b"unit"] == b"keV"


@pytest.mark.stilts
def test_votlint_finds_nothing(archive, cache, tmp_path, stilts):
    tap = Tap(archive.url, parse, QUICK, row_limit=5000)
    save_detections(tmp_path / "d.vot", SURVEY, whole(), tap, cache)
    matcher = Simbad(parse, QUICK, "sync", archive.url)
    save_labels(tmp_path / "k.vot", tmp_path / "d.vot", matcher, cache, 1.0)
    for name in ("d.vot", "k.vot"):
        lint = ["stilts", "votlint", tmp_path / name]
        said = subprocess.run(lint, capture_output=True, text=True, check=False)
        assert said.stdout + said.stderr == ""


def test_a_damaged_cache_is_asked_again(archive, tmp_path):
    cache = Cache(tmp_path / "cache")
    first = fetched(archive, cache, whole())
    n = len(archive.asked)
    kept = sorted((tmp_path / "cache").glob("*.parquet"))
    assert len(kept) == n == 48
    content = bytearray(kept[0].read_bytes())
    kept[0].write_bytes(content[: len(content) // 2])
    content = bytearray(kept[1].read_bytes())
    content[60] ^= 0xFF
    kept[1].write_bytes(content)
    kept[2].write_bytes(b"")
    kept[3].unlink()
    assert fetched(archive, cache, whole()).equals(first)
    assert len(archive.asked) == n + 4


def test_the_cache_tells_services_releases_and_queries_apart(archive, cache, tmp_path):
    for release in ("csc20", "csc21"):
        tap = Tap(archive.url, parse, QUICK, row_limit=5000)
        fetch_detections(surveys.load(release), in_cone(parse_cone("0 0 2")), tap, cache)
    assert len(archive.asked) == 4
    fetched(archive, cache, in_cone(parse_cone("0 0 2.1")))
    assert len(archive.asked) == 6
    fetched(archive, Cache(cache.folder, fresh=True), in_cone(parse_cone("0 0 2.1")))
    assert len(archive.asked) == 8


CHILD = """
import sys
from pathlib import Path
from xsift import surveys
from xsift.pipeline.archive import parse, save_detections
from xsift.fetch import Cache, Limits, Tap, whole
tap = Tap(sys.argv[1], parse, Limits(pause=0.05), row_limit=5000)
save_detections(Path(sys.argv[3]), surveys.load("csc20"), whole(), tap, Cache(sys.argv[2]))
"""


def test_a_killed_fetch_goes_on_where_it_was(archive, tmp_path):
    words = [sys.executable, "-c", CHILD, archive.url, tmp_path / "cache", tmp_path / "t.parquet"]
    child = subprocess.Popen(list(map(str, words)))
    stop = time.monotonic() + 60
    while len(archive.asked) < 10 and time.monotonic() < stop:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    n = len(archive.asked)
    kept = len(list((tmp_path / "cache").glob("*.parquet")))
    assert 5 <= kept < 48
    assert not (tmp_path / "t.parquet").exists()
    table = fetched(archive, Cache(tmp_path / "cache"), whole())
    assert regions(table) == rows_where(np.ones(len(RA), bool))
    assert len(archive.asked) - n == 48 - kept


def test_columns_in_capitals_are_the_same(archive, cache):
    answer = archive.answer

    def shouting(form, upload):
        status, content = answer(form, upload)
        for name in ("bb_kt", "hard_hm", "obsid"):
            content = content.replace(f'name="{name}"'.encode(), f'name="{name.upper()}"'.encode())
        return status, content

    archive.answer = shouting
    table = fetched(archive, cache, in_cone(parse_cone("0 0 2")))
    assert table.column_names == list(SURVEY.query.selected)
    assert table.schema.field("obsid").type == pa.int64()


@pytest.mark.remote
@pytest.mark.parametrize("name", ["csc20", "csc21"])
def test_the_archive_itself(name, tmp_path):
    """One cone of the Orion Nebula from Chandra's own service: about a hundred detections."""
    survey = surveys.load(name)
    tap = Tap(survey.query.service, parse, row_limit=survey.query.row_limit)
    cone = in_cone(parse_cone("83.82 -5.39 0.02"))
    table = fetch_detections(survey, cone, tap, Cache(tmp_path)).table
    assert table.num_rows > 10
    assert np.isfinite(table["powlaw_gamma"].to_numpy()).all()
