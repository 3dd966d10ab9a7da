"""`xsift fetch SURVEY` and `xsift run SURVEY --cone`, of the surveys that ship with an archive."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from loopback import QUICK, sources

from xsift import read, surveys
from xsift.cli import services
from xsift.errors import ServiceError, SettingError
from xsift.fetch import Tap, fetch_detections, in_cone, near, parse_cone, those_of, whole
from xsift.pipeline.archive import parse

# SQLite, which answers here, takes names that differ in case alone (2SXPS) for one: see tests/tap.
SURVEYS = [surveys.load(name) for name in ("4xmm", "erass1")]


@pytest.fixture(params=SURVEYS, ids=lambda survey: survey.name)
def survey(request):
    return request.param


@pytest.fixture
def rows(archive, survey):
    """What the archive holds of the survey, under our names, as `fetch` should give it."""
    table = sources(survey)
    archive.add(survey, table)
    names = [survey.query.name_prefix + name for name in table["name"].to_pylist()]
    return table.set_column(table.column_names.index("name"), "name", pa.array(names))


@pytest.fixture
def quick(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(services, "limits", lambda budget=20.0: QUICK)
    return tmp_path


def fetched(archive, cache, survey, selection, row_limit=5000):
    tap = Tap(archive.url, parse, QUICK, row_limit=row_limit)
    return fetch_detections(survey, selection, tap, cache).table


def by_name(table):
    return table.sort_by("name").select(sorted(table.column_names))


def test_the_whole_is_what_the_archive_has(archive, cache, survey, rows):
    table = fetched(archive, cache, survey, whole())
    assert table.column_names == list(survey.query.selected)
    assert by_name(table).to_pylist() == by_name(rows).to_pylist()


def test_no_row_limit_cuts(archive, cache, survey, rows):
    archive.limit = 20
    assert (
        by_name(fetched(archive, cache, survey, whole())).to_pylist() == by_name(rows).to_pylist()
    )


def test_cones_and_positions_agree_with_astropy(archive, cache, survey, rows):
    there = SkyCoord(rows["ra"].to_numpy(), rows["dec"].to_numpy(), unit="deg")
    table = fetched(archive, cache, survey, in_cone(parse_cone("359 40 35")))
    inside = there.separation(SkyCoord(359, 40, unit="deg")).deg <= 35
    assert sorted(table["name"].to_pylist()) == sorted(rows["name"].filter(inside).to_pylist())
    assert 5 < inside.sum() < 100
    some = np.arange(200) % 7 == 0
    table = fetched(
        archive, cache, survey, near(there.ra.deg[some], there.dec.deg[some] + 1e-4, 1.0)
    )
    assert sorted(table["name"].to_pylist()) == sorted(rows["name"].filter(some).to_pylist())


def test_names_are_the_surveys_own(archive, cache, survey, rows):
    wanted = rows["name"].to_pylist()[:3]
    assert wanted[0].startswith(survey.name.upper())
    table = fetched(archive, cache, survey, those_of("name", wanted))
    assert table["name"].to_pylist() == wanted


def test_there_are_no_observations_to_select_by(archive, cache, survey, rows):
    message = f"archive of survey {survey.name} has no column obsid: select by cone, names"
    with pytest.raises(SettingError, match=message):
        fetched(archive, cache, survey, those_of("obsid", [1]))


def test_the_command_writes_what_is_read_as_it_is(archive, survey, rows, xsift, quick):
    words = ("fetch", survey.name, "--all", "--url", archive.url)
    said = xsift(*words, "--out", "t.vot", "--json")
    assert said.status == 0, said.err
    about = json.loads(said.out)
    assert (about["survey"], about["detections"], about["warnings"]) == (survey.name, "200", [])
    assert about["query"].startswith("SELECT ")
    chosen = survey.feature_set("all")
    table = read.read_detections("t.vot", survey, chosen).table
    assert by_name(table).equals(by_name(rows).cast(by_name(table).schema))


def test_a_wrong_command_line_exits_with_2(survey, xsift, quick):
    said = xsift("fetch", survey.name, "--out", "t.vot")
    assert said.status == 2
    assert "say which part of the catalogue: --cone, --names, --positions or --all" in said.err
    said = xsift("fetch", survey.name, "--all", "--cone", "0 0 1", "--out", "t.vot")
    assert (said.status, "--cone and --all: say only one" in said.err) == (2, True)


def test_the_query_is_shown_without_a_network(survey, xsift, quick):
    said = xsift("fetch", survey.name, "--show-query", "--cone", "0 0 1")
    assert said.status == 0
    (table,) = survey.query.tables.values()
    assert said.out.count(f'FROM "{table}" s') == 2  # across right ascension 0
    assert list(quick.iterdir()) == []


@pytest.mark.parametrize("name", ["csc20", "csc21"])
def test_a_chandra_release_is_fetched_by_its_name_too(archive, xsift, quick, name):
    said = xsift("fetch", name, "--cone", "0 0 2", "--url", archive.url, "--out", "a.parquet")
    assert said.status == 0, said.err
    release = surveys.load(name).release
    words = ("fetch", "csc", "--release", release, "--cone", "0 0 2", "--url", archive.url)
    assert xsift(*words, "--out", "b.parquet").status == 0
    assert pq.read_table("a.parquet").equals(pq.read_table("b.parquet"))


def test_a_survey_without_an_archive_says_so(archive, cache):
    bare = surveys.load("4xmm").without_query()
    with pytest.raises(
        SettingError, match=r"survey 4xmm has no archive: its profile has no \[query"
    ):
        fetched(archive, cache, bare, whole())


def test_run_fetches_a_cone_and_trains_on_simbad(archive, xsift, quick):
    survey = surveys.load("4xmm")
    table = sources(survey)
    archive.add(survey, table)
    archive.objects = {
        "main_id": [f"obj {i}" for i in range(200)],
        "ra": table["ra"].to_pylist(),
        "dec": table["dec"].to_pylist(),
        "otype": [("QSO", "AGN", "*", "X")[i % 4] for i in range(200)],
    }
    said = xsift(
        *("run", "4xmm", "--cone", "10 0 90", "--url", archive.url, "--simbad-url", archive.url),
        *("--method", "paper", "--clusters", 1, "--out", "out"),
    )
    assert said.status == 0, said.err
    assert "fetching detections of 4XMM" in said.err
    record = json.loads((quick / "out" / "run.json").read_text())
    assert record["settings"]["survey"] == "4xmm"
    assert record["counts"]["trained"] > 10


def test_an_archive_that_lacks_a_column_says_so(archive, cache):
    survey = surveys.load("erass1")
    table = sources(survey).drop_columns(["ml_flux_1"])
    archive.add(survey, table)
    with pytest.raises(ServiceError, match=r"no such column: s\.MLFlux1"):
        fetched(archive, cache, survey, whole())
