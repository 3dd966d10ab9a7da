"""Which files of a folder xsift wrote: a list beside them, with a digest of each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from xsift.errors import OutputError, TableError

__all__ = [
    "LIST",
    "Version",
    "check_of_one_run",
    "digest",
    "held",
    "is_part",
    "part_name",
    "read_list",
    "remove_ours",
    "write_list",
]

LIST = "xsift-files.json"
"""Name of the list."""

_ABOUT = (
    "The files that xsift wrote into this folder. xsift replaces or removes them only while they "
    "are unchanged, and no other file."
)
_LIST_BYTES = 100_000_000
_RECORD_BYTES = 10_000_000
_CATALOGUE = ("sources.parquet", "detections.parquet", "model.asdf", "run.json")


class Version(BaseModel):
    """A state of a file.

    Attributes
    ----------
    sha256 : str or None
        None where there is no file.
    kind : str
        What the file belongs to: ``catalogue``, ``scan``, ...
    put : str
        Of the files that were put in place together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None
    kind: str = ""
    put: str = ""


def part_name(stem: str, number: int) -> str:
    """Return the name of a part of a table that lies in a folder of files."""
    return f"{stem}/part-{number:05d}.parquet"


def is_part(name: str) -> bool:
    """Tell whether a name is that of a part of the table of sources or detections."""
    return re.fullmatch(r"(sources|detections)/part-\d{5,}\.parquet", name) is not None


def read_list(folder: Path) -> dict[str, list[Version]]:
    """Read which files of a folder xsift wrote; nothing where there is no list.

    While a set of files is put in place, the list has two versions of each: the earlier one, and
    the new one.

    Raises
    ------
    OutputError
        If a file of this name is something else.
    """
    path = folder / LIST
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LIST_BYTES:
            raise ValueError
        files = json.loads(path.read_bytes())["files"]
        return {name: [Version.model_validate(v) for v in files[name]] for name in files}
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, RecursionError) as error:  # pydantic's is the first
        raise OutputError(
            f"{path} is not the list of files that xsift keeps: move it, or give another folder"
        ) from error


def write_list(files: dict[str, list[Version]], path: Path) -> None:
    """Write the list, down to the disk."""
    plain = {
        name: [version.model_dump() for version in versions]
        for name, versions in sorted(files.items())
    }
    tree = {"about": _ABOUT, "files": plain}
    # A name may hold bytes that are no text: as escapes they come back.
    with open(path, "w", encoding="ascii") as file:
        file.write(json.dumps(tree, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file: None where there is none, empty for a link or a directory."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return ""
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def held(folder: Path, name: str, files: dict[str, list[Version]]) -> Version | None:
    """Return which version of a file is in the folder; None where it is not xsift's, or changed."""
    found = digest(folder / name)
    known = [Version(sha256=None)] if found is None else files.get(name, [])
    return next((version for version in known if version.sha256 == found), None)


def remove_ours(folder: Path) -> None:
    """Remove what xsift wrote into a folder, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError, OutputError):
        files = read_list(folder)
        for name in files:
            is_inside = not Path(name).is_absolute() and ".." not in Path(name).parts
            if is_inside and digest(folder / name) and held(folder, name, files):
                (folder / name).unlink()
        if files:
            (folder / LIST).unlink()
        folder.rmdir()


def check_of_one_run(folder: str | Path, names: Iterable[str] = _CATALOGUE) -> None:
    """Refuse a folder whose files come from two runs. Every command that opens one asks this.

    Parameters
    ----------
    folder : str or Path
    names : iterable of str
        The files that belong together. [default: those of a catalogue]

    Raises
    ------
    TableError
        If a run was stopped while it put its files in place, or files were mixed by hand.
    """
    folder, names = Path(folder), set(names)
    try:
        files = read_list(folder)
    except (OSError, OutputError):  # somebody else's file, or no folder: the reader will say so
        files = {}
    moving = {name: v[-1].put for name, v in files.items() if len(v) > 1}
    for put in {moving[name] for name in names & set(moving)}:
        states: dict[int, str] = {}
        for name in sorted(n for n in moving if moving[n] == put):
            found, known = digest(folder / name), [version.sha256 for version in files[name]]
            if known.count(found) == 1:  # both versions may be the same
                states[known.index(found)] = name
        if len(states) > 1:
            old, new = states[0], states[1]
            raise TableError(
                f"{folder}: files of two runs ({new} is newer than {old}), because a run was "
                "stopped while it put its files in place: repeat that run, or give another folder"
            )
    runs: dict[str, str] = {}
    for name in sorted(names):
        if run := _run_of(folder / name):
            runs.setdefault(run, name)
    if len(runs) > 1:
        (a, first), (b, second) = list(runs.items())[:2]
        raise TableError(
            f"{folder}: files of two runs ({first} is of run {a}, {second} of run {b}): "
            "write the catalogue anew, or give another folder"
        )


def _run_of(path: Path) -> str | None:
    """Return the run that a file names; None where it names none, or cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: Any = None
    try:
        if path.suffix == ".parquet":
            with open(path, "rb") as file:
                found = (pq.read_schema(file).metadata or {}).get(b"run_id", b"").decode()
        elif path.suffix == ".json" and path.stat().st_size <= _RECORD_BYTES:
            found = json.loads(path.read_bytes()).get("run_id")
    except (OSError, ValueError, RecursionError, AttributeError, pa.ArrowException):
        return None
    return found if isinstance(found, str) and found else None
