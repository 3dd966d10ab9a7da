"""`--format hats`: the tables of a catalogue, of memory or of a stream, as LSDB reads them."""

import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xsift as package
from xsift.errors import OutputError, SettingError, XsiftWarning
from xsift.pipeline.stream import classify_stream
from xsift.write.hats import INDEX

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

N = 400
PARTS = {"rows": 90, "bucket_rows": 120}


@pytest.fixture(scope="module")
def table(table_of):
    """Detections over the whole sky, at a pole and at RA 0; some have no position."""
    rng = np.random.default_rng(2)
    found = table_of(N).drop_columns(["label"]).append_column("region_id", pa.array(range(N)))
    # Both detections of a source lie within arcsec.
    ra = np.repeat(rng.uniform(0, 360, N // 2), 2)
    dec = np.repeat(np.degrees(np.arcsin(rng.uniform(-1, 1, N // 2))), 2)
    ra[:40], dec[:40] = rng.uniform(0, 360, 40), 89.9999
    ra[40:80] = rng.uniform(-2, 2, 40) / 3600 % 360
    dec[40:80] = np.repeat(rng.uniform(-1, 1, 20), 2)
    gone = np.arange(N) >= N - 10
    found = found.set_column(2, "ra", pa.array(ra, mask=gone))
    return found.set_column(3, "dec", pa.array(dec, mask=gone))


@pytest.fixture(scope="module")
def catalogue(table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        return package.classify(table, "csc20", keep="region_id")


@pytest.fixture(scope="module")
def streamed(table, tmp_path_factory):
    """A folder that a stream wrote, with HATS beside."""
    folder = tmp_path_factory.mktemp("streamed")
    (folder / "many").mkdir()
    for start in range(0, N, 130):
        pq.write_table(table.slice(start, 130), folder / f"many/{start:03d}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        settings = package.Settings(keep=("region_id",))
        classify_stream(
            folder / "many", "csc20", settings, folder / "out", ("parquet", "hats"), **PARTS
        )
    return folder / "out"


def rows_of(folder, stem):
    """The rows of a HATS catalogue: from its partitions, and from LSDB."""
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    found = lsdb.open_catalog(folder / "hats" / stem)
    assert found.margin is not None
    return pd.DataFrame(found.compute(progress_bar=False))


def by_key(frame):
    keys = [k for k in ("name", "obsid", "region_id") if k in frame]
    return frame.sort_values(keys).reset_index(drop=True)


def assert_whole(folder, catalogue):
    for stem in ("detections", "sources"):
        table = getattr(catalogue, stem)
        wanted = table.replace_schema_metadata(None).to_pandas(types_mapper=pd.ArrowDtype)
        wanted = wanted[wanted["ra"].notna()]
        assert 0 < len(wanted) < len(table)
        found = rows_of(folder, stem)
        pd.testing.assert_frame_equal(by_key(found), by_key(wanted), check_exact=True)
        for path in (folder / "hats" / stem).rglob("Npix=*.parquet"):
            schema = pq.read_schema(path)
            assert schema.names == [INDEX, *table.column_names]
            for field in table.schema:
                assert (schema.field(field.name).metadata or {}) == (field.metadata or {})


def test_a_stream_writes_what_is_in_its_tables(streamed, catalogue):
    assert_whole(streamed, catalogue)
    assert sorted(p.name for p in streamed.iterdir()) == [
        "detections",
        "hats",
        "model.asdf",
        "run.json",
        "sources",
        "xsift-files.json",
    ]


def test_what_hats_cannot_hold_is_counted_and_said(streamed, catalogue, tmp_path):
    with pytest.warns(XsiftWarning) as caught:
        catalogue.write(tmp_path, formats=("hats",))
    notes = [
        f"{stem}: {n} of {all_} rows have no position: they are in the Parquet table, and not in "
        "HATS"
        for stem, n, all_ in (("sources", 5, 200), ("detections", 10, 400))
    ]
    assert [str(w.message) for w in caught] == notes
    for folder in (tmp_path, streamed):
        record = json.loads((folder / "run.json").read_text())
        assert record["warnings"][-2:] == notes
        said = record["hats"]
        assert said["sources"] == {
            "rows": 195,
            "without_position": 5,
            "partitions": 12,
            "margin_arcsec": 30,
        }
        assert (said["detections"]["rows"], said["detections"]["without_position"]) == (390, 10)
        listed = json.loads((folder / "xsift-files.json").read_text())["files"]
        hats = {str(p.relative_to(folder)) for p in (folder / "hats").rglob("*") if p.is_file()}
        assert hats <= set(listed)
    assert_whole(tmp_path, catalogue)


def test_the_properties_say_what_it_is(streamed):
    lines = (streamed / "hats/detections/detections/hats.properties").read_text().splitlines()
    record = json.loads((streamed / "run.json").read_text())
    for line in (
        "obs_title=many: detections, classified by xsift",
        "dataproduct_type=source",
        f"xsift_run_id={record['run_id']}",
        f"xsift_model_id={record['model']['model_id']}",
        "hats_col_ra=ra",
    ):
        assert line in lines
    assert (
        "dataproduct_type=object"
        in (streamed / "hats/sources/sources/hats.properties").read_text().splitlines()
    )


def test_a_source_over_an_edge_is_found_whole(streamed, catalogue):
    """A source's detections may lie in two partitions: with the margin each finds the other."""
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    sources = lsdb.open_catalog(streamed / "hats/sources")
    detections = lsdb.open_catalog(streamed / "hats/detections")
    found = sources.crossmatch(
        detections,
        radius_arcsec=10,
        n_neighbors=200,
        suffixes=("", "_d"),
        suffix_method="all_columns",
    ).compute(progress_bar=False)
    own = found[found["name"] == found["name_d"]]
    n = own.groupby("name").size()
    assert (n == 2).all()
    assert len(n) == 195
    places = {}
    for pixel in detections.get_healpix_pixels():
        part = detections.get_partition(pixel.order, pixel.pixel).compute(progress_bar=False)
        for name in part["name"]:
            places.setdefault(name, set()).add(pixel)
    assert sum(len(found) > 1 for found in places.values()) > 10


def test_a_catalogue_with_hats_is_read_as_any_other(streamed, catalogue):
    opened = package.open_catalogue(streamed)
    assert opened.sources.equals(catalogue.sources)
    assert "hats" in opened.record


def test_hats_of_an_earlier_run_goes_and_another_ones_is_refused(catalogue, tmp_path):
    with pytest.warns(XsiftWarning, match="no position"):
        catalogue.write(tmp_path, formats=("hats",))
    with pytest.warns(XsiftWarning, match="no position"):
        package.open_catalogue(tmp_path).write(tmp_path / "again", formats=("hats",))
    assert (tmp_path / "again/hats/sources/collection.properties").exists()
    catalogue.write(tmp_path, formats=("parquet",))
    assert not (tmp_path / "hats").exists()
    mine = tmp_path / "hats/detections/detections/dataset/Norder=0/Dir=0/Npix=3.parquet"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"Npix=3\.parquet is not xsift's, and the result would"):
        catalogue.write(tmp_path, formats=("hats",))
    assert mine.read_bytes() == b"mine"


def test_a_catalogue_without_positions(table, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        found = package.classify(table.drop_columns(["ra", "dec"]), "csc20")
    with pytest.warns(XsiftWarning, match="of [24]00 rows have no position"):
        found.write(tmp_path, formats=("hats",))
    assert not (tmp_path / "hats").exists()
    assert json.loads((tmp_path / "run.json").read_text())["hats"]["sources"]["rows"] == 0


def test_the_command_line(xsift, table, tmp_path):
    pq.write_table(table, tmp_path / "t.parquet")
    words = ("classify", tmp_path / "t.parquet", "--model", "csc20", "--out")
    with pytest.warns(XsiftWarning, match="not in HATS"):
        said = xsift(*words, tmp_path / "out", "--format", "hats", "--json")
    assert said.status == 0
    assert json.loads(said.out)["hats"]["detections"]["rows"] == 390
    assert (tmp_path / "out/hats/sources/collection.properties").exists()
    assert not (tmp_path / "out/sources.vot").exists()
    said = xsift(*words, tmp_path / "no", "--format", "lance")
    assert said.status == 2
    assert "--format lance: allowed are parquet, votable, fits, csv, hats" in said.err
    words = ("vote", tmp_path / "out/detections.parquet", "--out", tmp_path / "v")
    with pytest.warns(XsiftWarning, match="sources: 5 of 200 rows"):
        assert xsift(*words, "--format", "hats").status == 0
    assert [p.name for p in (tmp_path / "v/hats").iterdir()] == ["sources"]


def test_other_formats_of_a_stream_are_refused(streamed, table, tmp_path):
    (tmp_path / "many").mkdir()
    pq.write_table(table, tmp_path / "many/a.parquet")
    said = "in parts, which are written as Parquet and HATS alone: leave formats out, or give form"
    with pytest.raises(SettingError, match=said):
        classify_stream(
            tmp_path / "many", "csc20", package.Settings(), tmp_path / "o", ("csv",), **PARTS
        )
