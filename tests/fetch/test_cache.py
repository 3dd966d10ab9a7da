"""Where answers are kept."""

import sys

import pytest

from xsift.fetch import default_folder


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep caches elsewhere")
def test_the_cache_lies_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for said, folder in (("", ".cache"), (str(tmp_path / "own"), "own")):
        monkeypatch.setenv("XDG_CACHE_HOME", said)
        assert default_folder() == tmp_path / folder / "xsift"
