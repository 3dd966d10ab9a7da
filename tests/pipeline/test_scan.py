"""The scan over K: its table, its figure, its advice; stopped and resumed."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings
from xsift.mixture.choose_k import fit_restarts
from xsift.pipeline.scaled import scaled
from xsift.pipeline.scan import scan_k
from xsift.read import parts_of


@pytest.fixture(scope="module")
def table(tmp_path_factory, small_table):
    path = tmp_path_factory.mktemp("scan") / "table.parquet"
    pq.write_table(small_table, path)
    return path


def test_the_command(xsift, table, tmp_path):
    said = xsift("scan", table, "--out", tmp_path, "--k-max", 5, "--restarts", 2)
    assert said.status == 0
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["scan.csv", "scan.json", "scan.parquet", "scan.png", "xsift-files.json"]
    assert (tmp_path / "scan.png").read_bytes().startswith(b"\x89PNG")
    fits = pq.read_table(tmp_path / "scan.parquet")
    assert fits["k"].to_pylist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    # The table was drawn from four Gaussians.
    bic = np.array(fits["bic"].to_pylist()).reshape(5, 2).min(axis=1)
    assert bic.argmin() + 1 == 4
    assert "BIC is lowest at K = 4" in said.out
    assert json.loads((tmp_path / "scan.json").read_text())["advice"] in said.out


def test_columns_by_other_names(xsift, small_table, table, tmp_path):
    names = ["HS" if n == "hard_hs" else n for n in small_table.column_names]
    pq.write_table(small_table.rename_columns(names), tmp_path / "t.parquet")
    found = []
    for path, more in ((table, ()), (tmp_path / "t.parquet", ("--column", "hard_hs=HS"))):
        out = tmp_path / path.stem
        said = xsift("scan", path, "--out", out, "--k-max", 2, "--restarts", 1, *more)
        assert said.status == 0, said.err
        found.append(pq.read_table(out / "scan.parquet"))
    assert found[0].equals(found[1])


def test_it_goes_on_where_it_stopped(table, tmp_path):
    class Stop(Exception):
        pass

    def stop_in_the_fourth(done, total):
        if done > 2 * (1 + 2 + 3):
            raise Stop

    with pytest.raises(Stop):
        scan_k(table, tmp_path, 5, 2, advance=stop_in_the_fourth)
    part = tmp_path / ".parts" / "scan.parquet"
    assert set(pq.read_table(part)["k"].to_pylist()) == {1, 2, 3}
    assert not (tmp_path / "scan.parquet").exists()
    told = []
    resumed = scan_k(table, tmp_path, 5, 2, advance=lambda done, total: told.append(done))
    assert resumed.n_resumed == 6
    assert told[0] == 12
    assert not part.parent.exists()
    whole = scan_k(table, tmp_path / "new", 5, 2)
    assert whole.n_resumed == 0
    assert resumed.table().equals(whole.table())


def test_two_processes_give_the_same_fits(table, tmp_path):
    one, told = scan_k(table, tmp_path / "one", 4, 3), []
    two = scan_k(table, tmp_path / "two", 4, 3, advance=lambda *said: told.append(said), workers=2)
    assert two.table().equals(one.table())
    assert (told[0], told[-1], len(told)) == ((0, 30), (30, 30), 5)
    assert told == sorted(told)
    assert scan_k(table, tmp_path / "two", 5, 3).n_resumed == 12


def test_another_table_is_not_resumed(table, tmp_path, small_table):
    scan_k(table, tmp_path, 2, 2)
    other = tmp_path / "other.parquet"
    pq.write_table(small_table.slice(0, 500), other)
    assert scan_k(other, tmp_path, 2, 2).n_resumed == 0
    assert scan_k(other, tmp_path, 2, 3).n_resumed == 0


def test_a_stopped_scan_leaves_the_earlier_one_whole(table, tmp_path, small_table):
    class Stop(Exception):
        pass

    def stop_in_the_second(done, total):
        if done > 2:
            raise Stop

    scan_k(table, tmp_path, 2, 2)
    before = {p.name: p.read_bytes() for p in tmp_path.glob("scan.*")}
    other = tmp_path / "other.parquet"
    pq.write_table(small_table.slice(0, 500), other)
    with pytest.raises(Stop):
        scan_k(other, tmp_path, 2, 2, advance=stop_in_the_second)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("scan.*")} == before
    assert scan_k(other, tmp_path, 2, 2).n_resumed == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--k-max", "0"), 2, "--k-max is 1 to 200"),
        (("--restarts", "0"), 2, "--restarts 1 to 1000"),
        (("--k-max", "200"), 1, "too few for 200 clusters"),
    ],
)
def test_bad_numbers(xsift, tmp_path, small_table, arguments, status, message):
    pq.write_table(small_table.slice(0, 100), tmp_path / "t.parquet")
    said = xsift("scan", tmp_path / "t.parquet", "--out", tmp_path / "o", *arguments)
    assert (said.status, message in said.err) == (status, True)


@pytest.mark.slow
def test_the_shape_of_the_published_curves(real, tmp_path):
    """BIC keeps falling, its fall flattens, the silhouette drops (paper, section 3)."""
    scan = scan_k(real("csc20_detections.parquet"), tmp_path, 12)
    ks = np.arange(1, 13)
    bic = np.array([min(f.bic for f in scan.fits if f.k == k) for k in ks])
    silhouette = np.array([np.mean([f.silhouette for f in scan.fits if f.k == k]) for k in ks])
    assert (np.diff(bic) < 0).all()
    gain = -np.diff(bic)
    assert gain[:3].mean() > 3 * gain[-4:].mean()
    assert silhouette[1] > 2 * silhouette[5:].max()
    assert "BIC keeps falling up to K = 12" in scan.advice


def test_what_the_reader_warns_of_is_in_the_record(xsift, tmp_path, small_table):
    at = small_table.column_names.index("dec")
    table = small_table.set_column(at, "dec", pa.array(["north"] * small_table.num_rows))
    pq.write_table(table, tmp_path / "t.parquet")
    said = xsift(
        *("scan", tmp_path / "t.parquet", "--out", tmp_path / "out"),
        *("--k-max", 2, "--restarts", 2),
    )
    assert said.status == 0
    (note,) = json.loads((tmp_path / "out" / "scan.json").read_text("utf-8"))["warnings"]
    assert note.endswith("the column is left out, as no feature needs it")
    assert f"Warning: {note}" in " ".join(said.out.split())
    again = scan_k(tmp_path / "t.parquet", tmp_path / "out", 2, 2)
    assert f"Warning: {note}" in again.summary().lines


def test_a_table_in_parts(table_of, tmp_path):
    """The fits are those of the rows in memory, where the table is in the order of its keys."""
    N = 2000
    rows = table_of(N, seed=11).drop_columns(["label"])
    gaps = np.where(np.arange(N) % 5 == 0, np.nan, rows["bb_kt"].to_numpy())
    rows = rows.set_column(
        rows.column_names.index("bb_kt"), "bb_kt", pa.array(gaps, from_pandas=True)
    )
    (tmp_path / "many").mkdir()
    for k in range(4):
        pq.write_table(rows.slice(k * 500, 500), tmp_path / f"many/{k}.parquet")
    pq.write_table(rows, tmp_path / "one.parquet")
    settings = Settings()
    (tmp_path / "scratch").mkdir()
    whole = scaled(tmp_path / "one.parquet", settings, tmp_path / "scratch")
    found = scaled(tmp_path / "many", settings, tmp_path / "scratch", rows=300)
    assert found.n_rows == whole.n_rows == 1600
    assert [p.name for p in (tmp_path / "scratch").iterdir()] == ["scaled.parquet"]
    assert np.array_equal(np.concatenate(list(found.rows())), whole.rows)
    assert found.sha256 == whole.sha256
    assert fit_restarts(found.rows, 2, 2, 0, found.names) == fit_restarts(
        whole.rows, 2, 2, 0, whole.names
    )
    cut = scaled(tmp_path / "many", settings, tmp_path / "scratch")  # of one part
    assert np.array_equal(cut.rows, whole.rows)


def test_the_command_takes_a_folder(table_of, tmp_path, xsift, monkeypatch):
    (tmp_path / "many").mkdir()
    rows = table_of(900, seed=11)
    for k in range(3):
        pq.write_table(rows.slice(k * 300, 300), tmp_path / f"many/{k}.parquet")
    monkeypatch.setattr("xsift.pipeline.scaled.parts_of", lambda path, _: parts_of(path, 200))
    out = tmp_path / "out"
    said = xsift("scan", tmp_path / "many", "--out", out, "--k-max", 2, "--restarts", 2)
    assert said.status == 0, said.err
    assert json.loads((out / "scan.json").read_text())["n_rows"] == 900
    assert sorted(p.name for p in out.iterdir())[0] == "scan.csv"
    again = xsift("scan", tmp_path / "many", "--out", out, "--k-max", 2, "--restarts", 2)
    assert again.out == said.out
    nothing = rows.set_column(
        rows.column_names.index("bb_kt"), "bb_kt", pa.nulls(900, pa.float64())
    )
    pq.write_table(nothing, tmp_path / "none.parquet")
    said = xsift("scan", str(tmp_path / "non*.parquet"), "--out", out)
    assert said.status == 1
    assert "no detection has a value of bb_kt, and a scan takes only detections" in said.err
    (tmp_path / "many/1.parquet").write_bytes(b"PAR1")
    said = xsift("scan", tmp_path / "many", "--out", out)
    assert said.status == 1
    assert "1.parquet" in said.err
