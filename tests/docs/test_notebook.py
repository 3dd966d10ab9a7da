"""The example notebook runs, offline, and is kept without what it printed."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra docs is not installed")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "notebook.ipynb"


def read():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_outputs():
    for cell in read().cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert set(read().metadata) == {"kernelspec", "language_info"}


def test_it_names_the_method_that_it_runs():
    said = "".join(cell.source for cell in read().cells)
    assert "The default method, `calibrated`" in said
    assert "method=" not in said  # the default, then


@pytest.mark.slow
def test_it_runs_and_shows_results(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://localhost:9")
    monkeypatch.setenv("https_proxy", "http://localhost:9")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read()
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        (output["data"], cell.source)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    html = [data["text/html"] for data, _ in shown if "text/html" in data]
    tables = [text for text in html if not text.startswith("<progress")]
    assert len(tables) == 3  # catalogue, card, anomalies
    assert "Sources by class" in tables[0]
    assert "Detections" in tables[1]
    assert "Least typical first" in tables[2]
    assert len(html) > len(tables)  # how much was done stands under the cells that worked
    assert sum("image/png" in data for data, _ in shown) == 2
