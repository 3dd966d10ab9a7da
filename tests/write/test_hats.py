"""HATS as the libraries read it: every placed row once, margins as LSDB makes them, and what is
said of the columns."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from xsift.errors import MissingPackageError
from xsift.surveys.columns import Column, with_metadata
from xsift.write.hats import INDEX, MARGIN, in_one, read_parts, write_hats

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

POSITIONS = st.lists(
    st.tuples(
        st.floats(0, 360) | st.none() | st.sampled_from([0.0, 360.0]),
        st.floats(-90, 90) | st.none() | st.sampled_from([-90.0, 90.0]),
    ),
    max_size=40,
)


def sky(n=500, seed=1):
    """Rows over the whole sky, among them pairs 4 arcsec apart: at poles, at RA 0, anywhere."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    k = n // 10
    ra[:k], dec[:k] = rng.uniform(0, 360, k), 90 - rng.uniform(0, 2, k) / 3600
    ra[k : 2 * k], dec[k : 2 * k] = rng.uniform(-2, 2, k) / 3600 % 360, rng.uniform(-1, 1, k)
    table = pa.table({"name": [f"S {i}" for i in range(n)], "ra": ra, "dec": dec, "kt": ra})
    said = {"kt": Column("kt", "keV", "phys.temperature", "Temperature")}
    return with_metadata(table, said)


def written(table, folder, rows=60, n_parts=3, **said):
    """Write a table in parts; return its catalogue's folder and what became of it."""
    scratch = Path(tempfile.mkdtemp(dir=folder))
    step = -(-len(table) // n_parts) or 1
    paths = []
    for start in range(0, len(table) or 1, step):
        paths.append(scratch / f"part: {start}.parquet")
        with open(paths[-1], "wb") as file:
            pq.write_table(table.slice(start, step), file)
    cut = write_hats(read_parts(paths), folder / "made", "x", scratch, "object", said, rows)
    return folder / "made" / "x", cut


def partitions(folder):
    found = {}
    for path in folder.rglob("Npix=*.parquet"):
        order, _, pixel = (int(part.split("=")[1].split(".")[0]) for part in path.parts[-3:])
        found[order, pixel] = pq.read_table(path, partitioning=None)
    return found


@settings(max_examples=20)
@given(POSITIONS, st.integers(1, 20))
def test_partitions_hold_each_placed_row_once(rows, most):
    ra, dec = (pa.array([row[k] for row in rows], pa.float64()) for k in (0, 1))
    table = pa.table({"ra": ra, "dec": dec, "n": pa.array(range(len(rows)), pa.int64())})
    with tempfile.TemporaryDirectory() as folder:
        top, cut = written(table, Path(folder), most)
        found = partitions(top)
    seen = [n for part in found.values() for n in part["n"].to_pylist()]
    assert sorted(seen) == [i for i, row in enumerate(rows) if None not in row]
    assert (cut.rows, cut.without_position) == (len(seen), len(rows) - len(seen))
    assert cut.partitions == len(found)
    for (order, number), part in found.items():
        cells = part[INDEX].to_numpy()
        assert (np.diff(cells) >= 0).all()
        assert (cells >> 2 * (29 - order) == number).all()
        assert len(part) <= most or len(np.unique(cells >> 2 * (29 - 8))) == 1
        # The oracle of the cell: MOC's own geometry.
        moc = MOC.from_string(f"{order}/{number}")
        at = part["ra"].to_numpy() % 360 * u.deg, part["dec"].to_numpy() * u.deg
        assert moc.contains_lonlat(*at).all()
    for order, number in found:  # no partition inside another
        for up in range(1, order + 1):
            assert (order - up, number >> 2 * up) not in found


def test_the_library_finds_it_valid_and_lsdb_opens_it(tmp_path, caplog):
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    from hats.io.validation import is_valid_catalog

    table = sky()
    top, _ = written(table, tmp_path)
    assert is_valid_catalog(top, strict=True), caplog.text
    assert is_valid_catalog(top.parent, strict=True), caplog.text
    opened = lsdb.open_catalog(top.parent)
    found = opened.compute(progress_bar=False).sort_values("name").reset_index(drop=True)
    wanted = table.sort_by("name").to_pandas(types_mapper=pd.ArrowDtype)
    pd.testing.assert_frame_equal(pd.DataFrame(found), wanted, check_exact=True)
    assert opened.hc_structure.catalog_info.total_rows == len(table)


def test_partitions_and_margins_are_those_of_lsdb(tmp_path):
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    table, rows = sky(), 60
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    oracle = lsdb.from_dataframe(
        frame,
        catalog_name="x",
        highest_order=8,
        partition_rows=rows,
        margin_threshold=MARGIN,
        drop_empty_siblings=False,
    )
    top, _ = written(table, tmp_path, rows)
    margin = partitions(top.with_name("x_30arcs"))
    for found, other in ((partitions(top), oracle), (margin, oracle.margin)):
        assert len(found) >= 5
        assert set(found) == {(p.order, p.pixel) for p in other.get_healpix_pixels()}
        for (order, pixel), part in found.items():
            wanted = other.get_partition(order, pixel).compute(progress_bar=False)
            assert sorted(part["name"].to_pylist()) == sorted(wanted["name"])
    n_beside = sum(len(part) for part in margin.values())
    assert n_beside > 50  # those at the poles alone are in several


def test_a_match_over_an_edge_a_pole_and_ra_0_is_found(tmp_path):
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    top, _ = written(sky(), tmp_path)
    table = sky()
    dec, ra = table["dec"].to_numpy(), table["ra"].to_numpy()
    beside = pa.table({"ra": (ra + 180) % 360, "dec": dec, "name": table["name"]}).slice(0, 50)
    across = pa.table({"ra": (-ra) % 360, "dec": dec, "name": table["name"]}).slice(50, 50)
    frame = pa.concat_tables([beside, across]).to_pandas(types_mapper=pd.ArrowDtype)
    mirrored = lsdb.from_dataframe(frame, partition_rows=1000, margin_threshold=None)
    right = lsdb.open_catalog(top.parent)
    found = mirrored.crossmatch(
        right, radius_arcsec=5, n_neighbors=100, suffixes=("_m", ""), suffix_method="all_columns"
    )
    pairs = found.compute(progress_bar=False)
    assert set(frame["name"]) <= {
        m for m, name in zip(pairs["name_m"], pairs["name"], strict=True) if m == name
    }


def test_units_stay_in_every_file(tmp_path):
    top, _ = written(sky(), tmp_path)
    for folder in (top, top.with_name("x_30arcs")):
        names = [*folder.rglob("Npix=*.parquet"), *folder.glob("dataset/_*metadata")]
        assert len(names) > 6
        for path in names:
            said = pq.read_schema(path).field("kt").metadata
            assert [said[key] for key in (b"unit", b"ucd")] == [b"keV", b"phys.temperature"]
            assert said[b"description"] == b"Temperature"


HOSTILE = {
    "an escape": ("a \\u12 \\n \\q title", "a \\u12 \\n \\q title"),
    "a line that goes on": ("ends in \\", "ends in \\"),
    "lines and control characters": ("two\nlines \x1b[31m", "two lines [31m"),
    "bytes that are no text": ("from \udcff a shell", "from a shell"),
    "marks of a file of properties": ("# a = b: é!", "# a = b: é!"),
    "a property of its own": ("x\nhats_col_ra=dec\r\nobs_title=y", "x hats_col_ra=dec obs_title=y"),
}


@pytest.mark.parametrize(("title", "read"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_title_stays_one_line_of_text(tmp_path, title, read):
    import hats

    top, _ = written(sky(20), tmp_path, obs_title=title, obs_description=title)
    for name in ("hats.properties", "properties"):
        lines = (top / name).read_text("utf-8").splitlines()
        assert sum(line.startswith("hats_col_ra=") for line in lines) == 1
    info = hats.read_hats(top).catalog_info
    assert (info.obs_title, info.obs_description, info.ra_column) == (read, read, "ra")


def test_a_cell_may_hold_more_than_a_partition_and_the_others_do_not(tmp_path):
    deep = pa.table({"ra": np.full(50, 10.0), "dec": np.full(50, 20.0)})
    table = pa.concat_tables([sky(300).select(["ra", "dec"]), deep])
    found = partitions(written(table, tmp_path, rows=20)[0])
    (most,) = [key for key, part in found.items() if len(part) > 20]
    assert len(found[most]) >= 50
    assert {order for order, _ in found} <= set(range(9))


def test_rows_of_a_cell_keep_their_order(tmp_path):
    n = 90
    table = pa.table({"ra": np.full(n, 10.0), "dec": np.full(n, 20.0), "n": np.arange(n)})
    (part,) = partitions(written(table, tmp_path)[0]).values()
    assert part["n"].to_pylist() == list(range(n))


def test_nothing_is_written_without_a_position(tmp_path):
    table = pa.table({"ra": pa.nulls(3, pa.float64()), "dec": [1.0, 2.0, 3.0]})
    for given_ in (table, table.drop_columns(["ra"]), table.slice(0, 0)):
        cut = write_hats(in_one(given_), tmp_path / "made", "x", tmp_path, "object", {})
        assert (cut.rows, cut.without_position, cut.partitions) == (0, len(given_), 0)
    assert not list(tmp_path.iterdir())


def test_an_index_of_an_earlier_hats_is_made_anew(tmp_path):
    table = sky(20).append_column(INDEX, pa.array(range(20)))
    table = table.append_column("word", pa.array(["a", "b"] * 10).dictionary_encode())
    part, *_ = partitions(written(table, tmp_path)[0]).values()
    assert part.column_names == [INDEX, "name", "ra", "dec", "kt", "word"]
    assert part.schema.field("word").type == pa.string()
    assert (np.diff(part[INDEX].to_numpy()) >= 0).all()


def test_without_hats_it_says_what_to_install(tmp_path, without):
    without("hats")
    with pytest.raises(MissingPackageError, match=r"cannot write HATS: hats is not installed"):
        write_hats(in_one(sky(3)), tmp_path, "x", tmp_path, "object", {})
