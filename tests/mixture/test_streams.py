"""Weights, rows that are not in memory, threads: what must not change a result."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift.errors import TableError
from xsift.mixture import GaussianMixture, ParquetBlocks
from xsift.mixture.blocks import slab_size

ATTRIBUTES = ["weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bounds_"]


@pytest.fixture(scope="module")
def X():
    """More rows than a slab has, a tenth of the values missing."""
    rng = np.random.default_rng(0)
    n, d = 40_000, 40
    assert n > slab_size(d)
    X = rng.normal(size=(n, d))
    X[:, :3] += 3 * rng.integers(3, size=(n, 1))
    X[rng.random(n) < 0.2, 5:8] = np.nan
    X[rng.random(n) < 0.1, 0] = np.nan
    return X


@pytest.fixture(scope="module")
def weight(X):
    return np.random.default_rng(1).integers(0, 4, len(X)).astype(float)


def fit(X, weight=None, **options):
    options = {"n_components": 3, "random_state": 0, "max_iter": 40} | options
    return GaussianMixture(**options).fit(X, sample_weight=weight)


def assert_same_bits(one, other):
    for name in ATTRIBUTES:
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_same_bits_from_memory_blocks_and_parquet(X, weight, weighted, tmp_path):
    w = weight if weighted else None
    expected = fit(X, w)
    columns = {f"f{j}": pa.array(X[:, j], from_pandas=True) for j in range(X.shape[1])}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=9000)
    for size in [1000, 7777]:
        blocks = [X[i : i + size] for i in range(0, len(X), size)]
        model = fit(lambda blocks=blocks: iter(blocks), w)
        assert_same_bits(model, expected)
    model = fit(path, w)
    assert_same_bits(model, expected)
    assert model.feature_names_in_.tolist() == list(columns)
    assert_array_equal(model.predict(path), expected.predict(X))
    assert_array_equal(model.score_samples(path), expected.score_samples(X))
    assert model.bic(path) == expected.bic(X)


def test_same_bits_from_several_files(X, tmp_path):
    for at, rows in enumerate((X[:11_111], X[11_111:])):
        columns = {f"f{j}": pa.array(rows[:, j], from_pandas=True) for j in range(X.shape[1])}
        pq.write_table(pa.table(columns), tmp_path / f"{at}.parquet", row_group_size=9000)
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    assert_same_bits(fit(ParquetBlocks(files)), fit(X))
    pq.write_table(pa.table({"f0": [1.0]}), tmp_path / "2.parquet")
    with pytest.raises(TableError, match=r"2\.parquet: there is no column f1"):
        ParquetBlocks([*files, tmp_path / "2.parquet"])
    with pytest.raises(TableError, match="no Parquet file: give one at least"):
        ParquetBlocks([])


def test_weights_in_the_blocks_and_in_a_column(X, weight, tmp_path):
    expected = fit(X, weight)
    blocks = [(X[i : i + 999], weight[i : i + 999]) for i in range(0, len(X), 999)]
    assert_same_bits(fit(lambda: iter(blocks)), expected)
    names = [f"f{j}" for j in range(X.shape[1])]
    table = pa.table([*X.T, weight, np.full(len(X), "text")], [*names, "weight", "name"])
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = ParquetBlocks(tmp_path / "rows.parquet", names, weight="weight")
    assert_same_bits(fit(rows), expected)
    with pytest.raises(TableError, match="weights in the blocks and as sample_weight"):
        fit(rows, weight)


def test_same_bits_on_any_number_of_threads(X, weight):
    expected = fit(X, weight, n_threads=1)
    for n_threads in [2, 3, None]:
        assert_same_bits(fit(X, weight, n_threads=n_threads), expected)
    again = fit(X, weight, n_threads=1)
    assert_same_bits(again, expected)


def test_another_seed_draws_other_seeds(X):
    one, other = (fit(X[:500, :4], random_state=seed, max_iter=500) for seed in (0, 1))
    assert not np.array_equal(one.means_, other.means_)


def test_a_weight_repeats_and_zero_removes(X, weight):
    X, weight = X[:3000, :4], weight[:3000]
    rng = np.random.default_rng(0)
    start = {
        "weights_init": [0.2, 0.3, 0.5],
        "means_init": 3 * rng.normal(size=(3, 4)),
        "precisions_init": [np.eye(4)] * 3,
        "max_iter": 500,
    }
    weighted = fit(X, weight, **start)
    repeated = fit(np.repeat(X, weight.astype(int), axis=0), **start)
    assert weighted.n_iter_ == repeated.n_iter_
    for name in ATTRIBUTES:
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-9, atol=1e-10)
    kept = weight > 0
    removed = fit(X[kept], weight[kept], **start)
    assert_allclose(weighted.covariances_, removed.covariances_, rtol=1e-9, atol=1e-10)
    X_repeated = np.repeat(X, weight.astype(int), axis=0)
    assert_allclose(weighted.score(X, sample_weight=weight), repeated.score(X_repeated))


def test_the_start_too_takes_a_weight_for_a_repetition(X, weight):
    X, weight = X[:800, 2:5], weight[:800]
    options = {"max_iter": 500, "tol": 1e-7}
    weighted = fit(X, weight, **options)
    repeated = fit(np.repeat(X, weight.astype(int), axis=0), **options)
    # The same seeds are drawn; the pull on small groups depends on the mean weight of a row.
    assert_allclose(weighted.means_, repeated.means_, rtol=1e-3, atol=1e-3)


def test_only_ratios_of_weights_count(X, weight):
    one, other = fit(X[:2000, :4], weight[:2000]), fit(X[:2000, :4], 1e-9 * weight[:2000])
    assert_allclose(one.means_, other.means_, rtol=1e-9, atol=1e-9)
    assert_allclose(one.lower_bound_, other.lower_bound_)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_an_affine_change_of_features_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3)) + 2 * rng.integers(2, size=(300, 1))
    A = np.linalg.qr(rng.normal(size=(3, 3)))[0] * 10 ** rng.uniform(-2, 2, 3)
    b = rng.normal(size=3)
    means = rng.normal(size=(2, 3)) + np.array([[0.0], [2.0]])
    options = {"n_components": 2, "reg_covar": 0.0, "tol": 1e-6, "max_iter": 2000}
    start = {"weights_init": [0.5, 0.5], "means_init": means, "precisions_init": [np.eye(3)] * 2}
    plain = GaussianMixture(**options, **start).fit(X)
    inverse = np.linalg.inv(A)
    precision = inverse @ inverse.T
    start |= {"means_init": means @ A + b, "precisions_init": [(precision + precision.T) / 2] * 2}
    moved = GaussianMixture(**options, **start).fit(X @ A + b)
    assert moved.n_iter_ == plain.n_iter_
    log_det = np.linalg.slogdet(A)[1]
    assert_allclose(moved.lower_bound_, plain.lower_bound_ - log_det, rtol=1e-8)
    assert_allclose(moved.means_, plain.means_ @ A + b, rtol=1e-6, atol=1e-8 * np.abs(A).max())
    assert_allclose(moved.predict_proba(X @ A + b), plain.predict_proba(X), atol=1e-6)


def once():
    yield np.zeros((3, 2))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (once(), "can be visited only once"),
        (lambda: iter([]), "no blocks of rows"),
        (lambda: iter([np.zeros((3, 2)), np.zeros((3, 4))]), "block with 4 features after"),
        (lambda: iter([np.zeros(3)]), r"block of shape \(3,\)"),
        (lambda: iter([np.full((3, 2), "a")]), "two-dimensional arrays of numbers"),
        (lambda: iter([np.ones((3, 2)), [[1.0, np.inf]]]), "row 3 has an infinite value in feat"),
        (lambda: iter([(np.ones((3, 2)), np.ones(2))]), r"weights of shape \(2,\) for 3 rows"),
        (lambda: iter([(np.ones((3, 2)), [1, np.nan, 1])]), "row 1 has the weight nan"),
        ("no/such.parquet", "no/such.parquet: cannot be read"),
    ],
)
def test_blocks_that_cannot_be_read(rows, message):
    with pytest.raises(TableError, match=message):
        GaussianMixture().fit(rows)


def test_wrong_number_of_weights_for_blocks():
    with pytest.raises(TableError, match="weights of shape"):
        GaussianMixture().fit(lambda: iter([np.zeros((3, 2))]), sample_weight=[1, 1])
    with pytest.raises(TableError, match="5 weights for 3 rows"):
        GaussianMixture().fit(lambda: iter([np.zeros((3, 2))]), sample_weight=np.ones(5))


def test_other_features_than_fitted(X):
    model = fit(X[:300, :3], max_iter=500)
    with pytest.raises(TableError, match="rows have 2 features, but the mixture was fitted to 3"):
        model.predict(lambda: iter([X[:5, :2]]))


def test_columns_of_a_parquet_file(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1, 2, None], "b": [0.5, 1.5, 2.5], "c": ["x", "y", "z"]}), path)
    with pytest.raises(TableError, match="column c holds string, not numbers"):
        ParquetBlocks(path)
    with pytest.raises(TableError, match="there is no column q"):
        ParquetBlocks(path, ["a", "q"])
    (block,) = ParquetBlocks(path, ["b", "a"])()
    assert_array_equal(block, [[0.5, 1], [1.5, 2], [2.5, np.nan]])
