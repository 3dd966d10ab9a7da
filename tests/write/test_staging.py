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
from xsift.write import Staging, write_table
from xsift.write.staging import check_folder

LIST = "xsift-files.json"


def files(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.name != LIST}


def write_files(folder, text, *names, **options):
    with Staging(folder, **options) as staging:
        for name in names:
            staging.path(name).write_text(text)


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "out"
    write_files(folder, "old", "a", "b")
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


def test_a_directory_where_a_file_is_to_go(old):
    (old / "c").mkdir()
    with pytest.raises(OutputError, match="c is a directory where a file is to go"):
        write_files(old, "new", "a", "c")
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


def test_a_name_with_a_null_character():
    with pytest.raises(OutputError, match="cannot be written: embedded null"):
        check_folder("a\0b")


def test_files_of_the_set_that_is_replaced_go(old):
    write_files(old, "new", "a", "d/e", names=("a", "b", "d/e", "x"))
    assert (old / "d" / "e").read_text() == "new"
    assert sorted(p.name for p in old.iterdir()) == ["a", "d", LIST]
    write_files(old, "newer", "c", names=("a", "d/e"))
    assert files(old) == {"c": "newer"}
    assert not (old / "d").exists()


MINE = "and the result would replace it: move it, or give another folder for the results"


@pytest.mark.parametrize("names", [(), ("a", "c")])
def test_a_file_that_is_not_ours_is_refused(old, names):
    (old / "c").write_text("mine")
    with pytest.raises(OutputError, match=f"/c is not xsift's, {MINE}"):
        write_files(old, "new", "a", "c", names=names)
    assert files(old) == {"a": "old", "b": "old", "c": "mine"}


@pytest.mark.parametrize("names", [("c",), ("a",)])
def test_it_is_refused_before_the_work_starts(old, names):
    (old / "c").write_text("mine")
    (old / "a").write_text("mine")
    with pytest.raises(OutputError, match=MINE), Staging(old, names):
        pytest.fail("the work has started")
    assert files(old) == {"a": "mine", "b": "old", "c": "mine"}


def test_a_file_of_ours_that_the_user_changed_is_refused(old):
    (old / "a").write_text("edited")
    with pytest.raises(OutputError, match=f"/a has changed since xsift wrote it, {MINE}"):
        write_files(old, "new", "a")
    assert files(old) == {"a": "edited", "b": "old"}


def test_a_file_that_comes_while_we_work_is_not_replaced(old):
    def work():
        with Staging(old, ("a", "c")) as staging:
            for name in "ac":
                staging.path(name).write_text("new")
            (old / "c").write_text("mine")

    with pytest.raises(OutputError, match="/c is not xsift's"):
        work()
    assert files(old) == {"a": "old", "b": "old", "c": "mine"}


def test_a_file_that_was_deleted_is_written_again(old):
    (old / "a").unlink()
    write_files(old, "new", "a")
    assert files(old) == {"a": "new", "b": "old"}


def test_another_result_is_not_replaced(old):
    write_files(old, "scan", "c", kind="scan")
    with pytest.raises(OutputError, match=r"/c belongs to another result \(scan\), and this one"):
        write_files(old, "new", "c", kind="catalogue")
    assert files(old) == {"a": "old", "b": "old", "c": "scan"}


@pytest.mark.parametrize("spelling", ["a", "./a", "../out/a", "hard", "link"])
def test_an_input_is_never_an_output(old, monkeypatch, spelling):
    monkeypatch.chdir(old)
    os.link("a", "hard")
    os.symlink("a", "link")
    with pytest.raises(OutputError, match="a is an input of this command, and the result would"):
        write_files(".", "new", "a", inputs=[spelling])
    assert (old / "a").read_text() == "old"


@pytest.mark.parametrize("name", ["c", "d/c"])
def test_a_link_leads_nowhere(old, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c").write_text("mine")
    (old / "c").symlink_to(elsewhere / "c")
    (old / "d").symlink_to(elsewhere)
    with pytest.raises(OutputError, match=r"/[cd] is a link: remove it, or give another folder"):
        write_files(old, "new", name)
    assert (elsewhere / "c").read_text() == "mine"
    assert (old / "c").is_symlink()


def test_a_linked_folder_takes_results_by_the_same_rules(old, tmp_path):
    (tmp_path / "link").symlink_to(old)
    (old / "c").write_text("mine")
    with pytest.raises(OutputError, match="link/c is not xsift's"):
        write_files(tmp_path / "link", "new", "c")
    write_files(tmp_path / "link", "new", "a")
    assert files(old) == {"a": "new", "b": "old", "c": "mine"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"mine", b'{"files": 1}', b'{"files": {"a": [{"sha256": ""}]}}',
     b'{"files": {"a": [1]}}', b"[" * 100_000, b'{"files": {"a": [{"sha256": "../x"}]}}'],
)  # fmt: skip
def test_a_list_that_is_somebody_elses_is_refused(old, content):
    (old / LIST).write_bytes(content)
    with pytest.raises(OutputError, match=f"{LIST} is not the list of files that xsift keeps"):
        write_files(old, "new", "a")
    assert files(old) == {"a": "old", "b": "old"}
    assert (old / LIST).read_bytes() == content


def test_a_hidden_folder_that_is_somebody_elses_is_refused(old):
    (old / ".xsift-run").mkdir()
    (old / ".xsift-run" / "mine").write_text("mine")
    with pytest.raises(OutputError, match=r"\.xsift-run is not xsift's: move it, or give another"):
        write_files(old, "new", "a")
    assert (old / ".xsift-run" / "mine").read_text() == "mine"
    (old / ".xsift-run" / "mine").unlink()
    (old / ".xsift-run").rmdir()
    (old / ".xsift-run").symlink_to(old)
    with pytest.raises(OutputError, match=r"\.xsift-run is not xsift's"):
        write_files(old, "new", "a")


BUSY = "another run of xsift is writing here: wait for it, or give another folder"


def test_two_at_once(old):
    with Staging(old) as first:
        first.path("a").write_text("first")
        with pytest.raises(OutputError, match=BUSY), Staging(old):
            pytest.fail("the work has started")
        first.path("b").write_text("first")
    assert files(old) == {"a": "first", "b": "first"}
    write_files(old, "second", "a")
    assert files(old) == {"a": "second", "b": "first"}


def test_where_there_are_no_locks(old, monkeypatch):
    def flock(number, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with Staging(old) as first:
        first.path("a").write_text("first")
        write_files(old, "second", "b")  # nor does it clear the first one's files away
    assert files(old) == {"a": "first", "b": "second"}


def test_what_is_put_in_place_on_the_way(old):
    def stop():
        with Staging(old, ("a", "b")) as staging:
            staging.path("a").write_text("new")
            staging.commit()
            staging.path("b").write_text("half")
            raise RuntimeError("why")

    with pytest.raises(RuntimeError, match="why"):
        stop()
    assert files(old) == {"a": "new", "b": "old"}


def test_an_interrupt_between_two_renames_waits(old, monkeypatch):
    replace = os.replace

    def interrupted(source, target):
        replace(source, target)
        if str(target).endswith("/a"):
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(old, "new", "a", "b", "c")
    assert files(old) == {"a": "new", "b": "new", "c": "new"}
    write_files(old, "newer", "a", "b", "c")


def test_a_rename_that_fails_says_so(old, monkeypatch):
    replace = os.replace

    def failing(source, target):
        if str(target).endswith("/b"):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    said = "not all files could be put in place: Input/output error; it may hold files of two runs"
    with pytest.raises(OutputError, match=said):
        write_files(old, "new", "a", "b")
    monkeypatch.undo()
    write_files(old, "newer", "a", "b")
    assert files(old) == {"a": "newer", "b": "newer"}


def test_names_that_are_no_text(old):
    name = os.fsdecode(b"\xff\xe9.txt")
    for text in ("one", "two"):
        write_files(old, text, name)
        assert (old / name).read_text() == text


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
    write_files(small_disk, "old", "t")
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
    with Staging(tmp_path) as staging:
        pq.write_table(pa.table({"x": [1.0]}), staging.path("t.parquet"))
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
    assert (tmp_path / ".xsift-run").exists()
    with Staging(tmp_path) as staging:  # the next run is not hindered, and clears up
        staging.path("u").write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet", "u", LIST]
    assert (tmp_path / "u").read_text() == "new"


def test_termination_clears_up(tmp_path, small_table):
    """SIGTERM in the whole command: status 130, one line, no half-written folder."""
    pq.write_table(small_table, tmp_path / "t.parquet")
    out = tmp_path / "out"
    code = (
        "import time, xsift.write as w, sys\n"
        "from xsift.cli import main\n"
        "old = w.write_json\n"
        "w.write_json = lambda *a: (print('writing', flush=True), time.sleep(60))\n"
        f"sys.argv = ['xsift', 'run', {str(tmp_path / 't.parquet')!r}, '--label-column', 'label', "
        f"'--out', {str(out)!r}]\n"
        "main()\n"
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
    while out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not out.exists()  # it was made for the results
