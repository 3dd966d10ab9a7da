"""A command killed at each of its renames: the folder is old, new, or refused; the next run heals.

`tests/write/test_manifest.py` does the same to a small set of files.
"""

import json
import shutil
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from xsift.catalogue.anomalies import anomalies
from xsift.catalogue.card import source_card
from xsift.catalogue.view import view_catalogue
from xsift.compare.comparison import compare, read_ours
from xsift.errors import OutputError, TableError
from xsift.publish.publication import publish
from xsift.report.count_figures import k_scan
from xsift.report.report import write_report
from xsift.write.manifest import LIST

COMMAND = """
import os, signal, sys
from xsift.cli.app import app
rename, count = os.replace, [0]

def replace(source, target):
    if not os.fspath(target).endswith(".npz"):
        if count[0] == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        count[0] += 1
    rename(source, target)

os.replace = replace
app(sys.argv[2:])
"""


def killed_at(k, *words):
    """Run a command, killed at its k-th rename; say whether it was."""
    command = [sys.executable, "-c", COMMAND, str(k), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def content(folder):
    return {
        p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != LIST
    }  # fmt: skip


def few_and(every):
    """The numbers that the fast tests take, and the others."""
    slow = [k for k in range(14) if k not in every]
    return [*every, *(pytest.param(k, marks=pytest.mark.slow) for k in slow)]


@pytest.fixture(scope="module")
def before(files):
    """A folder that run wrote, from half of the table."""
    from xsift import Settings, run

    pq.write_table(pq.read_table(files / "labelled.parquet").slice(0, 300), files / "half.parquet")
    settings = Settings(method="paper", clusters=2, label_column="label")
    run(files / "half.parquet", settings=settings).write(files / "before")
    return files / "before"


def openers(folder, tmp_path):
    name = "2CXO J000000.0+000000"
    yield lambda: view_catalogue(folder)
    yield lambda: source_card(name, folder)
    yield lambda: anomalies(folder)
    yield lambda: read_ours(folder)
    yield lambda: write_report(folder)
    yield lambda: publish(folder, tmp_path / "published")
    served = pytest.importorskip("xsift.serve.catalogue")
    yield lambda: served.read_served(folder)


@pytest.mark.parametrize("k", few_and((3,)))
def test_a_catalogue(xsift, files, before, tmp_path, k):
    out = tmp_path / "out"
    shutil.copytree(before, out)
    old = content(out)
    words = ("classify", files / "table.parquet", "--model", before / "model.asdf", "--out", out)
    was_killed = killed_at(k, *words)
    now = content(out)
    changed = {name for name in now if now[name] != old.get(name)} | (set(old) - set(now))
    # The model is the same: the file is, too, but for the time that it was written.
    if 0 < len(changed - {"model.asdf"}) < 5:
        for opening in openers(out, tmp_path):
            with pytest.raises(TableError, match=r"files of two runs .*: repeat that run, or give"):
                opening()
        with pytest.raises(TableError, match="files of two runs"):
            compare(before, out)
    else:
        view_catalogue(out)
    if was_killed:
        assert xsift(*words).status == 0
    view_catalogue(out)
    assert not (out / ".xsift-run").exists()
    assert pq.read_table(out / "detections.parquet").num_rows == 600


@pytest.mark.parametrize("k", few_and((6,)))
def test_a_scan(xsift, files, tmp_path, k):
    words = ("--k-max", 1, "--restarts", 1, "--out", tmp_path)
    assert xsift("scan", files / "labelled.parquet", *words).status == 0
    old = content(tmp_path)
    half = tmp_path / "half"
    half.mkdir()
    pq.write_table(pq.read_table(files / "table.parquet").slice(0, 300), half / "t.parquet")
    was_killed = killed_at(k, "scan", half / "t.parquet", *words)
    now = content(tmp_path)
    assert set(now) == set(old)
    changed = {name for name in now if now[name] != old[name]}
    if 0 < len(changed) < len(old):
        with pytest.raises(TableError, match="files of two runs"):
            k_scan(tmp_path, required=True)
    else:
        k_scan(tmp_path, required=True)
    if was_killed:
        assert xsift("scan", half / "t.parquet", *words).status == 0
    k_scan(tmp_path, required=True)
    assert json.loads((tmp_path / "scan.json").read_text())["n_rows"] == 300
    assert not (tmp_path / ".parts").exists()


@pytest.mark.slow
@pytest.mark.parametrize("k", range(5))
def test_an_evaluation(xsift, files, tmp_path, k):
    words = (
        *("--label-column", "label", "--methods", "svc", "--experiments", "folds"),
        *("--folds", 2, "--out", tmp_path),
    )
    assert xsift("evaluate", files / "labelled.parquet", *words).status == 0
    old = content(tmp_path)
    half = tmp_path / "half"
    half.mkdir()
    pq.write_table(pq.read_table(files / "labelled.parquet").slice(0, 500), half / "t.parquet")
    was_killed = killed_at(k, "evaluate", half / "t.parquet", *words)
    assert was_killed == (k < 4)
    changed = [name for name, value in content(tmp_path).items() if value != old[name]]
    assert len(changed) == {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}[k]
    assert xsift("evaluate", half / "t.parquet", *words).status == 0
    record = json.loads((tmp_path / "evaluation.json").read_text())
    assert record["counts"]["detections"] == 500
    assert len(list((tmp_path / ".parts").iterdir())) == 1


def test_a_run_that_still_works_is_left_alone(files, tmp_path):
    """Two commands into one folder: the second is refused, the first goes on."""
    code = COMMAND.replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "print('here', flush=True), input()"
    )
    words = ("classify", files / "table.parquet", "--out", tmp_path / "out")
    first = subprocess.Popen(
        [sys.executable, "-c", code, "0", *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert first.stdout.readline() == "here\n"
        from xsift import classify

        result = classify(files / "table.parquet")
        said = "another run of xsift is writing here: wait for it, or give another folder"
        with pytest.raises(OutputError, match=said):
            result.write(tmp_path / "out")
        first.communicate("go on\n", timeout=60)
    finally:
        first.kill()
        first.communicate()
    assert first.returncode == 0
    view_catalogue(tmp_path / "out")
    result.write(tmp_path / "out")
