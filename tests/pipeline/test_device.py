"""Where `run` and `scan` fit mixtures, and what they say of it: JAX's CPU stands in for a GPU."""

import json

import pytest
from numpy.testing import assert_allclose

from xsift import Settings, open_catalogue, run
from xsift.errors import SettingError
from xsift.mixture import devices
from xsift.pipeline.run_stream import run_stream
from xsift.pipeline.scan import scan_k
from xsift.read import parts_of

jax = pytest.importorskip("jax")


@pytest.fixture
def gpu(monkeypatch):
    from xsift.mixture import on_gpu

    monkeypatch.setattr(devices, "_devices_of_jax", lambda: (jax.devices("cpu"), ""))
    monkeypatch.setattr(on_gpu, "_step_rows", lambda K, d: 256)


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_run(gpu, files, method, monkeypatch):
    # Smaller mixtures, such as those of a part of the detections, stay on the CPU.
    monkeypatch.setattr(devices, "LEAST_ROWS", 600)
    settings = Settings(method=method, features="all", label_column="label", seed=1)
    here = run(files / "labelled.parquet", settings=settings, device="cpu")
    there = run(files / "labelled.parquet", settings=settings)
    assert here.record["device"] == "cpu"
    assert "device" not in here.model.training.environment
    assert there.record["device"] == there.model.training.environment["device"] == "gpu (cpu)"
    assert "  mixtures fitted on the GPU (cpu)\n" in repr(there)
    assert there.sources["class"].equals(here.sources["class"])
    one, other = (c.detections["typicality"].to_numpy() for c in (here, there))
    assert_allclose(other, one, atol=1e-6)


def test_few_detections_are_fitted_on_the_cpu_unless_asked(gpu, files):
    how = {"method": "paper", "features": "all", "label_column": "label"}
    assert run(files / "labelled.parquet", **how).record["device"] == "cpu"
    assert run(files / "labelled.parquet", **how, device="gpu").record["device"] == "gpu (cpu)"


def test_run_of_a_table_in_parts(gpu, files, tmp_path):
    parts = parts_of(files / "labelled.parquet", 150)
    settings = Settings(method="paper", features="all", label_column="label")
    run_stream(parts, None, settings, None, tmp_path, bucket_rows=180, device="gpu")
    found = open_catalogue(tmp_path)
    assert found.record["device"] == found.model.training.environment["device"] == "gpu (cpu)"


def test_scan(gpu, xsift, files, tmp_path):
    how = ("scan", files / "table.parquet", "--out", tmp_path, "--k-max", 3, "--restarts", 2)
    said = xsift(*how, "--device", "gpu")
    assert said.status == 0, said.err
    assert "Fitted on the GPU (cpu)." in said.out
    there = json.loads((tmp_path / "scan.json").read_text("utf-8"))
    assert there["device"] == "gpu (cpu)"
    assert "Fitted on the CPU." in xsift(*how).out
    here = json.loads((tmp_path / "scan.json").read_text("utf-8"))
    assert here["device"] == "cpu"
    assert here["fingerprint"] != there["fingerprint"]  # the fits were made anew
    for one, other in zip(here["fits"], there["fits"], strict=True):
        assert_allclose(
            [other[n] for n in ("bic", "aic", "icl", "n_iter")],
            [one[n] for n in ("bic", "aic", "icl", "n_iter")],
            rtol=1e-8,
        )


def test_the_summary_of_a_scan_names_the_device(gpu, files, tmp_path):
    found = scan_k(files / "table.parquet", tmp_path, 2, 1, device="gpu")
    assert repr(found).startswith("2 fits to 600 detections, on the GPU (cpu)\n")


def test_workers_use_the_cpu(gpu, files, tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="device gpu and workers or dask exclude each other"):
        scan_k(files / "table.parquet", tmp_path, 2, 1, workers=2, device="gpu")
    monkeypatch.setattr(devices, "LEAST_ROWS", 500)
    assert scan_k(files / "table.parquet", tmp_path / "a", 1, 1, workers=1).device == "gpu (cpu)"
    assert scan_k(files / "table.parquet", tmp_path / "b", 1, 1, workers=2).device == "cpu"


@pytest.mark.parametrize("command", ["scan", "run"])
@pytest.mark.parametrize("given", ["gpu", "tpu"])
def test_what_is_not_there_is_refused_before_the_table_is_read(
    xsift, tmp_path, monkeypatch, command, given
):
    monkeypatch.setattr(devices, "_devices_of_jax", lambda: ([], "cpu"))
    (tmp_path / "no.vot").write_text("no table")
    more = ("--label-column", "label") if command == "run" else ()
    said = xsift(command, tmp_path / "no.vot", "--out", tmp_path / "out", "--device", given, *more)
    assert said.status == 2
    assert f"--device {given}: " in said.err
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
