"""Finished tasks on disk: a validation that was stopped goes on from there."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
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

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.root = folder
        self.folder = folder / fingerprint[:32]
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
            number, beside = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            try:
                with os.fdopen(number, "wb") as file:
                    np.savez(file, allow_pickle=False, **held)
                    file.flush()
                    os.fsync(file.fileno())
                Path(beside).replace(self._path(task))
            finally:
                Path(beside).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written: {error.strerror}") from error

    def drop_others(self) -> None:
        """Remove the answers that other data, settings or code gave."""
        for folder in self.root.iterdir():
            if folder != self.folder and re.fullmatch(r"[0-9a-f]{32}", folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    def _path(self, task: Task) -> Path:
        # A type's name may hold anything, such as a slash.
        text = "\0".join(str(v) for v in asdict(task).values())
        return (
            self.folder / f"{task.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
        )
