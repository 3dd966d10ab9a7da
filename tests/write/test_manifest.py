"""A run killed between two renames: the folder is the old one, the new one, or refused."""

import os
import re
import signal
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.errors import TableError
from xsift.write import Staging, check_of_one_run, remove_ours, write_json
from xsift.write.manifest import LIST

# In a process of its own: the k-th rename is its last act.
KILLED = """
import os, signal, sys
from xsift.write import Staging
rename, count = os.replace, [0]

def replace(source, target):
    if count[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    count[0] += 1
    rename(source, target)

os.replace = replace
with Staging(sys.argv[1], ("run.json", "sources.parquet", "x/y", "gone"), "catalogue") as staging:
    for name in ("run.json", "sources.parquet", "x/y"):
        staging.path(name).write_text(sys.argv[3])
"""


def killed_at(k, folder, text):
    command = [sys.executable, "-c", KILLED, str(folder), str(k), text]
    return subprocess.run(command, check=False).returncode == -signal.SIGKILL


def write_set(folder, text):
    with Staging(folder, tuple(OLD), "catalogue") as staging:
        for name in NEW:
            staging.path(name).write_text(text)


def state(folder):
    names = ("run.json", "sources.parquet", "x/y", "gone")
    return {n: (folder / n).read_text() for n in names if (folder / n).exists()}


OLD = dict.fromkeys(("run.json", "sources.parquet", "x/y", "gone"), "old")
NEW = dict.fromkeys(("run.json", "sources.parquet", "x/y"), "new")


def is_refused(folder):
    try:
        check_of_one_run(folder)
    except TableError as error:
        said = str(error)
    else:
        return False
    assert re.search(r"files of two runs \(.* is newer than .*\), because a run was stopped", said)
    assert said.endswith("repeat that run, or give another folder")
    return True


@pytest.mark.parametrize("k", range(5))
def test_a_kill_at_every_rename(tmp_path, k):
    with Staging(tmp_path, kind="catalogue") as staging:
        for name in OLD:
            staging.path(name).write_text("old")
    assert killed_at(k, tmp_path, "new")
    assert is_refused(tmp_path) == (state(tmp_path) not in (OLD, NEW))
    assert is_refused(tmp_path) == (k in (2, 3))
    check_of_one_run(tmp_path, ("scan.json",))  # of other files nothing is wrong
    if k == 3:
        assert killed_at(2, tmp_path, "newer")
        assert is_refused(tmp_path)
    write_set(tmp_path, "newest")
    assert state(tmp_path) == dict.fromkeys(NEW, "newest")
    assert not is_refused(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("run.json", "sources.parquet", "x", LIST),
    ]


@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_kill_in_a_new_folder(tmp_path, k):
    assert killed_at(k, tmp_path, "new")
    assert is_refused(tmp_path) == (state(tmp_path) not in ({}, NEW))
    write_set(tmp_path, "newer")
    assert state(tmp_path) == dict.fromkeys(NEW, "newer")
    assert not is_refused(tmp_path)


def test_a_file_that_both_runs_have_alike_is_of_both(tmp_path):
    with Staging(tmp_path, kind="catalogue") as staging:
        staging.path("run.json").write_text("old")
        staging.path("sources.parquet").write_text("new")
        staging.path("x/y").write_text("new")
    assert killed_at(2, tmp_path, "new")
    assert state(tmp_path) == NEW
    assert not is_refused(tmp_path)


def test_files_mixed_by_hand(tmp_path):
    for run in "ab":
        (tmp_path / run).mkdir()
        for name in ("sources.parquet", "detections.parquet"):
            table = pa.table({"x": [1]}).replace_schema_metadata({"run_id": run})
            pq.write_table(table, tmp_path / run / name)
        write_json({"run_id": run}, tmp_path / run / "run.json")
        check_of_one_run(tmp_path / run)
    os.replace(tmp_path / "b" / "sources.parquet", tmp_path / "a" / "sources.parquet")
    said = r"files of two runs \(detections.parquet is of run a, sources.parquet of run b\): write"
    with pytest.raises(TableError, match=said):
        check_of_one_run(tmp_path / "a")
    (tmp_path / "a" / "run.json").unlink()
    (tmp_path / "a" / "detections.parquet").write_bytes(b"damaged")  # its reader will say so
    check_of_one_run(tmp_path / "a")


def test_a_list_that_is_somebody_elses_hinders_no_reader(tmp_path):
    (tmp_path / LIST).write_text("mine")
    check_of_one_run(tmp_path)
    check_of_one_run(tmp_path / "none")


def test_only_ours_is_removed(tmp_path):
    folder = tmp_path / "demo"
    with Staging(folder) as staging:
        for name in ("a", "b"):
            staging.path(name).write_text("ours")
    (folder / "b").write_text("edited")
    (folder / "c").write_text("mine")
    remove_ours(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["b", "c"]
    other = tmp_path / "mine"
    other.mkdir()
    (other / "a").write_text("mine")
    remove_ours(other)
    assert (other / "a").exists()
    (folder / "b").unlink()
    (folder / "c").unlink()
    with Staging(folder) as staging:
        staging.path("a").write_text("ours")
    remove_ours(folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../victim", "/victim"])
def test_a_list_cannot_lead_out_of_its_folder(tmp_path, name):
    name = name if name.startswith("..") else str(tmp_path / "victim")
    (tmp_path / "victim").write_text("x")
    with Staging(tmp_path / "demo") as staging:
        staging.path("a").write_text("x")
    listed = tmp_path / "demo" / LIST
    listed.write_text(listed.read_text().replace('"a"', f'"{name}"'))
    remove_ours(tmp_path / "demo")
    assert (tmp_path / "victim").read_text() == "x"
