"""A table in parts on a real cluster of processes: the same bits, whatever happens to them."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from schedulers import scheduler, wait_for

from xsift import Settings, classify, open_catalogue
from xsift.errors import ClusterError, OutputError, TableError, XsiftError
from xsift.pipeline.stream import classify_stream

N = 3000
ROWS = {"rows": 150, "bucket_rows": 400}
ONE = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@pytest.fixture(scope="module")
def many(tmp_path_factory, table_of):
    """Twenty-four files whose sources lie in several of them."""
    folder = tmp_path_factory.mktemp("cluster")
    table = table_of(N, seed=3).drop_columns(["label"])
    name = np.random.default_rng(1).permutation(table["name"].to_numpy(zero_copy_only=False))
    table = table.set_column(0, "name", pa.array(name, pa.string()))
    table = table.set_column(1, "obsid", pa.array(np.arange(N)))
    pq.write_table(table, folder / "one.parquet", row_group_size=777)
    (folder / "many").mkdir()
    for k in range(24):
        pq.write_table(table.slice(k * 125, 125), folder / f"many/p{k:02}.parquet")
    return folder


@pytest.fixture(scope="module")
def whole(many):
    return classify(many / "one.parquet", "csc20")


def same(folder, whole):
    """Tell whether every cell has the bits of the table in memory."""
    found = open_catalogue(folder)
    pairs = (found.detections, whole.detections), (found.sources, whole.sources)
    return all(bits(a) == bits(b) for a, b in pairs)


def bits(table):
    found = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_floating(field.type):
            column = column.fill_null(1e300).to_numpy(zero_copy_only=False).view(np.int64)
            found[field.name] = column.tolist()
        else:
            found[field.name] = column.to_pylist()
    return found


def work_on(many, out, workers, tell=lambda *_: None, what="many"):
    return classify_stream(
        many / what, "csc20", Settings(), out, tell=tell, workers=workers, **ROWS
    )


def at_first(step, does):
    """Tell that does something once, when some of a step is done."""
    done_once = []

    def tell(now, done, total):
        if now == step and 0 < done < total and not done_once:
            done_once.append(does())

    return tell


def test_two_workers_give_the_bits_of_one_process(many, whole, tmp_path):
    found = work_on(many, tmp_path / "two", 2)
    assert same(tmp_path / "two", whole)
    here = work_on(many, tmp_path / "here", None)
    for key in ("created", "run_id", "about"):
        assert found.record.pop(key, None) or key == "about"
        here.record.pop(key, None)
    assert found.record == here.record
    assert not (tmp_path / "two/.xsift-run").exists()


@pytest.mark.slow
def test_an_address(many, whole, tmp_path):
    """Of a kind that other processes reach, too."""
    found = classify_stream(
        f"file://{many}/many",
        "csc20",
        Settings(),
        tmp_path / "out",
        workers=2,
        **ROWS,
    )
    assert same(tmp_path / "out", whole)
    assert found.record["input"] == "many"


def test_an_error_in_a_worker_is_the_line_of_this_process(many, tmp_path):
    table = pq.read_table(many / "one.parquet")
    odd = np.arange(N) + 0.0
    odd[2077] = 0.5
    pq.write_table(table.set_column(0, "name", pa.array(odd)), tmp_path / "odd.parquet")
    said = []
    for workers in (None, 2):
        with pytest.raises(TableError, match=r"row 2078: 0.5 is no name") as e:
            classify_stream(
                tmp_path / "odd.parquet",
                "csc20",
                Settings(),
                tmp_path / "out",
                workers=workers,
                **ROWS,
            )
        said.append(str(e.value))
    assert said[0] == said[1]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["one.parquet", "many"])
def test_four_workers_of_a_scheduler(many, whole, tmp_path, what):
    with scheduler(tmp_path, n=4) as (_, address):
        wait_for(address, 4)
        work_on(many, tmp_path / "out", address, what=what)
    assert same(tmp_path / "out", whole)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["looking at the table", "classifying", "voting"])
def test_a_worker_that_is_killed(many, whole, tmp_path, step):
    killed = []

    def kill():
        victim = multiprocessing.active_children()[0]
        os.kill(victim.pid, signal.SIGKILL)
        killed.append(victim.pid)

    work_on(many, tmp_path, 2, at_first(step, kill))
    assert killed
    assert same(tmp_path, whole)


@pytest.mark.slow
def test_a_scheduler_that_is_killed(many, whole, tmp_path):
    with scheduler(tmp_path, n=2) as (process, address):
        wait_for(address, 2)
        with pytest.raises(ClusterError, match=r"scheduler is gone; what is done is kept") as e:
            work_on(many, tmp_path / "out", address, at_first("classifying", process.kill))
        assert "\n" not in str(e.value)
    assert os.listdir(tmp_path / "out") == [".xsift-run"]
    told = []
    work_on(many, tmp_path / "out", None, lambda *said: told.append(said))
    assert same(tmp_path / "out", whole)
    first = next(done for step, done, _ in told if step == "classifying")
    assert 0 < first < N


@pytest.mark.slow
def test_a_damaged_file_is_named_and_the_others_kept(many, whole, tmp_path):
    shutil.copytree(many / "many", tmp_path / "many")
    file = tmp_path / "many/p05.parquet"
    content = file.read_bytes()

    def damage(now, done, total):
        if now == "looking at the table" and done == total:
            file.write_bytes(content[:4] + b"\xff" * 196 + content[200:])

    # Its footer is whole, so that only the workers find it.
    with pytest.raises(TableError, match=r"p05.parquet: not a whole Parquet .*; what could") as e:
        work_on(tmp_path, tmp_path / "out", 2, damage)
    assert "\n" not in str(e.value)
    file.write_bytes(content[:-100])
    with pytest.raises(TableError, match=r"p05.parquet"):
        work_on(tmp_path, tmp_path / "out", 2)
    file.write_bytes(content)
    told = []
    work_on(tmp_path, tmp_path / "out", 2, lambda *said: told.append(said))
    assert same(tmp_path / "out", whole)
    # What was done before is not done again: all but the parts that hold rows of the file.
    assert next(done for step, done, _ in told if step == "classifying") >= N - 300


@pytest.mark.slow
def test_a_disk_that_is_full(many, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        with pytest.raises(OutputError, match=r"No space left on device; .*goes on from") as e:
            work_on(many, disk / "out", 2)
        assert "\n" not in str(e.value)
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        work_on(many, disk / "out", 2)
        assert same(disk / "out", whole)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_workers_that_do_not_see_the_folder(many, tmp_path):
    """Each has a file system of its own in the place of the folder."""
    with scheduler(tmp_path, n=2, hides=tmp_path / "out") as (_, address):
        wait_for(address, 2)
        with pytest.raises(ClusterError, match=r"a worker does not see .*out") as e:
            work_on(many, tmp_path / "out", address)
        assert "\n" not in str(e.value)


@pytest.mark.slow
def test_another_run_in_the_folder(many, tmp_path):
    def again():
        with pytest.raises(OutputError, match=r"another run of xsift is writing here"):
            work_on(many, tmp_path, 2)

    work_on(many, tmp_path, 2, at_first("classifying", again))


def test_files_that_differ_are_refused_before_any_work(many, tmp_path):
    shutil.copytree(many / "many", tmp_path / "many")
    table = pq.read_table(tmp_path / "many/p07.parquet")
    field = table.schema.field("ra").with_metadata({"unit": "rad"})
    for changed, said in (
        (table.drop_columns(["ra"]), r"p00.parquet has a column ra, and p07.parquet has none"),
        (table.set_column(2, field, table["ra"]), r"column ra is declared in rad in p07"),
    ):
        pq.write_table(changed, tmp_path / "many/p07.parquet")
        with pytest.raises(TableError, match=said):
            work_on(tmp_path, tmp_path / "out", 2)


def test_the_command(many, whole, tmp_path, xsift, monkeypatch):
    code = (
        "import sys, xsift.pipeline.stream as s, xsift.read.parts as p\n"
        "parts_of = s.parts_of\n"
        "s.parts_of = lambda path, rows: parts_of(path, 150)\n"
        "from xsift.cli import main\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    script = tmp_path / "command.py"
    script.write_text(code)
    arguments = ["classify", many / "many", "--out", tmp_path / "out", "--model", "csc20"]
    done = subprocess.run(
        [sys.executable, script, *arguments, "--workers", "2", "--json"],
        capture_output=True,
        text=True,
        env=ONE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["detections"] == N
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events[-1]["step"] == "voting"
    assert same(tmp_path / "out", whole)
    for options, status, said in (
        (("--workers", "0"), 2, "allowed are 1 to 1,024"),
        (("--workers", "2", "--dask", "tcp://127.0.0.1:9"), 2, "exclude each other"),
        (("--dask", "nothing"), 2, "no address of a scheduler"),
    ):
        refused = xsift(*arguments, *options)
        assert refused.status == status
        assert said in refused.err


def test_without_dask_it_is_said_what_to_install(many, tmp_path, monkeypatch):
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda n: None if n == "distributed" else found(n))
    with pytest.raises(XsiftError, match=r'pip install "xsift\[cluster\]"'):
        work_on(many, tmp_path, 2)
