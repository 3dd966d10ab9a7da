"""A work in steps that outlives a stop: a step is done when its mark is renamed into place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xsift.write.manifest import digest

__all__ = ["Work"]


class Work:
    """The folder of a work: files of its steps, and a mark for each step that is done.

    Parameters
    ----------
    folder : Path
        Of `Staging.work`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, dict[str, str]] = {}

    def path(self, name: str) -> Path:
        """Return where a file of a step is written (in folders: ``a/b.txt``)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, name: str, plain: Any) -> None:
        """Write plain data into a file of a step."""
        with open(self.path(name), "w", encoding="ascii") as file:
            json.dump(plain, file)

    def read_json(self, name: str) -> Any:
        """Read the plain data of a step that is done."""
        return json.loads((self.folder / name).read_bytes())

    def mark(self, step: str, said: Mapping[str, Any], names: tuple[str, ...] = ()) -> None:
        """Say that a step is done: its files are on the disk, and with them what it said."""
        files: dict[str, str] = {}
        for name in names:
            with open(self.folder / name, "rb") as file:
                os.fsync(file.fileno())
            files[name] = digest(self.folder / name) or ""
        path = self.path(f"{step}.json")
        beside = path.with_suffix(".tmp")
        with open(beside, "w", encoding="ascii") as file:
            json.dump({"said": said, "files": files}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        self._files[step] = files

    def done(self, step: str) -> dict[str, Any] | None:
        """Return what a step said that is done; None where it is not, or a file has changed."""
        try:
            found = json.loads((self.folder / f"{step}.json").read_bytes())
            said, files = dict(found["said"]), dict(found["files"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        if step not in self._files:
            if any(digest(self.folder / name) != files[name] for name in files):
                return None
            self._files[step] = files
        return said

    def sha256(self, step: str, name: str) -> str:
        """Return the digest of a file of a step that is done."""
        return self._files[step][name]
