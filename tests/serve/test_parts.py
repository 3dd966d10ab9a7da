"""A catalogue in parts, as a stream writes it, is served as the same one in two files is."""

import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from xsift import Settings, classify
from xsift.errors import TableError, XsiftWarning
from xsift.pipeline.stream import classify_stream
from xsift.serve import catalogue
from xsift.serve.app import create_app
from xsift.serve.catalogue import read_served


@pytest.fixture(scope="module")
def folders(tmp_path_factory, table_of):
    """The same catalogue in parts, and in two files."""
    folder, table = tmp_path_factory.mktemp("parts"), table_of(300).drop_columns(["label"])
    pq.write_table(table, folder / "one.parquet")
    (folder / "many").mkdir()
    for start in (0, 200):
        pq.write_table(table.slice(start, 200), folder / f"many/{start:03d}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        sizes = {"rows": 70, "bucket_rows": 90}
        classify_stream(folder / "many", "csc20", Settings(), folder / "parts", None, **sizes)
        classify(folder / "one.parquet", "csc20").write(folder / "whole")
    return folder / "parts", folder / "whole"


def test_it_is_served_as_the_whole_one(folders):
    parts, whole = map(read_served, folders)
    assert parts.sources.equals(whole.sources)
    assert parts.detections.equals(whole.detections)
    assert (parts.owner == whole.owner).all()
    for name, values in whole.numbers.items():
        assert np.array_equal(parts.numbers[name], values, equal_nan=True)
    assert len(parts.fingerprint) == 16
    assert parts.in_sample == whole.in_sample


def test_too_many_detections_are_left_out(folders, monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_ROWS", 200)
    served = read_served(folders[0])
    assert (served.n, served.detections) == (150, None)
    client = TestClient(create_app(served, ["localhost", "127.0.0.1"]), "http://127.0.0.1:8000")
    said = client.get("/api/catalogue").json()
    assert (said["n_sources"], said["n_detections"]) == (150, 300)
    assert (said["has"]["detections"], said["has"]["model"]) == (False, True)
    name = served.sources["name"][7].as_py()
    card = client.get("/api/source", params={"name": name}).json()["card"]
    assert card["source"]["name"] == name
    assert not card["detections"]
    refused = client.get("/api/table.csv", params={"level": "detections"})
    assert refused.status_code >= 400
    assert "more than 200 are not served: take them from" in refused.text
    assert client.get("/api/table.csv", params={"level": "sources"}).text.count("\n") == 151


def test_too_many_sources_are_refused(folders, monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_ROWS", 100)
    with pytest.raises(TableError, match=r"sources: 150 sources, and 100 at most are held in memo"):
        read_served(folders[0])
    assert read_served(folders[1]).n == 150
