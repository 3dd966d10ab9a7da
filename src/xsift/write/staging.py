"""Output is written beside its place and renamed into it: the old result or the new, never half."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from xsift.errors import OutputError

__all__ = ["Staging", "check_folder"]


def check_folder(folder: str | Path) -> Path:
    """Make sure, before the work starts, that a folder can take the results.

    Raises
    ------
    OutputError
        If it is a file, cannot be made, or cannot be written.
    """
    folder = Path(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"--out {folder} is a file: give a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"--out {folder} cannot be written: {error.strerror}") from error
    return folder


class Staging:
    """A set of files that appear in a folder together, when all of them are whole.

    Use as a context manager: files written to `path(name)` are renamed into the folder at its end.
    Where an error or an interrupt ends it, nothing in the folder has changed.

    Parameters
    ----------
    folder : str or Path
    replaces : iterable of str
        Files of an earlier set that go when the new set is in place, where it has none of the name.

    Raises
    ------
    OutputError
        If the folder cannot be written, or the disk is full.
    """

    def __init__(self, folder: str | Path, replaces: Iterable[str] = ()) -> None:
        self.folder = check_folder(folder)
        self._replaces = tuple(replaces)
        self._names: list[str] = []

    def __enter__(self) -> Staging:
        self._beside = Path(tempfile.mkdtemp(prefix=".xsift-", dir=self.folder))
        return self

    def path(self, name: str) -> Path:
        """Return where to write the file that will be called `name` (in folders: ``a/b.txt``)."""
        self._names.append(name)
        path = self._beside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._rename()
        except OSError as failed:
            raise _cannot_write(self.folder, failed) from failed
        finally:
            shutil.rmtree(self._beside, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(self.folder, error) from error

    def _rename(self) -> None:
        for name in self._names:
            if (self.folder / name).is_dir():
                raise OutputError(f"{self.folder / name} is a directory where a file is to go")
            with open(self._beside / name, "rb") as file:
                os.fsync(file.fileno())
        for name in self._names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        for name in self._names:
            (self._beside / name).replace(self.folder / name)
        for name in set(self._replaces) - set(self._names):
            (self.folder / name).unlink(missing_ok=True)


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{folder}: cannot be written: {reason}; what was there is unchanged")
