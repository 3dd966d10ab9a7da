"""Fit a mixture to rows on the workers of a Dask cluster, and see that the bits are the same."""

import tempfile

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from xsift.mixture import GaussianMixture


def blob(block_info=None):
    """Draw the rows of a chunk: they are made where they are needed, and never travel."""
    rows = slice(*block_info[None]["array-location"][0])
    rng = np.random.default_rng(rows.start)
    n = rows.stop - rows.start
    X = rng.normal(size=(n, 3)) + 5 * rng.integers(0, 2, size=(n, 1))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


if __name__ == "__main__":  # Dask's workers import this file
    chunks = ((90_000, 10_000, 150_000), 3)
    X = da.map_blocks(blob, chunks=chunks, dtype=float)
    here = GaussianMixture(2, random_state=0).fit(X)
    print(f"Here, one chunk after another: {len(X):,} rows, {here.n_iter_} iterations.")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=folder,
        ) as cluster,
        Client(cluster),
    ):
        there = GaussianMixture(2, random_state=0).fit(X.persist())
    print(f"On two workers, the same bits: {np.array_equal(here.means_, there.means_)}.")
    print(f"Means of the first feature: {np.sort(here.means_[:, 0]).round(1) + 0.0}")
