"""Compiled functions where nothing can be kept: they work, and one line says what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import caching

import xsift
from xsift import jit
from xsift.errors import XsiftWarning

SRC = Path(xsift.__file__).parent


@pytest.fixture
def locked(tmp_path):
    """Run xsift from an installation without a writable folder, and with a home that is none."""
    package = tmp_path / "lib" / "xsift"
    shutil.copytree(SRC, package, ignore=shutil.ignore_patterns("__pycache__"))
    # Permissions do not bind the superuser; a file in the place of the folder does.
    for folder in {p.parent for p in package.rglob("*.py")}:
        (folder / "__pycache__").touch()
    (tmp_path / "home").touch()
    taken = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in taken}
    environment |= {"PYTHONPATH": str(package.parent), "HOME": str(tmp_path / "home")}

    def call(*arguments, **more):
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(
            command, env=environment | more, cwd=tmp_path, capture_output=True, text=True
        )

    return call


def test_a_command_works_where_nothing_can_be_kept(locked, tmp_path):
    # No table: all kernels are imported before it is looked for.
    said = locked("-m", "xsift", "classify", "none.vot", "--out", tmp_path / "o")
    assert said.returncode == 1
    first, *_, last = said.stderr.splitlines()
    assert first.startswith("xsift: compiled functions cannot be kept: neither the installation")
    assert first.endswith("set NUMBA_CACHE_DIR to a folder that can be written")
    assert said.stderr.count("NUMBA_CACHE_DIR") == 1
    assert last.startswith("xsift: none.vot: ")


def test_the_remedy_is_one(locked, tmp_path):
    place = str(tmp_path / "kept")
    said = locked("-m", "xsift", "classify", "none.vot", "--out", "o", NUMBA_CACHE_DIR=place)
    assert "NUMBA_CACHE_DIR" not in said.stderr


def test_help_needs_no_kernel(locked):
    said = locked("-m", "xsift", "--help")
    assert (said.returncode, said.stderr) == (0, "")


def test_a_function_without_a_place_is_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(caching.FunctionCache._impl_class, "_locator_classes", [])
    jit._warn.cache_clear()

    def double(x):
        return 2 * x

    with pytest.warns(XsiftWarning, match="every run compiles anew"):
        one = jit.kernel(nogil=True)(double)
    two = jit.kernel(nogil=True)(double)  # and no second warning, which would be an error
    assert one(2) == two(2) == 4
    assert one.targetoptions["nogil"]


def test_another_fault_is_not_passed_over(monkeypatch):
    def refuse(*_):
        raise RuntimeError("something else")

    monkeypatch.setattr(caching.FunctionCache, "__init__", refuse)
    with pytest.raises(RuntimeError, match="something else"):
        jit.kernel()(abs_of)


def abs_of(x):
    return abs(x)


def test_no_kernel_goes_its_own_way():
    others = [p for p in SRC.rglob("*.py") if "njit" in p.read_text() and p.name != "jit.py"]
    assert others == []
