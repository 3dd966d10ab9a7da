"""Downloads, read back with other programs' readers; SAMP with a hub of our own."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import Table

READERS = {"vot": "votable", "fits": "fits", "csv": "ascii.csv", "parquet": None}


def read_back(form, content):
    if form == "parquet":
        return Table(pq.read_table(io.BytesIO(content)).to_pydict())
    return Table.read(io.BytesIO(content), format=READERS[form])


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("level", ["sources", "detections"])
def test_a_selection_read_back(client, get, calibrated, form, level):
    answer = client.get(f"/api/table.{form}", params={"group": "AGN", "level": level})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="xsift-{level}.{form}"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    table = read_back(form, answer.content)
    whole = pq.read_table(calibrated / f"{level}.parquet")
    sources = pq.read_table(calibrated / "sources.parquet").to_pylist()
    agn = {r["name"] for r in sources if r["group"] == "AGN"}
    wanted = [r for r in whole.to_pylist() if r["name"] in agn]
    assert table.colnames == whole.column_names
    assert [str(n).strip() for n in table["name"]] == [r["name"] for r in wanted]
    for name in ("p_qso", "ra"):
        values = [np.nan if r[name] is None else r[name] for r in wanted]
        # A masked cell is NaN below.
        got = np.ma.filled(np.ma.asarray(table[name], float), np.nan)
        np.testing.assert_allclose(got, values, rtol=1e-12)


def test_units_and_ucds_are_kept(client):
    table = parse_single_table(io.BytesIO(client.get("/api/table.vot").content))
    said = {f.name: (f.unit, f.ucd) for f in table.fields}
    assert said["ra"] == ("deg", "pos.eq.ra;meta.main")
    assert said["p_qso"] == (None, "stat.probability")


def test_columns_are_chosen(client, refused):
    content = client.get("/api/table.csv", params={"columns": "p_qso,name", "index": "3"}).text
    head, row = content.splitlines()
    assert head == '"p_qso","name"'
    assert len(row.split(",")) == 2
    status, line = refused("/api/table.csv", columns="name,p_qs")
    assert status == 422
    assert line.startswith("columns 'p_qs': allowed are name,")
    assert refused("/api/table.csv", columns=",")[1].startswith("columns: none is named")


def test_nothing_selected_is_an_empty_table(client):
    for form in READERS:
        content = client.get(f"/api/table.{form}", params={"index": ""}).content
        assert len(read_back(form, content)) == 0


def test_a_format_that_is_none(refused):
    assert refused("/api/table.exe")[0] == 422


def test_no_download_leaves_a_file(client, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert client.get("/api/table.fits").status_code == 200
    assert not list(tmp_path.iterdir())


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A SAMP hub on this machine that only this test knows."""
    from pyvo.samp import SAMPHubServer, conf

    with conf.set_temp("use_internet", False):
        lock = tmp_path / "hub"
        server = SAMPHubServer(
            lockfile=str(lock), addr="127.0.0.1", web_profile=False, mode="single", timeout=10
        )
        server.start()
        monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
        yield server
        server.stop()


def test_a_selection_goes_to_the_programs_of_the_hub(client, get, hub):
    import threading

    from pyvo.samp import SAMPIntegratedClient

    nobody = client.post("/api/samp", headers={"X-Xsift": "1"}).json()
    assert nobody == {"sent": False, "clients": 0, "detail": "no running program takes tables"}
    got, came = [], threading.Event()

    def take(key, sender, kind, parameters, extra):
        got.append((kind, parameters))
        came.set()

    taker = SAMPIntegratedClient(addr="127.0.0.1")
    taker.connect()
    try:
        taker.bind_receive_notification("table.load.votable", take)
        answer = client.post("/api/samp", params={"group": "AGN"}, headers={"X-Xsift": "1"})
        assert answer.json() == {"sent": True, "clients": 1, "detail": "sent to 1 program"}
        assert came.wait(10)
    finally:
        taker.disconnect()
    (kind, parameters) = got[0]
    n = get("/api/filter", group="AGN")["total"]
    assert kind == "table.load.votable"
    assert parameters["name"] == f"xsift: {n} sources"
    assert parameters["url"] == "http://127.0.0.1:8000/api/table.vot?group=AGN"
    assert len(read_back("vot", client.get(parameters["url"]).content)) == n


def test_without_a_hub_there_is_one_line(client, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    answer = client.post("/api/samp", headers={"X-Xsift": "1"})
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no SAMP hub runs on this machine")


def test_nothing_is_sent_where_nothing_passes(client):
    answer = client.post("/api/samp", params={"index": ""}, headers={"X-Xsift": "1"})
    assert answer.status_code == 422
