"""Finished tasks on disk: a validation that was stopped goes on from there."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from xsift.errors import OutputError
from xsift.evaluate.experiments import Answer, Task

__all__ = ["Store"]


class Store:
    """Answers by task, one file each, in a folder that is named after what they depend on.

    Parameters
    ----------
    folder : Path
    fingerprint : str
        Of the data, the settings and the code: answers under another one are not looked at.
    scratch : Path, optional
        On the same file system: where an answer is written before it has its name.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, fingerprint: str, scratch: Path | None = None) -> None:
        self.root = folder
        self.folder = folder / fingerprint[:32]
        self._scratch = scratch or self.folder
        for place in (folder, self.folder):
            if place.is_symlink():
                raise OutputError(f"{place} is a link: remove it, or give another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written: {error.strerror}") from error

    def load(self, task: Task) -> Answer | None:
        """Return the answer of a task; None where there is none, or its file is damaged."""
        try:
            with np.load(io.BytesIO(self._path(task).read_bytes()), allow_pickle=False) as file:
                held = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        if set(held) != {f.name for f in fields(Answer)}:
            return None
        return Answer(**{**held, "failed": str(held["failed"])})

    def save(self, task: Task, answer: Answer) -> None:
        """Keep the answer of a task; its file appears when it is whole."""
        held = {f.name: np.asarray(getattr(answer, f.name)) for f in fields(Answer)}
        try:
            beside = self._scratch / ".new"
            try:
                with open(beside, "wb") as file:
                    np.savez(file, allow_pickle=False, **held)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self._path(task))
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written: {error.strerror}") from error

    def drop_others(self) -> None:
        """Remove the answers that other data, settings or code gave, and no other file."""
        for folder in self.root.iterdir():
            if folder != self.folder and re.fullmatch(r"[0-9a-f]{32}", folder.name):
                for path in folder.glob("*.npz"):
                    if _is_answer(path):
                        path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # something else is in it
                    folder.rmdir()

    def _path(self, task: Task) -> Path:
        # A type's name may hold anything, such as a slash.
        text = "\0".join(str(v) for v in asdict(task).values())
        return (
            self.folder / f"{task.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
        )


def _is_answer(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            # Answers of other versions of xsift have other fields besides.
            return {"rows.npy", "p.npy", "shares.npy", "failed.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
