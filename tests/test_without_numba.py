"""Where neither Numba nor scikit-learn is installed: tables are classified, and nothing else."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift import classify, jit
from xsift.features.interpolation import _in_numpy as interpolate_in_numpy
from xsift.features.interpolation import interpolate
from xsift.score import distance, trees

# Before anything is imported: what is decorated by `jit.kernel` is decided then.
HIDDEN = """
import sys

class Hidden:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *more):
        if name.partition(".")[0] in ("numba", "llvmlite", "sklearn"):
            return None
        return self.finder.find_spec(name, *more)

    def find_distributions(self, context=None):
        if context and context.name in ("numba", "scikit-learn"):
            return []
        return getattr(self.finder, "find_distributions", lambda _: [])(context)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hidden(finder) for finder in sys.meta_path]
"""


@pytest.fixture
def bare(tmp_path):
    """Run Python, or xsift, without the packages of the extra `train`."""

    def call(*words):
        if words[0] != "-c":
            words = ("-c", "from xsift.cli import main; main()", *words)
        words = ("-c", HIDDEN + words[1], *map(str, words[2:]))
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True
        )

    return call


@pytest.fixture(scope="module")
def table(tmp_path_factory, small_table):
    path = tmp_path_factory.mktemp("bare") / "table.parquet"
    pq.write_table(small_table, path)
    return path


@pytest.mark.parametrize("model", ["csc21", "csc20-paper"])
def test_a_table_is_classified_to_rounding_alike(bare, table, tmp_path, model):
    said = bare("classify", table, "--model", model, "--out", tmp_path / "out")
    assert said.returncode == 0, said.stderr
    record = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
    assert {"numpy", "scipy"} < set(record["environment"])
    assert not {"numba", "scikit-learn"} & set(record["environment"])
    ours, theirs = pq.read_table(tmp_path / "out/detections.parquet"), classify(table, model=model)
    theirs = theirs.detections
    for name in theirs.column_names:
        one, other = ours[name], theirs[name]
        if pa.types.is_floating(one.type):
            # A rank among the training detections: a density may lie on one to rounding.
            tolerance = 0.01 if name == "typicality" else 1e-10
            assert_allclose(one.to_numpy(), other.to_numpy(), tolerance, tolerance, err_msg=name)
        else:
            assert one.equals(other), name


@pytest.mark.parametrize(
    "words",
    [
        ("run", "TABLE", "--label-column", "label", "--out", "out"),
        ("evaluate", "TABLE", "--label-column", "label", "--out", "out"),
        ("demo",),
    ],
)
def test_what_trains_says_what_to_install(bare, table, tmp_path, words):
    said = bare(*(table if w == "TABLE" else w for w in words))
    assert said.returncode == 1
    assert said.stderr == (
        'xsift: cannot train: numba is not installed; install it with pip install "xsift[train]"\n'
    )
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_scan_says_it(bare, table):
    said = bare("scan", table, "--out", "out")
    assert said.returncode == 1
    assert said.stderr == (
        "xsift: cannot go on: scikit-learn is not installed; install it with pip install "
        '"xsift[train]"\n'
    )


@pytest.mark.parametrize("name", ["GaussianMixture", "CalibratedClassifier"])
def test_estimators_say_it(bare, name):
    said = bare("-c", f"import xsift\ntry:\n xsift.{name}\nexcept xsift.XsiftError as e: print(e)")
    assert said.stdout == (
        f'no {name}: scikit-learn is not installed; install it with pip install "xsift[train]"\n'
    )


def test_a_kernel_without_a_stand_in_says_it(bare):
    code = (
        "from xsift import XsiftError\nfrom xsift.mixture.kmeans import lloyd\n"
        "try:\n lloyd(0, 0, 0, 0)\nexcept XsiftError as e: print(e)"
    )
    assert bare("-c", code).stdout.startswith("cannot train: numba is not installed; ")


def test_where_numba_is_it_is_used(monkeypatch):
    def one(x):
        return x + 1

    assert jit.kernel(instead=abs)(one)(-3) == -2
    monkeypatch.setattr(jit, "HAS_NUMBA", False)
    assert jit.kernel(instead=abs)(one)(-3) == 3


def test_trees_give_the_same_bits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 5000)).astype(np.float32)
    X[rng.random(X.shape) < 0.2] = np.nan
    n = 90
    arguments = (
        rng.normal(size=3),
        np.sort(rng.integers(0, 3, n)),
        rng.integers(0, 12, (n, 7)),
        rng.normal(size=(n, 7)).astype(np.float32),
        rng.normal(size=(n, 8)).astype(np.float32),
    )
    arguments[3][:, 0] = X[0, :n]  # a value on a threshold
    theirs = trees._raw_scores(X, *arguments)
    assert_array_equal(trees._in_numpy(X, *arguments), theirs)
    assert_array_equal(trees._in_numpy(X[:, 4998:], *arguments), theirs[:, 4998:])


def test_distances_and_their_softmin_are_alike():
    rng = np.random.default_rng(0)
    X, means = rng.normal(size=(300, 7)), rng.normal(size=(4, 7))
    A = rng.normal(size=(4, 7, 7))
    precisions = A @ A.transpose(0, 2, 1)
    d2 = distance.squared_mahalanobis(X, means, precisions)
    assert_allclose(distance._distances_in_numpy(X, means, precisions), d2, 1e-12)
    d2[3], d2[5, 1:] = np.inf, np.inf
    assert_allclose(distance._softmin_in_numpy(d2), distance.softmin(d2), 1e-13)


def test_interpolation_has_the_same_bits():
    rng = np.random.default_rng(0)
    value = np.sort(rng.normal(size=99))
    x = np.concatenate([rng.normal(size=2000) * 2, value, [np.nan]])
    score = np.sort(rng.normal(size=99))
    assert_array_equal(interpolate_in_numpy(x, value, score), interpolate(x, value, score))
