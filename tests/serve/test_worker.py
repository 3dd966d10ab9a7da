"""The worker's process: our code and no other, whatever an upload is called and PYTHONPATH says."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

import xsift
from xsift.serve import uploads, work
from xsift.serve.limits import UploadLimits

# Printed by a worker in place of its work. `REPORT` is what it finds.
REPORT = """
import json, os, sys, numpy, xsift
print(json.dumps({
    "isolated": sys.flags.isolated, "here": os.listdir("."), "beside": sorted(os.listdir("..")),
    "path": sys.path, "environment": dict(os.environ), "numpy": numpy.__file__,
    "xsift": xsift.__file__}), file=open(PATH, "w"))
"""


@pytest.fixture
def report(monkeypatch, tmp_path):
    """Start a worker for an upload; tell what it finds."""

    def make(before=""):
        folder, path = tmp_path / "job", tmp_path / "report.json"
        folder.mkdir()
        (folder / work.UPLOAD).write_bytes(b"name\nx\n")
        code = before + REPORT.replace("PATH", repr(str(path)))
        start = f"import sys; sys.path[:] = sys.argv[1:]; exec({code!r})"
        monkeypatch.setattr(work, "_START", start)
        job = work.Job("numpy.py", tmp_path / "model.asdf", "json", "sources", "name", {})
        with pytest.raises(FileNotFoundError):  # it made no result
            work.Worker(job, folder, UploadLimits()).answer()
        return json.loads(path.read_text())

    return make


@pytest.mark.parametrize("places", ["", ".", ":x", "x:", "::"])
def test_nothing_is_imported_from_the_current_folder(report, monkeypatch, tmp_path, places):
    monkeypatch.setenv("PYTHONPATH", places)
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path])
    trap = "open('numpy.py', 'w').write('raise SystemExit')\n"
    found = report(trap)
    assert found["isolated"] == 1
    assert all(os.path.isabs(p) for p in found["path"])
    assert not [p for p in found["path"] if Path(p).is_relative_to(tmp_path)]
    assert Path(found["numpy"]).name == "__init__.py"
    assert found["here"] == ["numpy.py"]  # the trap alone: the folder was empty
    assert found["beside"] == ["empty", work.UPLOAD]
    assert not [k for k in found["environment"] if k.startswith(("PYTHON", "LD_"))]


def test_the_worker_runs_the_code_of_the_server(report):
    assert report()["xsift"] == xsift.__file__


def test_the_code_may_lie_in_the_current_folder(monkeypatch, tmp_path):
    code = Path(xsift.__file__).resolve().parents[1]
    monkeypatch.setattr(work, "_HERE", code)
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    assert work._search_path(tmp_path) == ["/elsewhere", str(code)]
    monkeypatch.setattr(work, "_HERE", Path("/elsewhere"))
    assert work._search_path(tmp_path) == [str(code)]


def test_libraries_are_found_where_the_server_finds_them(monkeypatch, tmp_path):
    """Those of `pip install --user`, too, which isolated Python passes over."""
    user = tmp_path / "user-site"
    monkeypatch.setattr(sys, "path", [*sys.path, str(user), str(tmp_path / "job" / "upload")])
    path = work._search_path(tmp_path / "job")
    assert path[-1] == str(user)


def test_a_worker_inherits_no_secret(monkeypatch):
    for name in ("TOKEN_OF_SOMETHING", "PYTHONHOME", "LD_PRELOAD", "PATH", "http_proxy"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", ":/opt/lib:x:.:/usr/local/lib:")
    monkeypatch.setenv("HOME", "/home/of/me")
    passed = work._environment()
    assert "secret" not in passed.values()
    assert passed["LD_LIBRARY_PATH"] == "/opt/lib:/usr/local/lib"
    assert passed["HOME"] == "/home/of/me"
    monkeypatch.setenv("LD_LIBRARY_PATH", ":")
    assert "LD_LIBRARY_PATH" not in work._environment()


CODE = ("numpy.py", "usercustomize.py", "pyarrow/__init__.py", "-c", "upload")
ODD = {
    "x" * 255: "x" * 80,
    "\u661f" * 85: "\u661f" * 26,
    "...": "table",
    "..": "table",
    "": "table",
    "\0": "_",
    "-c": "c",
    "../../etc/passwd": "passwd",
    "C:\\x\\a.csv": "a.csv",
    "a\nb.csv": "a_b.csv",
    "\x1b[31mred.csv": "__31mred.csv",
    "a\u202ecsv.exe": "a_csv.exe",
    "<b>.csv": "_b_.csv",
}


@pytest.mark.parametrize("name", ODD)
def test_a_name_is_shown_as_far_as_it_is_harmless(name):
    assert uploads._shown_name(quote(name)) == ODD[name]


@pytest.mark.parametrize("name", [*CODE, "\u661f" * 85])
def test_no_name_is_run(upload, tmp_path, monkeypatch, no_leftovers, name):
    mark = tmp_path / "was-here"
    monkeypatch.setenv("PYTHONPATH", ".::x")
    answer = upload(f"open({str(mark)!r}, 'w')\nname\n".encode(), name=quote(name))
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith(uploads._shown_name(quote(name)) + ": ")
    assert not mark.exists()
