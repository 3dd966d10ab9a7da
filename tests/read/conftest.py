"""Files that a test makes."""

import pytest

from xsift.read import read_table


@pytest.fixture
def read(tmp_path):
    """Read a file with this content; its name says nothing of its format."""

    def read_content(content: bytes | str):
        path = tmp_path / "t"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(path)[0]

    return read_content
