"""Rows of Dask collections: the bits of the rows in memory, wherever the sums are made."""

import logging

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from numpy.testing import assert_array_equal

from xsift.errors import TableError
from xsift.mixture import GaussianMixture
from xsift.mixture.blocks import slab_size

ATTRIBUTES = ["weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bounds_"]
N, D = 5_000, 40  # more rows than two slabs have
CHUNKS = ((1_111, 0, 17, 2_900, 972), (30, 10))


@pytest.fixture(scope="module")
def X():
    assert 2 * slab_size(D) < 8 * N
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8 * N, D))
    X[:, :3] += 3 * rng.integers(3, size=(8 * N, 1))
    X[rng.random(8 * N) < 0.2, 5:8] = np.nan
    X[rng.random(8 * N) < 0.1, 0] = np.nan
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


def chunked(X):
    rows = tuple(8 * n for n in CHUNKS[0])
    return da.from_array(X, chunks=(rows, CHUNKS[1]))


def framed(X, n):
    columns = {f"f{j}": pd.array(X[:, j], dtype="Float64") for j in range(1, D)}
    frame = pd.DataFrame({"f0": X[:, 0], **columns})
    return dd.from_pandas(frame, npartitions=n, sort=False)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_array_of_any_chunks(X, weight, expected, where, weighted):
    found = fit(chunked(X), weight if weighted else None)
    assert_same_bits(found, expected[weighted])
    assert not hasattr(found, "feature_names_in_")


def test_a_data_frame(X, expected, where):
    frame = framed(X, 3)
    found = fit(frame)
    assert_same_bits(found, expected[False])
    assert found.feature_names_in_.tolist() == list(frame.columns)


def test_lengths_of_chunks_that_are_not_known(X, expected, where):
    some = chunked(X)
    unknown = some[da.ones(len(X), chunks=some.chunks[0], dtype=bool)]
    assert np.isnan(unknown.shape[0])
    assert_same_bits(fit(unknown), expected[False])


def test_what_is_said_of_rows(X, expected, where):
    model, rows = expected[False], chunked(X)
    for name in ("predict", "predict_proba", "score_samples"):
        assert_array_equal(getattr(model, name)(rows), getattr(model, name)(X), err_msg=name)
    assert model.information_criteria(rows) == model.information_criteria(X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: da.where(chunked(X) > 4, np.inf, chunked(X)), "row .* has an infinite value"),
        (lambda X: chunked(X)[:0], "no blocks of rows: there is nothing to fit"),
        (lambda X: chunked(X)[0], "Expected 2D array, got 1D array instead"),
        (lambda X: framed(X, 2).assign(f3="star"), "column 'f3' holds .*, not numbers"),
    ],
)
def test_rows_that_cannot_be_fitted(X, where, spoil, message):
    with pytest.raises(TableError, match=message):
        GaussianMixture(2).fit(spoil(X))


def test_weights_of_another_number(X, where):
    with pytest.raises(TableError, match=f"3 weights for {len(X)} rows: give one for each"):
        GaussianMixture(2).fit(chunked(X), sample_weight=np.ones(3))
