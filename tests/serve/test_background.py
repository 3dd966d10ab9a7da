"""A catalogue is served from a notebook's cell, and the cell goes on."""

import threading
import urllib.request

import pytest

import xsift
from xsift.errors import SettingError, TableError


def get(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def ours():
    return [t for t in threading.enumerate() if t.name == "xsift-serve"]


def test_a_folder_is_served_until_it_is_stopped(calibrated):
    with xsift.serve_catalogue(calibrated) as served:
        assert served.address.startswith("http://127.0.0.1:")
        assert "<title>" in get(served.address)
        assert repr(served) == f"serving at {served.address} (stop() ends it)"
        assert f'href="{served.address}"' in served._repr_html_()
        assert len(ours()) == 1
    assert ours() == []
    with pytest.raises(OSError, match="refused"):
        get(served.address)
    served.stop()
    assert repr(served) == served._repr_html_() == f"stopped: served at {served.address}"


def test_a_catalogue_in_memory_is_served_from_a_folder_that_goes(
    small_table, calibrated, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = small_table.drop_columns(["label"])
    served = xsift.serve_catalogue(xsift.classify(table, model=calibrated / "model.asdf"))
    try:
        assert len(list(tmp_path.glob("xsift-served-*"))) == 1
        assert "xsift" in get(served.address)
    finally:
        served.stop()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_served_leaves_no_server(tmp_path, calibrated):
    with pytest.raises(TableError, match="no sources"):
        xsift.serve_catalogue(tmp_path)
    with xsift.serve_catalogue(calibrated) as served:
        port = int(served.address.rstrip("/").rpartition(":")[2])
        with pytest.raises(SettingError, match=f"port {port}: cannot listen there"):
            xsift.serve_catalogue(calibrated, port=port)
        assert len(ours()) == 1
