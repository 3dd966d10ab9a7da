"""A catalogue to publish."""

import pytest

from xsift import Settings, run


@pytest.fixture(scope="module")
def catalogue(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    run(files / "table.parquet", files / "known.parquet", Settings(method="paper")).write(folder)
    return folder
