"""Damaged files: each of many single-byte changes is read or refused in one line, and fast."""

import subprocess
import sys

import pytest
from formats import FORMATS, table

# In a process of its own: a signal, a hang or too much memory shall not end the tests.
CHILD = """
import faulthandler, random, signal, sys, warnings
from pathlib import Path

faulthandler.enable()
warnings.simplefilter("ignore")
from xsift import surveys
from xsift.errors import XsiftError
from xsift.read import read_detections

path, seed = Path(sys.argv[1]), int(sys.argv[2])
survey = surveys.load("csc20")
whole, draw, refused = path.read_bytes(), random.Random(seed), 0


def stop(number, frame):
    raise SystemExit(f"{at}, {new}: longer than 10 s")


signal.signal(signal.SIGALRM, stop)
for _ in range(200):
    at, new = draw.randrange(len(whole)), draw.randrange(256)
    path.write_bytes(whole[:at] + bytes([new]) + whole[at + 1 :])
    signal.alarm(10)
    try:
        read_detections(path, survey, survey.feature_set("all"), need_all=False)
    except XsiftError as error:
        refused += 1
        assert "\\n" not in str(error), (at, new, str(error))
    except Exception as error:
        raise SystemExit(f"{at}, {new}: {type(error).__name__}: {error}")
    signal.alarm(0)
print(refused, round(peak()))
"""


@pytest.mark.parametrize("form", FORMATS)
def test_single_byte_changes(form, tmp_path, peak_code):
    path = tmp_path / "table"
    path.write_bytes(FORMATS[form](table()))
    done = subprocess.run(
        [sys.executable, "-c", peak_code + CHILD, str(path), "1"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    refused, megabytes = map(int, done.stdout.split())
    assert megabytes < 1024
    assert refused > 0
