"""The most atypical detections, and what makes them so."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, run
from xsift.catalogue.anomalies import anomalies
from xsift.errors import TableError
from xsift.simulate import simulate

ODD = 7


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anomalies")
    drawn = simulate(600, seed=3)
    table = drawn.detections
    # One detection with a temperature that no other has, its other features ordinary.
    at = table.schema.get_field_index("bb_kt")
    values = table["bb_kt"].to_numpy(zero_copy_only=False).copy()
    whole = np.flatnonzero(np.isfinite(values))
    odd = int(whole[ODD])
    values[odd] = 150.0
    table = table.set_column(at, table.schema.field(at), pa.array(values, mask=np.isnan(values)))
    pq.write_table(table, folder / "table.parquet")
    pq.write_table(drawn.known, folder / "known.parquet")
    result = run(
        folder / "table.parquet", folder / "known.parquet", Settings(method="calibrated", seed=1)
    )
    result.write(folder / "out")
    return folder / "out", table["name"][odd].as_py(), table["obsid"][odd].as_py()


def test_the_odd_one_is_found_with_the_feature_that_makes_it_odd(catalogue):
    folder, name, obsid = catalogue
    found = anomalies(folder, 40)
    assert [a.rank for a in found] == list(range(1, 41))
    typicalities = [a.detection["typicality"] for a in found]
    assert typicalities == sorted(typicalities)
    odd = next(a for a in found if (a.detection["name"], a.detection["obsid"]) == (name, obsid))
    assert odd.oddities[0].feature == "bb_kt"
    assert odd.oddities[0].value == 150.0
    assert odd.oddities[0].quantile > 0.99
    assert odd.oddities[0].typicality_without > odd.detection["typicality"]


def test_command(catalogue, xsift):
    said = xsift("anomalies", catalogue[0], "--most", "3", "--json")
    listed = json.loads(said.out if hasattr(said, "out") else said.stdout)
    assert [a["rank"] for a in listed] == [1, 2, 3]


def test_no_catalogue(tmp_path):
    with pytest.raises(TableError, match=r"no sources\.parquet here"):
        anomalies(tmp_path)
