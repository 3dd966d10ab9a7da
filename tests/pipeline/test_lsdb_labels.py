"""Known objects that are a catalogue of LSDB, a HATS folder, or a folder of Parquet files."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xsift
from xsift.errors import TableError
from xsift.read import lsdb_catalogue
from xsift.write.hats import in_one, write_hats

lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")


def catalogue(table, ra="ra", dec="dec"):
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return lsdb.from_dataframe(frame, ra_column=ra, dec_column=dec, catalog_name="mine")


@pytest.fixture(scope="module")
def known(small_table):
    known = small_table.select(["name", "ra", "dec", "label"])
    return known.filter(known["label"].is_valid()).rename_columns(["name", "ra", "dec", "otype"])


@pytest.mark.parametrize("match", ["sky", "name"])
def test_labels_as_a_catalogue_and_as_its_folder(small_table, known, tmp_path, match):
    table, settings = small_table.drop_columns(["label"]), {"match": match, "seed": 1}
    settings |= {"method": "paper", "clusters": 2}
    wanted = xsift.run(table, known, **settings)
    far = known.append_column("far", pa.array([[1.0, 2.0]] * len(known)))
    names = ["name", "RA_ICRS", "DE_ICRS", "otype", "far"]
    far = far.rename_columns(names)
    cat = catalogue(far, "RA_ICRS", "DE_ICRS")
    (tmp_path / "rows").mkdir()
    write_hats(in_one(known), tmp_path / "in", "x", tmp_path / "rows", "object", {}, 20)
    for given in (cat, tmp_path / "in"):
        found = xsift.run(table, given, **settings)
        for one, other in (
            (found.detections, wanted.detections),
            (found.sources, wanted.sources),
        ):
            skip = ["model_id"]  # of the training's record, which names the labels
            assert one.drop_columns(skip).equals(other.drop_columns(skip))
    assert xsift.run(table, cat, **settings).model.training.labels == (
        "the LSDB catalogue mine of labels"
    )


def test_labels_of_a_folder_or_a_pattern_at_the_command_line(xsift, files, known, tmp_path):
    (tmp_path / "known").mkdir()
    for k in (0, 1):
        pq.write_table(known.slice(k * 160, 160), tmp_path / f"known/{k}.parquet")
    words = ("run", files / "table.parquet", "--method", "paper", "--clusters", "2", "--json")
    for given in (tmp_path / "known", tmp_path / "known/*.parquet"):
        said = xsift(*words, "--labels", given, "--out", tmp_path / "out")
        assert said.status == 0, said.err
        assert json.loads(said.out)["counts"]["known_objects"] == len(known)
    said = xsift(*words, "--labels", tmp_path / "none*.parquet", "--out", tmp_path / "out")
    assert (said.status, "no file has such a name" in said.err) == (1, True)


def test_labels_past_the_limit(small_table, known, tmp_path, monkeypatch):
    table = small_table.drop_columns(["label"])
    (tmp_path / "rows").mkdir()
    write_hats(in_one(known), tmp_path / "in", "x", tmp_path / "rows", "object", {}, 20)
    for module in (lsdb_catalogue, xsift.read.known):
        monkeypatch.setattr(module, "MOST_ROWS", 100)
    said = "and known objects are held in memory"
    with pytest.raises(TableError, match=f"mine of labels: more than 100 rows, {said}: choose"):
        xsift.run(table, catalogue(known))
    with pytest.raises(TableError, match=rf"{len(known)} rows, {said}, 100 at most: choose"):
        xsift.run(table, tmp_path / "in")


def fails(frame):
    raise OSError("the disk has gone")


def test_labels_that_cannot_be_computed(small_table, known):
    broken = catalogue(known)
    broken = broken.map_partitions(fails, meta=broken.meta)
    with pytest.raises(
        TableError, match=r"mine of labels: cannot be computed: .*the disk has gone"
    ):
        xsift.run(small_table, broken)
