"""Output is written beside its place and renamed into it: the old result or the new, never half.

Nothing that xsift did not write itself is replaced or removed: `manifest` keeps the list.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from xsift.errors import OutputError, refuse_path
from xsift.write.manifest import LIST, Version, digest, held, read_list, write_list

try:
    import fcntl
except ImportError:  # not on Windows, which then has no lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["Staging", "check_folder"]

_HIDDEN, _LOCK, _SET, _WORK = ".xsift-run", "lock", "set-", "work-"
# What file systems say that have no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


def check_folder(folder: str | Path) -> Path:
    """Make sure, before the work starts, that a folder can take the results.

    Raises
    ------
    OutputError
        If it is a file, cannot be made, or cannot be written.
    """
    folder = Path(folder)
    with refuse_path(OutputError, f"--out {folder}", "written"):
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"--out {folder} is a file: give a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


class Staging:
    """A set of files that appear in a folder together, when all of them are whole.

    Use as a context manager around the whole work: it refuses at its beginning what would be
    refused at its end, and keeps other runs out of the folder. Files written to `path(name)` are
    renamed into the folder at its end. Where an error or an interrupt ends it, nothing in the
    folder has changed; a folder that was made for the files, and is empty, goes again.

    Parameters
    ----------
    folder : str or Path
    names : iterable of str
        Files that the set may have. Those of an earlier set go when the new set is in place, where
        it has none of the name.
    kind : str
        What the files are: ``catalogue``, ``scan``, ... A file of another kind is not replaced.
    inputs : iterable of str or Path
        Files that the work reads: none of them is replaced.

    Raises
    ------
    OutputError
        If the folder cannot be written, holds files of these names that xsift did not write or
        that are inputs, or another run works in it; or if the disk is full.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Iterable[str] = (),
        kind: str = "",
        inputs: Iterable[str | Path] = (),
    ) -> None:
        self._is_new = not os.path.lexists(folder)
        self.folder = check_folder(folder)
        self._names, self._kind, self._inputs = tuple(names), kind, tuple(inputs)
        self._staged: list[str] = []
        self._made: dict[str, tuple[Path, str]] = {}
        self._work: Path | None = None
        self._done: set[str] = set()

    def __enter__(self) -> Staging:
        self._lock = _hold(self.folder)
        try:
            self._beside = Path(tempfile.mkdtemp(prefix=_SET, dir=self.folder / _HIDDEN))
            self._held(self._names)
        except BaseException as error:
            self._release()
            if isinstance(error, OSError):
                raise _cannot_write(self.folder, error) from error
            raise
        return self

    def may_have(self, names: Iterable[str]) -> None:
        """Name more files that the set may have, before the work."""
        self._names += tuple(names)

    def refuse_foreign(self, names: Iterable[str]) -> None:
        """Refuse, before the work on them starts, files that are not to be replaced."""
        self._held(names)

    def path(self, name: str) -> Path:
        """Return where to write the file that will be called `name` (in folders: ``a/b.txt``)."""
        self._staged.append(name)
        path = self._beside / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def work(self, fingerprint: str) -> tuple[Path, bool]:
        """Return a folder that outlives a work that is stopped, and goes when one is at its end.

        Parameters
        ----------
        fingerprint : str
            Of all that the work depends on. Folders of other works are removed.

        Returns
        -------
        folder : Path
            With what an earlier run of the same work left in it.
        is_anew : bool
            Whether another work had begun here.
        """
        self._work = self.folder / _HIDDEN / f"{_WORK}{fingerprint}"
        others = [p for p in (self.folder / _HIDDEN).glob(f"{_WORK}*") if p != self._work]
        for other in others:
            shutil.rmtree(other, ignore_errors=True)
        try:
            self._work.mkdir(exist_ok=True)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        return self._work, bool(others)

    def adopt(self, name: str, path: Path, sha256: str) -> None:
        """Let a file of the `work` folder, of this digest, be called `name` at the end."""
        self._staged.append(name)
        self._made[name] = path, sha256

    def scratch(self) -> Path:
        """Return a folder for files that no set has; it goes when the work ends."""
        return Path(tempfile.mkdtemp(dir=self._beside))

    def drop(self, name: str) -> None:
        """Let a file go at the end that `commit` has put in place before."""
        self._done.discard(name)

    def commit(self) -> None:
        """Put in place what is written so far, before the work is at its end."""
        try:
            self._commit(())
        except OSError as error:
            raise _cannot_write(self.folder, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._commit(sorted(set(self._names) - self._done - set(self._staged)))
                if self._work is not None:
                    shutil.rmtree(self._work, ignore_errors=True)
        except OSError as failed:
            raise _cannot_write(self.folder, failed) from failed
        finally:
            self._release()
            if kind is not None and self._is_new:
                with contextlib.suppress(OSError):  # it holds what goes on later
                    self.folder.rmdir()
        if isinstance(error, OSError) and (self._staged or self._work):
            raise _cannot_write(self.folder, error, self._work is not None) from error

    def _held(self, names: Iterable[str]) -> dict[str, Version]:
        """Return what the folder has of each name, refusing what is not to be replaced."""
        files = read_list(self.folder)
        found = {}
        for name in names:
            path = self.folder / name
            self._refuse_links(name)
            if path.is_dir():
                raise OutputError(f"{path} is a directory where a file is to go")
            if any(_is_same(path, given) for given in self._inputs):
                raise OutputError(
                    f"{path} is an input of this command, and the result would replace it: give "
                    "another folder for the results"
                )
            version = held(self.folder, name, files)
            if version is None:
                said = "has changed since xsift wrote it" if name in files else "is not xsift's"
                raise OutputError(
                    f"{path} {said}, and the result would replace it: move it, or give another "
                    "folder for the results"
                )
            if version.sha256 is not None and version.kind != self._kind:
                raise OutputError(
                    f"{path} belongs to another result ({version.kind or 'of a tool'}), and this "
                    "one would replace it: give another folder for the results"
                )
            found[name] = version
        return found

    def _refuse_links(self, name: str) -> None:
        # A link's file, or a linked folder's, is elsewhere: nothing there is ours to replace.
        place = self.folder
        for part in Path(name).parts:
            place = place / part
            if place.is_symlink():
                raise OutputError(
                    f"{place} is a link: remove it, or give another folder for the results"
                )

    def _commit(self, stale: Iterable[str]) -> None:
        """Rename the files into the folder: between the two renames of the list, none is lost."""
        staged = list(dict.fromkeys(self._staged))
        earlier = self._held([*staged, *stale])
        gone = [name for name in stale if earlier[name].sha256 is not None]
        sums = {name: self._synced(name) for name in staged}
        put = hashlib.sha256(repr(sorted(sums.items())).encode()).hexdigest()[:16]
        new = {n: Version(sha256=s, kind=self._kind, put=put) for n, s in sums.items()}
        new |= {n: Version(sha256=None, kind=self._kind, put=put) for n in gone}
        files = read_list(self.folder)
        before = files | {name: [earlier[name], version] for name, version in new.items()}
        after = {n: v for n, v in files.items() if n not in gone} | {n: [new[n]] for n in staged}
        if not new:
            return
        write_list(before, self._beside / "before")
        write_list(after, self._beside / "after")
        for name in staged:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(self._beside / "before", self.folder / LIST)
        _sync(self.folder)
        try:
            self._put(staged, gone)
        except KeyboardInterrupt:  # a moment's patience leaves no mixture
            self._put(staged, gone)
            raise
        except OSError as error:
            raise OutputError(
                f"{self.folder}: not all files could be put in place: "
                f"{error.strerror or error}; it may hold files of two runs: repeat the command"
            ) from error
        self._done.update(staged)
        self._staged.clear()

    def _synced(self, name: str) -> str:
        if name in self._made:  # synced when it was made
            return self._made[name][1]
        path = self._beside / "files" / name
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        return digest(path) or ""

    def _put(self, staged: list[str], gone: list[str]) -> None:
        for name in staged:
            with contextlib.suppress(FileNotFoundError):  # done before the interrupt
                made = self._made.get(name, (self._beside / "files" / name, ""))[0]
                os.replace(made, self.folder / name)
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
            for above in list(Path(name).parents)[:-1]:
                with contextlib.suppress(OSError):  # not empty
                    (self.folder / above).rmdir()
        _sync(self.folder)
        with contextlib.suppress(FileNotFoundError):
            os.replace(self._beside / "after", self.folder / LIST)

    def _release(self) -> None:
        if hasattr(self, "_beside"):
            shutil.rmtree(self._beside, ignore_errors=True)
        hidden = self.folder / _HIDDEN
        with contextlib.suppress(OSError):
            (hidden / _LOCK).unlink(missing_ok=True)
            hidden.rmdir()
        os.close(self._lock)


def _hold(folder: Path) -> int:
    """Keep other runs out of a folder, clear up after killed ones; return the lock's file."""
    hidden = folder / _HIDDEN
    try:
        while True:
            with contextlib.suppress(FileExistsError):
                hidden.mkdir()
            try:
                _refuse_foreign(hidden)
                number = os.open(hidden / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:  # another run has just cleared the folder away
                continue
            is_alone = _locked(folder, number)
            if _is_at(number, hidden / _LOCK):
                break
            os.close(number)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if is_alone:
        for left in hidden.glob(f"{_SET}*"):
            shutil.rmtree(left, ignore_errors=True)
    return number


def _refuse_foreign(hidden: Path) -> None:
    is_ours = stat.S_ISDIR(hidden.lstat().st_mode) and not (hidden / _LOCK).is_symlink()
    is_ours = is_ours and all(
        name == _LOCK or name.startswith((_SET, _WORK)) for name in os.listdir(hidden)
    )
    if not is_ours:
        raise OutputError(f"{hidden} is not xsift's: move it, or give another folder")


def _locked(folder: Path, number: int) -> bool:
    """Lock a file; say whether the file system can."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        os.close(number)
        if not isinstance(error, BlockingIOError):
            raise
        raise OutputError(
            f"{folder}: another run of xsift is writing here: wait for it, or give another folder"
        ) from error
    return True


def _is_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _is_same(path: Path, given: str | Path) -> bool:
    try:
        return os.path.samefile(path, given)
    except (OSError, ValueError):
        return False


def _sync(folder: Path) -> None:
    # The list must reach the disk before the files do. Not every system can sync a folder.
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _cannot_write(folder: Path, error: OSError, goes_on: bool = False) -> OutputError:
    reason = error.strerror or str(error)
    said = f"{folder}: cannot be written: {reason}; what was there is unchanged"
    return OutputError(said + "; repeat the command, and it goes on from here" * goes_on)
