"""Compiled functions: the same bits from a cache and without one, and a line where none can be."""

import ast
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


def decorated(tree, name):
    """The functions of a module that are compiled by a decorator of `jit`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(d, ast.Call) and ast.unparse(d.func) == name for d in node.decorator_list
        ):
            yield node


def test_what_a_kernel_calls_is_a_part_of_it():
    trees = [ast.parse(p.read_text()) for p in SRC.rglob("*.py")]
    kernels, parts = (
        [f for t in trees for f in decorated(t, n)] for n in ("kernel", "kernel_part")
    )
    called = {
        ast.unparse(node.func)
        for function in kernels + parts
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }
    assert not called & {f.name for f in kernels}, "called from a kernel: declare it a kernel_part"
    # Neither set is empty, and no part is there for nothing.
    assert kernels
    assert {f.name for f in parts} <= called


FIT = """
import hashlib
import sys
import numpy as np
from numba.core import event
from xsift.mixture import GaussianMixture

class Compiled(event.Listener):
    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if function.__module__ == "numba.cpython.unicode":
            print(function.__name__, file=sys.stderr)

    def on_end(self, event):
        pass

event.register("numba:compile", Compiled())

X = np.random.RandomState(0).normal(size=(900, 7))
X[::9, 3] = np.nan
model = GaussianMixture(3, max_iter=3, tol=1e9, random_state=0).fit(X)
made = model.weights_, model.means_, model.covariances_, model.score_samples(X)
print(*(hashlib.sha256(a.tobytes()).hexdigest() for a in made))
"""


@pytest.mark.slow
def test_the_first_run_gives_the_bits_of_the_next(tmp_path):
    kept = tmp_path / "kept"

    def fit():
        environment = os.environ | {"NUMBA_CACHE_DIR": str(kept)}
        done = subprocess.run(
            [sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True
        )
        # Once the texts of errors took a fifth of the time to compile: see `jit.kernel_part`.
        assert not done.stderr, "a kernel has text compiled: write the assignment as a loop"
        return done.stdout.split(), {p: p.stat().st_mtime_ns for p in kept.rglob("*.nb?")}

    first, compiled = fit()
    then, found = fit()
    assert compiled
    assert found == compiled, "the second run has compiled something: it does not test the cache"
    assert then == first
    assert len(first) == 4


COMPILES = """
import sys, time
sys.path.insert(0, sys.argv[1])
import xsift.jit
xsift.jit.share_compiling()
import slow_kernel
slow_kernel.outer(1.0)
print(sum(slow_kernel.outer.stats.cache_misses.values()))
"""
KERNEL = """
import time
import numba
from xsift.jit import kernel, kernel_part

@kernel_part()
def inner(x):
    return x + 1

@kernel()
def outer(x):
    for _ in range(3):
        x = inner(x) * 2
    return x
"""


def test_processes_that_begin_together_compile_once(tmp_path):
    (tmp_path / "slow_kernel.py").write_text(KERNEL)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", COMPILES, str(tmp_path)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    missed = [process.communicate(timeout=120)[0] for process in begun]
    assert sorted(missed) == ["0\n", "0\n", "1\n"]


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path, monkeypatch):
    target = tmp_path / "precious"
    (tmp_path / f"xsift-compiles-{os.getuid()}.lock").symlink_to(target)
    monkeypatch.setattr(jit.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(OSError, match="symbolic link"), jit._turn():
        pass
    assert not target.exists()
    assert jit._state.turns == 0
