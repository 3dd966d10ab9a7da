"""Rows of Dask collections: the bits of the rows in memory, wherever the sums are made."""

import logging

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dask import delayed
from distributed import Client, LocalCluster
from numpy.testing import assert_array_equal

from xsift.errors import TableError
from xsift.mixture import GaussianMixture
from xsift.mixture.blocks import slab_size

# Dask's own reading of Parquet.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

ATTRIBUTES = ["weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bounds_"]
N, D = 40_000, 64  # more rows than two slabs have
CHUNKS = ((8_888, 0, 136, 23_200, 7_776), (40, 24))


@pytest.fixture(scope="module")
def X():
    assert 2 * slab_size(D) < N
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D))
    X[:, :3] += 3 * rng.integers(3, size=(N, 1))
    X[rng.random(N) < 0.2, 5:8] = np.nan
    X[rng.random(N) < 0.1, 0] = np.nan
    X[7] = np.nan
    return X


@pytest.fixture(scope="module")
def weight(X):
    return np.random.default_rng(1).integers(0, 4, len(X)).astype(float)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Two workers, each a process, on this machine alone."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=str(tmp_path_factory.mktemp("dask")),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(params=["here", "workers"])
def where(request):
    """With and without a client; what is made before it is asked for does not know of it."""
    if request.param == "here":
        yield
    else:
        with request.getfixturevalue("client").as_current():
            yield


def fit(X, weight=None, **options):
    options = {"n_components": 3, "random_state": 0, "max_iter": 6, "tol": 0.0} | options
    with pytest.warns(match="has not converged"):
        return GaussianMixture(**options).fit(X, sample_weight=weight)


def assert_same_bits(one, other):
    for name in ATTRIBUTES:
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.fixture(scope="module")
def expected(X, weight):
    return fit(X), fit(X, weight)


@pytest.fixture(scope="module")
def chunked(X, tmp_path_factory):
    """An array that each worker reads for itself, in odd chunks, one of them empty."""
    folder, parts, end = tmp_path_factory.mktemp("chunks"), [], 0
    for at, n in enumerate(CHUNKS[0]):
        np.save(folder / f"{at}.npy", X[end : end + n])
        read = delayed(np.load)(str(folder / f"{at}.npy"))
        parts.append(da.from_delayed(read, (n, D), np.float64))
        end += n
    return da.concatenate(parts).rechunk({1: CHUNKS[1]})


@pytest.fixture(scope="module")
def framed(X, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frame")
    for at in range(3):
        columns = {f"f{j:02}": pa.array(X[at::3, j], from_pandas=True) for j in range(D)}
        pq.write_table(pa.table(columns), folder / f"{at}.parquet")
    return dd.read_parquet(folder)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_array_of_any_chunks(chunked, weight, expected, where, weighted):
    found = fit(chunked, weight if weighted else None)
    assert_same_bits(found, expected[weighted])
    assert not hasattr(found, "feature_names_in_")


def test_a_data_frame(X, framed, where):
    found = fit(framed)
    assert_same_bits(found, fit(np.concatenate([X[at::3] for at in range(3)])))
    assert found.feature_names_in_.tolist() == list(framed.columns)


def test_lengths_of_chunks_that_are_not_known(chunked, expected, where):
    unknown = chunked[da.ones(N, chunks=CHUNKS[0], dtype=bool)]
    assert np.isnan(unknown.shape[0])
    assert_same_bits(fit(unknown), expected[False])


def test_what_is_said_of_rows(X, chunked, expected, where):
    model, rows = expected[False], chunked
    for name in ("predict", "predict_proba", "score_samples"):
        assert_array_equal(getattr(model, name)(rows), getattr(model, name)(X), err_msg=name)
    assert model.information_criteria(rows) == model.information_criteria(X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, f: da.where(x > 4.5, np.inf, x), "row .* has an infinite value in feature"),
        (lambda x, f: x[:0], "there is nothing to fit"),
        (lambda x, f: x[0], "Expected 2D array, got 1D array instead"),
        (lambda x, f: f.assign(f03="star"), "column 'f03' holds .*, not numbers"),
    ],
)
def test_rows_that_cannot_be_fitted(chunked, framed, where, spoil, message):
    with pytest.raises(TableError, match=message):
        GaussianMixture(2).fit(spoil(chunked, framed))


def test_weights_of_another_number(chunked, where):
    with pytest.raises(
        TableError,
        match=f"(3 weights for {N}|weights of shape .3,. for 8888) rows.*: give one for each",
    ):
        GaussianMixture(2).fit(chunked, sample_weight=np.ones(3))


def test_a_catalogue_of_lsdb(where):
    lsdb = pytest.importorskip("lsdb")
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"ra": rng.uniform(0, 360, 900), "dec": rng.uniform(-60, 60, 900)})
    frame["x"] = rng.normal(size=900) + 9 * (frame["ra"] > 180)
    frame["y"] = rng.normal(size=900)
    frame.loc[::7, "y"] = np.nan
    catalogue = lsdb.from_dataframe(frame, partition_rows=300, margin_threshold=None)
    assert catalogue.npartitions > 2
    found = fit(catalogue[["x", "y"]])
    rows = catalogue.compute()[["x", "y"]].to_numpy(np.float64, na_value=np.nan)
    assert_same_bits(found, fit(rows))
    assert found.feature_names_in_.tolist() == ["x", "y"]
