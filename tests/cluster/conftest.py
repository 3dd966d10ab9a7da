"""Schedulers and workers, each in a process of its own."""

import os
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)


@pytest.fixture(scope="package", autouse=True)
def found_by_workers():
    """Let processes that the tests start find `flows`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [HERE, os.getenv("PYTHONPATH")])))
        yield
