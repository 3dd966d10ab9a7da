"""What xsift fetches from a real TAP server is what its tables hold."""

from __future__ import annotations

import archive
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from xsift import surveys
from xsift.cluster import workers_of
from xsift.errors import ServiceError
from xsift.fetch import (
    Cache,
    Limits,
    Tap,
    detections,
    fetch_detections,
    in_cone,
    parse_cone,
    query,
    those_of,
    whole,
)
from xsift.fetch.simbad import Simbad, fetch_objects
from xsift.pipeline.archive import parse

pytestmark = pytest.mark.tap
LIMITS = Limits(pause=0.0, poll=0.2)
KEYS = ["name", "obsid", "obi", "region_id"]


def fetched(tap, tmp_path, survey, selection, mode="sync", row_limit=50_000):
    client = Tap(tap.url, parse, LIMITS, mode, row_limit)
    return fetch_detections(surveys.load(survey), selection, client, Cache(tmp_path / "cache"))


def same(table, expected):
    """Compare with what the server was given, row by row; NaN is missing."""
    assert table.num_rows == expected.num_rows
    for name in table.column_names:
        ours, theirs = table[name], expected[name]
        if pa.types.is_floating(ours.type):
            a, b = (c.cast(pa.float64()).to_numpy() for c in (ours, theirs))
            assert np.array_equal(a, b, equal_nan=True), name
        else:
            assert ours.to_pylist() == theirs.to_pylist(), name


def test_the_papers_join_of_the_real_rows(tap, tmp_path):
    same(fetched(tap, tmp_path, "csc20", whole()).table, tap.csc2)


def test_asynchronous_jobs_give_the_same(tap, tmp_path):
    table = fetched(tap, tmp_path, "csc20", in_cone(parse_cone("0 0 70")), "async").table
    assert table.num_rows > 500
    same(table, cone_of(tap.csc2, 0, 0, 70))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_two_processes_ask(tap, tmp_path, mode, scheduler_of_two):
    """At 900 rows a time, in halves; and SIMBAD about positions in batches."""
    client, cone = Tap(tap.url, parse, LIMITS, mode, 900), in_cone(parse_cone("300 10 30"))
    survey = surveys.load("csc21")
    with workers_of(scheduler_of_two) as two:
        found = fetch_detections(survey, cone, client, Cache(tmp_path / "c"), workers=two)
        same(found.table, cone_of(tap.csc21, 300, 10, 30))
        assert found.n_queries > 1
        ra, dec = (tap.basic[c].to_numpy()[:3000] for c in ("ra", "dec"))
        matcher = Simbad(parse, LIMITS, mode, tap.url)
        objects = fetch_objects(matcher, Cache(tmp_path / "s"), ra, dec, 1.0, workers=two)
    one = fetch_objects(matcher, Cache(tmp_path / "t"), ra, dec, 1.0)
    assert objects.table.equals(one.table)
    assert objects.table.num_rows >= len(np.unique(np.column_stack([ra, dec]), axis=0))


def test_the_papers_join_at_its_full_size(tap, tmp_path):
    found = fetched(tap, tmp_path, "csc21", whole())
    assert found.table.num_rows == 37_878
    same(found.table, tap.csc21)


def cone_of(expected, ra, dec, radius):
    there = SkyCoord(expected["ra"].to_numpy(), expected["dec"].to_numpy(), unit="deg")
    return expected.filter(SkyCoord(ra, dec, unit="deg").separation(there).deg <= radius)


def test_no_row_limit_cuts(tap, tmp_path):
    """At 900 rows a time the parts are halved until none overflows."""
    cone = in_cone(parse_cone("300 10 45"))
    found = fetched(tap, tmp_path, "csc21", cone, row_limit=900)
    same(found.table, cone_of(tap.csc21, 300, 10, 45))
    assert found.n_queries > found.table.num_rows / 900 > 3
    again = fetched(tap, tmp_path, "csc21", cone, row_limit=900)
    assert again.n_kept == again.n_queries == found.n_queries
    assert again.table.equals(found.table)


@pytest.mark.parametrize(
    "cone",
    ["0 55 15", "360 75 8", "359.5 -45 16", "0.2 85 4", "120 90 12", "40 -90 12", "266 -29 2"],
)
def test_cones_agree_with_astropy(tap, tmp_path, cone):
    expected = cone_of(tap.csc21, *(float(w) for w in cone.split()))
    if not cone.startswith("266"):  # across RA 0, or around a pole
        sides = expected["ra"].to_numpy() < 180
        assert min(sides.sum(), (~sides).sum()) > 10
    same(fetched(tap, tmp_path, "csc21", in_cone(parse_cone(cone))).table, expected)


def test_names_and_observations(tap, tmp_path):
    names = pc.unique(tap.csc21["name"]).to_pylist()[:450]
    table = fetched(tap, tmp_path, "csc21", those_of("name", names)).table
    same(table, tap.csc21.filter(pc.is_in(tap.csc21["name"], pa.array(names))))
    obsids = pc.unique(tap.csc21["obsid"]).to_pylist()[:5]
    table = fetched(tap, tmp_path, "csc21", those_of("obsid", obsids)).table
    same(table, tap.csc21.filter(pc.is_in(tap.csc21["obsid"], pa.array(obsids))))


@pytest.fixture(params=archive.SHIPPED, ids=str)
def shipped(request):
    """A survey that ships; its table is called otherwise here, its columns as at VizieR."""
    survey = surveys.load(request.param)
    tables = {"s": f"shipped.{archive.SHIPPED[survey.name]}"}
    return survey.model_copy(update={"query": survey.query.model_copy(update={"tables": tables})})


def test_a_shipped_survey_by_its_archives_names(tap, tmp_path, shipped, monkeypatch):
    """Names that differ in case alone (2SXPS: E_HR1, e_HR1) are told apart."""
    monkeypatch.setattr(detections, "sky", lambda: query.sky(2, 2))  # four parts are enough
    client = Tap(tap.url, parse, LIMITS, row_limit=50_000)
    cache = Cache(tmp_path / "cache")
    expected = tap.shipped[shipped.name]
    same(fetch_detections(shipped, whole(), client, cache).table, expected)
    names = expected["name"].to_pylist()[::50]
    some = fetch_detections(shipped, those_of("name", names), client, cache).table
    same(some, expected.filter(pc.is_in(expected["name"], pa.array(names))))
    cone = fetch_detections(shipped, in_cone(parse_cone("0 55 30")), client, cache).table
    same(cone, cone_of(expected, 0, 55, 30))
    assert cone.num_rows > 10


def test_a_refused_query_is_the_services_own_words(tap):
    with pytest.raises(ServiceError, match=r"the service refuses the query: .*nothing_there"):
        Tap(tap.url, parse, LIMITS).query("SELECT nothing_there FROM csc21.master_source")
    with pytest.raises(ServiceError, match=r"the service refuses the query: .*nothing_there"):
        Tap(tap.url, parse, LIMITS, "async").query("SELECT nothing_there FROM csc21.master_source")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_upload_of_20000_positions(tap, tmp_path, mode):
    """What the server matches is what astropy matches."""
    rng = np.random.default_rng(7)
    known_ra, known_dec = (tap.basic[c].to_numpy() for c in ("ra", "dec"))
    n, m = 20_000, len(known_ra)
    pick = rng.integers(0, m, n)
    ra = (known_ra[pick] + rng.normal(0, 1 / 3600, n)) % 360
    dec = np.clip(known_dec[pick] + rng.normal(0, 0.7 / 3600, n), -90, 90)
    matcher = Simbad(parse, LIMITS, mode, tap.url)
    objects = fetch_objects(matcher, Cache(tmp_path / "cache"), ra, dec, 1.0)
    asked = SkyCoord(objects.ra, objects.dec, unit="deg")
    there = SkyCoord(known_ra, known_dec, unit="deg")
    i, j, apart, _ = there.search_around_sky(asked, 1.0001 * u.arcsec)
    near = apart.arcsec <= 1.0
    names = tap.basic["main_id"].take(pa.array(j[near])).to_pylist()
    expected = sorted(zip(i[near], names, strict=True))
    found = objects.table
    pairs = zip(found["asked"].to_pylist(), found["main_id"].to_pylist(), strict=True)
    assert sorted(pairs) == expected
    assert len(expected) > 8000
    assert len(objects.vocabulary) == tap.otypedef.num_rows
    assert 0 <= objects.chance_rate < 0.05
    assert objects.n_shifted >= 4 * 4000


def test_from_the_archive_to_the_catalogue(tap, xsift, tmp_path, monkeypatch):
    """`xsift run csc21 --cone`: fetched, labelled by SIMBAD and classified; then from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    centre = tap.csc21["ra"][0].as_py(), tap.csc21["dec"][0].as_py()
    cone = f"{centre[0]} {centre[1]} 60"
    words = ("run", "csc21", "--cone", cone, "--url", tap.url, "--simbad-url", tap.url)
    words += ("--method", "paper", "--clusters", 3, "--out", tmp_path / "out")
    said = xsift(*words)
    assert said.status == 0, said.err
    for step in ("fetching detections", "asking SIMBAD", "matching known objects", "clustering"):
        assert step in said.err
    expected = cone_of(tap.csc21, *centre, 60)
    rows = pq.read_table(tmp_path / "out" / "detections.parquet")
    assert rows["region_id"].to_pylist() == expected["region_id"].to_pylist()
    assert rows["label"].null_count < rows.num_rows
    first = pq.read_table(tmp_path / "out" / "sources.parquet")
    assert xsift(*words).status == 0
    # The header differs: the table that was fetched says which answers came from the cache.
    assert pq.read_table(tmp_path / "out" / "sources.parquet").equals(first)
