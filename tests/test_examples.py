"""The examples run, offline, from an empty folder, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PRINTS = {
    "calibrated.py": ["of them incomplete", "together: promised 0."],
    "classifier.py": ["CalibratedClassifier     log-loss 0.", "RandomForestClassifier"],
    "classify_a_table.py": ["packaged model csc20", "candidates for young stars"],
    "compare_catalogues.py": ["that it can name: accuracy 0.", "kappa 0.", "surest and wrong:"],
    "fit_incomplete_rows.py": ["24% of the rows are complete", "every row:   0.8"],
    "fit_on_dask.py": ["250,000 rows", "the same bits: True", "first feature: [0. 5.]"],
    "lsdb_and_hats.py": [
        "p_qso is double[pyarrow]",
        "counterparts with classes within 5 deg",
        "counterparts with classes in HATS",
        "sources, ",
    ],
    "own_profile.py": ["13 features, the last is softest", "from the file: True"],
    "table_in_memory.py": ["477 rows, as 477 went in", "units are kept: keV"],
    "own_figure.py": ["figure in own_figure.png", "steeper than all others: supported"],
    "own_classes.py": ["p_active_galaxy, p_binary, p_young_star", "young star     trained on"],
    "train_your_own.py": ["never seen", "balanced accuracy 0."],
    "vote_published.py": [
        "7 detections of 3 sources: 1 unique, 2 ambiguous",
        "one loud detection         3  HXB  QSO  ambiguous",
        "a tie                      2  HXB  Y*O  ambiguous",
        "both votes agree           2  QSO  QSO  unique",
    ],
}
# nested-pandas, under LSDB, uses what a later pandas will change: Python shows no user that.
PATIENCE = {"lsdb_and_hats.py": ["-W", "ignore::DeprecationWarning"]}


def run_example(name, folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", *PATIENCE.get(name, ()), EXAMPLES / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "http_proxy": "http://localhost:9", "https_proxy": "http://localhost:9"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run():
    assert {p.name for p in EXAMPLES.glob("*.py")} == set(PRINTS)


@pytest.mark.parametrize("name", PRINTS)
def test_example(name, tmp_path):
    printed = run_example(name, tmp_path)
    for part in PRINTS[name]:
        assert part in printed


@pytest.mark.real
def test_the_published_vote(real, tmp_path):
    printed = run_example("vote_published.py", tmp_path, real("paper_detection_level.csv.gz"))
    assert "8,271 unique, 485 ambiguous" in printed
    assert "2CXO J004231.1+411621     97  HXB " in printed
