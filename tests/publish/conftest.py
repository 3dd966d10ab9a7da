"""A catalogue to publish."""

import pytest

from xsift.pipeline import run as pipeline
from xsift.settings import Settings


@pytest.fixture(scope="module")
def catalogue(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    pipeline.run(files / "table.parquet", files / "known.parquet", Settings(method="paper")).write(
        folder
    )
    return folder
