"""The old result or the new one, never half: whatever goes wrong while writing."""

import errno
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.errors import OutputError
from xsift.write import Staging, check_folder, write_table


def files(folder):
    return {p.name: p.read_text() for p in folder.iterdir()}


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text("old")
    return folder


def test_files_appear_together(old):
    with Staging(old) as staging:
        staging.path("a").write_text("new")
        staging.path("c").write_text("new")
        assert (old / "a").read_text() == "old"
    assert files(old) == {"a": "new", "b": "old", "c": "new"}
    umask = os.umask(0)
    os.umask(umask)
    assert (old / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def fail(folder, error):
    with Staging(folder) as staging:
        staging.path("a").write_text("half")
        raise error


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_an_error_leaves_the_old_files_and_nothing_else(old, kind):
    with pytest.raises(kind, match=r"^why$"):
        fail(old, kind("why"))
    assert files(old) == {"a": "old", "b": "old"}


def test_a_full_disk_is_one_line(old):
    with pytest.raises(OutputError, match="No space left on device; what was there is unchanged"):
        fail(old, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert files(old) == {"a": "old", "b": "old"}


def write_new(folder, *names):
    with Staging(folder) as staging:
        for name in names:
            staging.path(name).write_text("new")


def test_a_directory_where_a_file_is_to_go(old):
    (old / "c").mkdir()
    with pytest.raises(OutputError, match="c is a directory where a file is to go"):
        write_new(old, "a", "c")
    (old / "c").rmdir()
    assert files(old) == {"a": "old", "b": "old"}


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file is a file: give a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        check_folder(tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        check_folder(tmp_path / ("x" * 300))
    with pytest.raises(OutputError, match="cannot be written: "):
        check_folder("/proc/xsift" if os.path.isdir("/proc") else "/dev/null/x")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, where the tests run as root on Linux."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = False
    if sys.platform == "linux" and os.geteuid() == 0:
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True).returncode == 0
    if not done:
        pytest.skip("no small disk: tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("form", ["parquet", "votable", "fits", "csv"])
def test_a_disk_that_fills(small_disk, form):
    (small_disk / "t").write_text("old")
    n = 50_000
    table = pa.table(
        {"name": [f"{i * 7919 % n:032x}" for i in range(n)], "x": [float(i) for i in range(n)]}
    )
    with (
        pytest.raises(OutputError, match=r"disk: cannot be written: .*what was there is unchanged"),
        Staging(small_disk) as staging,
    ):
        write_table(table, staging.path("t"), form, {})
    assert files(small_disk) == {"t": "old"}


KILLED = """
import sys, time
import pyarrow as pa
from xsift.write import Staging, write_table
table = pa.table({"x": [2.0] * 1000})
with Staging(sys.argv[1]) as staging:
    write_table(table, staging.path("t.parquet"), "parquet", {})
    staging.path("u").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_kill_leaves_the_old_files_whole(tmp_path):
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "t.parquet")
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "writing\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert pq.read_table(tmp_path / "t.parquet")["x"].to_pylist() == [1.0]
    assert not (tmp_path / "u").exists()
    with Staging(tmp_path) as staging:  # and the next run is not hindered
        staging.path("u").write_text("new")
    assert (tmp_path / "u").read_text() == "new"


def test_termination_clears_up(tmp_path, small_table):
    """SIGTERM in the whole command: status 130, one line, no half-written folder."""
    pq.write_table(small_table, tmp_path / "t.parquet")
    out = tmp_path / "out"
    code = (
        "import time, xsift.write as w, sys\n"
        "from xsift import cli\n"
        "old = w.write_json\n"
        "w.write_json = lambda *a: (print('writing', flush=True), time.sleep(60))\n"
        f"sys.argv = ['xsift', 'run', {str(tmp_path / 't.parquet')!r}, '--label-column', 'label', "
        f"'--out', {str(out)!r}]\n"
        "cli.main()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "writing\n"
        child.terminate()
        _, said = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert said.splitlines()[-1] == "xsift: stopped"
    assert "Traceback" not in said
    deadline = time.monotonic() + 5
    while list(out.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(out.iterdir()) == []
