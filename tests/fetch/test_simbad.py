"""Types of known objects: found, kept with their separations, pinned, and set against chance."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import QUICK, ROWS, http_answer, refused, reset, sends

from xsift import read, surveys
from xsift.classes import candidate_of
from xsift.errors import ServiceError, SettingError, TableError, XsiftWarning
from xsift.fetch import Cache
from xsift.fetch import simbad as simbad_module
from xsift.fetch.simbad import Simbad, XMatch, fetch_objects
from xsift.pipeline.archive import parse, save_labels
from xsift.read import targets

RA, DEC = (np.array(ROWS[c]) for c in ("ra", "dec"))
PLACES = len({*zip(RA, DEC, strict=True)})


@pytest.fixture
def table(tmp_path):
    """A table of all detections, in Parquet."""
    path = tmp_path / "detections.parquet"
    pq.write_table(pa.table({c: ROWS[c] for c in ("name", "ra", "dec")}), path)
    return path


def matcher_of(archive, via):
    if via == "xmatch":
        return XMatch(parse, QUICK, archive.xmatch)
    return Simbad(parse, QUICK, via, archive.url)


@pytest.mark.parametrize("via", ["sync", "async", "xmatch"])
@pytest.mark.parametrize("radius", [0.6, 1.0])
def test_objects_near_positions(archive, cache, via, radius):
    """Every fourth source has an object 0.5 arcsec to the north and one 0.9 to the south."""
    objects = fetch_objects(matcher_of(archive, via), cache, RA, DEC, radius)
    assert len(objects.ra) == PLACES
    found = objects.table.to_pylist()
    each = 1 if radius == 0.6 else 2
    assert len(found) == each * len(ROWS["ra"][::8])
    for row in found:
        i = int(row["main_id"].split()[1])
        at = (objects.ra[row["asked"]], objects.dec[row["asked"]])
        assert at == (RA[8 * i], DEC[8 * i])
        assert row["separation"] == pytest.approx(
            0.9 if "faint" in row["main_id"] else 0.5, abs=1e-5
        )
    order = [(r["asked"], r["separation"]) for r in found]
    assert order == sorted(order)
    assert len(objects.vocabulary) == (0 if via == "xmatch" else 4)


def test_missing_positions_are_not_asked_about(archive, cache):
    ra, dec = np.r_[RA, np.nan, 10.0], np.r_[DEC, 10.0, np.nan]
    objects = fetch_objects(matcher_of(archive, "sync"), cache, ra, dec, 1.0)
    assert len(objects.ra) == PLACES
    with pytest.raises(TableError, match="no positions"):
        fetch_objects(matcher_of(archive, "sync"), cache, np.array([np.nan]), np.array([1.0]), 1)


def test_batches_are_put_together(archive, cache, tmp_path, monkeypatch):
    one = fetch_objects(matcher_of(archive, "sync"), cache, RA, DEC, 1.0)
    monkeypatch.setattr(simbad_module, "_BATCH", 17)
    cache = Cache(tmp_path / "other")
    some = fetch_objects(matcher_of(archive, "sync"), cache, RA, DEC, 1.0)
    assert some.table.equals(one.table)
    archive.limit = 5  # and those that the service cuts off are halved
    halves = fetch_objects(matcher_of(archive, "sync"), Cache(tmp_path / "third"), RA, DEC, 1.0)
    assert halves.table.equals(one.table)
    archive.limit = 1
    with pytest.raises(ServiceError, match="more objects around one position than the service"):
        fetch_objects(matcher_of(archive, "sync"), Cache(tmp_path / "fourth"), RA, DEC, 1.0)


def test_the_chance_rate_is_that_of_a_uniform_sky(archive, cache):
    """Objects strewn over a field at a known density: the rate is density times the area."""
    rng = np.random.default_rng(5)
    n, side, radius = 1500, 0.12, 3.0
    archive.objects = {
        "main_id": [f"o{i}" for i in range(n)],
        "ra": (100 + side * (rng.uniform(size=n) - 0.5)).tolist(),
        "dec": (side * (rng.uniform(size=n) - 0.5)).tolist(),
        "otype": ["*"] * n,
    }
    # Away from the field's rim by more than the shift.
    ra = 100 + 0.7 * side * (rng.uniform(size=300) - 0.5)
    dec = 0.7 * side * (rng.uniform(size=300) - 0.5)
    objects = fetch_objects(matcher_of(archive, "sync"), cache, ra, dec, radius)
    expected = 1 - np.exp(-n * np.pi * (radius / 3600) ** 2 / side**2)  # 0.203
    error = np.sqrt(expected * (1 - expected) / objects.n_shifted)
    assert objects.n_shifted == 1200
    # The shifted positions share one field of objects: twice the binomial error is allowed for.
    assert objects.chance_rate == pytest.approx(expected, abs=4 * 2 * error)


def test_no_position_is_shifted_onto_its_own_object(archive, cache):
    objects = fetch_objects(matcher_of(archive, "sync"), cache, RA, DEC, 1.0)
    assert objects.chance_rate == 0
    assert objects.n_shifted == 4 * PLACES


def labels(archive, cache, table, out, radius=1.0, via="sync", snapshot=None):
    matcher = matcher_of(archive, via) if archive else None
    return save_labels(out, table, matcher, cache, radius, snapshot)


@pytest.mark.parametrize("form", ["parquet", "vot", "fits"])
def test_the_file_serves_as_labels(archive, cache, table, tmp_path, form):
    out = tmp_path / f"known.{form}"
    about = labels(archive, cache, table, out)
    known = read.read_known(out, surveys.load("csc20")).table
    assert set(known["label"].to_pylist()) == {"QSO", "Y*?", "Sy1", "LP?"}
    assert known.num_rows == int(about["objects"])
    rows, _ = read.read_table(out)
    first = {r["name"]: r for r in rows.to_pylist() if r["rank"] == 1}
    assert len(first) == int(about["with_object"])
    for row in first.values():
        assert row["separation"] == pytest.approx(0.5, abs=1e-5)
        expected = {"Y*?": "Y*O", "LP?": "LP*"}.get(row["otype"])
        assert (row["candidate_of"] or None) == expected
        assert row["otype_label"] in ("QSO", "YSO_Candidate", "Seyfert1", "LongPeriodV*_Candidate")
    assert sorted(rows["rank"].to_pylist()) == sorted([1, 2] * len(first))
    pinned = json.loads((tmp_path / "known.otypes.json").read_text())
    assert {t["otype"] for t in pinned["otypedef"]} == {"QSO", "Y*?", "Sy1", "LP?"}
    assert pinned["fetched"] == about["fetched"]


def test_a_snapshot_gives_the_same_labels_for_ever(archive, cache, table, tmp_path):
    snapshot = tmp_path / "simbad-2026.parquet"
    labels(archive, cache, table, tmp_path / "a.parquet", snapshot=snapshot)
    archive.objects["otype"] = ["*"] * len(archive.objects["otype"])  # SIMBAD changes its mind
    n = len(archive.asked)
    labels(None, cache, table, tmp_path / "b.parquet", snapshot=snapshot)
    assert len(archive.asked) == n
    a, b = (pq.read_table(tmp_path / f"{x}.parquet") for x in "ab")
    assert a.equals(b)
    pinned = [json.loads((tmp_path / f"{x}.otypes.json").read_text()) for x in "ab"]
    assert pinned[0] == pinned[1]


def test_a_snapshot_answers_for_a_part_and_a_smaller_radius_and_nothing_else(
    archive, cache, table, tmp_path
):
    snapshot = tmp_path / "s.parquet"
    labels(archive, cache, table, tmp_path / "a.parquet", snapshot=snapshot)
    some = tmp_path / "some.parquet"
    pq.write_table(pq.read_table(table).slice(7, 60), some)
    labels(None, cache, some, tmp_path / "part.parquet", radius=0.6, snapshot=snapshot)
    labels(archive, cache, some, tmp_path / "direct.parquet", radius=0.6)
    part, direct = (pq.read_table(tmp_path / f"{x}.parquet") for x in ("part", "direct"))
    assert part.equals(direct)
    with pytest.raises(SettingError, match="holds objects within 1 arcsec"):
        labels(None, cache, some, tmp_path / "b.parquet", radius=2.0, snapshot=snapshot)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"ra": [1.0, RA[0]], "dec": [2.0, DEC[0]]}), other)
    with pytest.raises(TableError, match="1 of 2 positions of the table are not in this snapshot"):
        labels(None, cache, other, tmp_path / "b.parquet", snapshot=snapshot)
    with pytest.raises(TableError, match="not a snapshot of SIMBAD that xsift wrote"):
        labels(None, cache, other, tmp_path / "b.parquet", snapshot=table)


def test_without_a_vocabulary_the_types_stay(archive, cache, table, tmp_path):
    archive.db.execute("DROP TABLE otypedef")
    with pytest.warns(XsiftWarning, match="vocabulary of types cannot be had, and is not pinned"):
        labels(archive, cache, table, tmp_path / "known.parquet")
    rows = pq.read_table(tmp_path / "known.parquet").to_pylist()
    assert {r["candidate_of"] for r in rows if r["otype"] == "Y*?"} == {"Y*O"}
    assert {r["otype_label"] for r in rows} == {None}


def test_answers_are_used_for_a_day(archive, cache, table, tmp_path, monkeypatch):
    labels(archive, cache, table, tmp_path / "a.parquet")
    n = len(archive.asked)
    labels(archive, cache, table, tmp_path / "a.parquet")
    assert len(archive.asked) == n
    assert timedelta(days=1) == simbad_module._MAX_AGE
    monkeypatch.setattr(simbad_module, "_MAX_AGE", timedelta(seconds=-1))
    labels(archive, cache, table, tmp_path / "a.parquet")
    assert len(archive.asked) == 2 * n


def test_nothing_found_is_a_table_without_rows(archive, cache, tmp_path):
    path = tmp_path / "far.parquet"
    pq.write_table(pa.table({"ra": [10.0], "dec": [40.0]}), path)
    about = labels(archive, cache, path, tmp_path / "k.vot")
    assert (about["positions"], about["with_object"], about["objects"]) == ("1", "0", "0")
    assert read.read_table(tmp_path / "k.vot")[0].num_rows == 0


def test_an_answer_about_something_else_is_refused(archive, cache):
    match = archive._match
    archive._match = lambda *a: match(*a).set_column(0, "asked", pa.array([10**6] * 60))
    with pytest.raises(ServiceError, match="positions that were not asked about"):
        fetch_objects(matcher_of(archive, "sync"), cache, RA, DEC, 1.0)


def test_a_refused_upload_is_one_line(archive, cache):
    archive.answer = lambda form, upload: (400, refused("Would only accept 0 bytes of upload"))
    with pytest.raises(ServiceError, match="refuses the query: Would only accept 0 bytes"):
        fetch_objects(matcher_of(archive, "sync"), cache, RA, DEC, 1.0)


def test_candidates():
    assert candidate_of("LX?") == "LXB"
    assert candidate_of("LXB") is None
    assert candidate_of("zz?") == "zz"
    assert candidate_of("zz?", "Seyfert1_Candidate") == "Sy1"


def test_positions_of_a_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("RA,Dec,name\n10,20,a\n,5,b\n10,-91,c\n")
    with pytest.warns(XsiftWarning) as said:
        ra, dec, names = targets.positions_of(path)
    assert np.isnan(ra).tolist() == np.isnan(dec).tolist() == [False, True, True]
    assert names == ["a", "b", "c"]
    assert [str(w.message) for w in said] == [
        f"{path}: rows not asked about: 1 without a position and 1 with an impossible one (row 3: "
        "ra 10, dec -91; allowed are ra 0 to 360 or a turn away, dec -90 to 90, deg), of 3"
    ]


def test_right_ascensions_are_taken_modulo_360(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ra,dec\n-10.68,41.27\n370,5\n0,0\n360,1\n12.5,1\n")
    with pytest.warns(XsiftWarning, match=r"ra: 2 of 5 values are taken modulo 360 \(row 1: -10"):
        ra, dec, _ = targets.positions_of(path)
    assert ra.tolist() == [pytest.approx(349.32), 10, 0, 360, 12.5]
    assert dec.tolist() == [41.27, 5, 0, 1, 1]


def test_all_of_a_list_may_be_west_of_zero(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ra,dec\n-1,0\n-2,0\n")
    with pytest.warns(XsiftWarning, match="ra: 2 of 2 values are taken modulo 360"):
        assert targets.positions_of(path)[0].tolist() == [359, 358]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (",\nnan,3\n", "no row has a position: 2 without a position, of 2"),
        ("-999,3\n,\n", "1 without a position and 1 with an impossible one (row 1: ra -999, dec 3"),
        (
            "10,-91\n",
            "1 with an impossible one (row 1: ra 10, dec -91; allowed are ra 0 to 360 or a turn",
        ),
    ],
)
def test_a_list_without_positions(tmp_path, rows, said):
    path = tmp_path / "t.csv"
    path.write_text("ra,dec\n" + rows)
    with pytest.raises(TableError) as error:
        targets.positions_of(path)
    assert said in str(error.value)


def test_rows_without_a_name_are_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,ra\na,1\n,2\nb,3\n")
    with pytest.warns(XsiftWarning, match=r"rows without a name: 1 of 3 \(not asked about\)"):
        assert targets.values_of(path, "name") == ["a", "b"]


@pytest.mark.remote
@pytest.mark.parametrize("via", ["tap", "xmatch"])
def test_simbad_itself(via, tmp_path):
    """3C 273, by both services."""
    matcher = Simbad(parse) if via == "tap" else XMatch(parse)
    ra, dec = np.array([187.27792]), np.array([2.05239])
    objects = fetch_objects(matcher, Cache(tmp_path), ra, dec, 2.0)
    assert "3C 273" in " ".join(objects.table["main_id"].to_pylist())


@pytest.mark.parametrize("via", ["sync", "xmatch"])
@pytest.mark.parametrize("fault", ["reset", "half", "html"])
def test_faults_of_the_network(archive, proxy, cache, via, fault):
    """The upload is sent again where a fault may pass; what stays leaves nothing behind."""
    faults = {
        "reset": reset,
        "half": sends(lambda c: http_answer(c[: len(c) // 2])),
        "html": sends(lambda c: http_answer(b"<html><title>Down</title></html>")),
    }
    url = proxy.url if via == "sync" else proxy.url.replace("/tap", "/xmatch")
    matcher = XMatch(parse, QUICK, url) if via == "xmatch" else Simbad(parse, QUICK, via, url)
    proxy.always = faults[fault]
    with pytest.raises(ServiceError, match=r"\(tried 3 times\)"):
        fetch_objects(matcher, cache, RA, DEC, 1.0)
    assert not list(cache.folder.glob("*"))
    proxy.always = None
    proxy.faults.extend([faults[fault]] * 2)
    survived = fetch_objects(matcher, cache, RA, DEC, 1.0)
    direct = fetch_objects(matcher_of(archive, via), cache, RA, DEC, 1.0)
    assert survived.table.equals(direct.table)
