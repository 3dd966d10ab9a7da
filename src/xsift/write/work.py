"""A work in steps that outlives a stop: a step is done when its mark is renamed into place."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
        """Return the place of a file of a step (in folders: ``a/b.txt``)."""
        return self.folder / name

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give the path to write a file of a step to: it has its name when it is whole.

        Two processes may write the same step, where one of them was thought to be lost.
        """
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            yield beside
            with open(beside, "rb") as file:
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    def write_json(self, name: str, plain: Any) -> None:
        """Write plain data into a file of a step."""
        with self.writing(name) as path, open(path, "w", encoding="ascii") as file:
            json.dump(plain, file)

    def read_json(self, name: str) -> Any:
        """Read the plain data of a step that is done."""
        return json.loads((self.folder / name).read_bytes())

    def mark(
        self, step: str, said: Mapping[str, Any], names: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """Say that a step is done: its files are on the disk, and with them what it said.

        Returns
        -------
        dict of str to str
            The digests of its files.
        """
        files = {name: digest(self.folder / name) or "" for name in names}
        self.write_json(f"{step}.json", {"said": said, "files": files})
        self.know(step, files)
        return files

    def know(self, step: str, files: dict[str, str]) -> None:
        """Take the digests of a step's files as another process found them."""
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
