"""Which columns hold the limits of a column, as the catalogue carries them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from .conftest import HOSTS

LIMITS = ["hard_hm_lolim", "hard_hm_hilim", "hard_hs_lolim"]


@pytest.fixture(scope="module")
def columns(tmp_path_factory, small_table):
    from xsift import Settings, run
    from xsift.serve.app import create_app
    from xsift.serve.catalogue import read_served

    folder = tmp_path_factory.mktemp("limits")
    table = small_table
    for name in LIMITS:
        feature = table[name.rsplit("_", 1)[0]].to_numpy()
        shift = -0.1 if name.endswith("lolim") else 0.1
        table = table.append_column(name, pa.array(np.clip(feature + shift, -1, 1)))
    pq.write_table(table, folder / "table.parquet")
    settings = Settings(method="paper", label_column="label", seed=1, keep=LIMITS)
    run(folder / "table.parquet", settings=settings).write(folder)
    app = create_app(read_served(folder), HOSTS)
    said = TestClient(app, "http://127.0.0.1:8000").get("/api/catalogue").json()
    return {column["name"]: column for column in said["columns"]}


def test_limits_that_are_there(columns):
    found = {"low": "hard_hm_lolim", "high": "hard_hm_hilim", "are": "ends"}
    assert columns["hard_hm"]["limits"] == found


@pytest.mark.parametrize("name", ["hard_hs", "hard_ms", "ra", "n_detections", "class", "p_qso_std"])
def test_limits_that_are_not_there(columns, name):
    """One of two is kept, none is kept, none is known."""
    assert columns[name]["limits"] is None


def test_a_probability_has_the_spread_of_its_detections(columns):
    found = {"low": "p_qso_std", "high": "p_qso_std", "are": "errors"}
    assert columns["p_qso"]["limits"] == found
    assert columns["p_class"]["limits"] is None
