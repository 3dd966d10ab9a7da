"""The demo's catalogue: simulated once, then kept."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import xsift
from xsift.errors import OutputError, TableError
from xsift.fetch.cache import default_folder
from xsift.pipeline.demo import exhibit
from xsift.write import check_of_one_run, remove_ours

__all__ = ["demo_folder"]

_PREFIX = "demo-"


def demo_folder(progress: Callable[[str], None]) -> Path:
    """Return the folder of the demo's catalogue. Simulate it first if this version has not yet.

    The folder is in the user's cache, or in a temporary folder if no cache can be used.
    """
    name = _PREFIX + _fingerprint()
    cache = default_folder()
    folder = cache / name
    if _is_whole(folder):
        return folder
    try:
        exhibit(folder, progress=progress)
    except OutputError:
        folder = Path(tempfile.mkdtemp(prefix="xsift-demo-"))
        exhibit(folder, progress=progress)
        return folder
    for old in cache.glob(_PREFIX + "*"):
        if old.name != name:
            remove_ours(old)
    return folder


def _is_whole(folder: Path) -> bool:
    """Say whether the run that made the catalogue came to its end."""
    try:
        check_of_one_run(folder)
    except TableError:
        return False
    return (folder / "run.json").exists()


def _fingerprint() -> str:
    """Return what changes whenever the code does: an old catalogue would not be this xsift's."""
    digest = hashlib.sha256()
    package = Path(xsift.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.is_relative_to(package / "serve"):
            continue
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
