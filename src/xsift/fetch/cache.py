"""Answers kept on disk, whole ones only, so that no question is asked twice."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq

from xsift.errors import OutputError, RowLimitError

__all__ = ["Cache", "default_folder"]


# A service may raise its row limit: s.
_CUT_KEPT = 86400.0


def default_folder() -> Path:
    """Return the folder of the cache, where the user's system keeps such: ``~/.cache/xsift``."""
    return platformdirs.user_cache_path("xsift", appauthor=False)


class Cache:
    """Answers by service, release and query.

    Each answer is a Parquet file that appears under its name only when it is whole.
    A query whose answer was cut off leaves a note of that, not the rows.

    Parameters
    ----------
    folder : str or Path
    fresh : bool
        Do not use what is there; replace it.
    """

    def __init__(self, folder: str | Path, fresh: bool = False) -> None:
        self.folder = Path(folder)
        self.fresh = fresh
        self.hits = 0

    def get(
        self,
        key: dict[str, str],
        ask: Callable[[], pa.Table],
        max_age: timedelta | None = None,
    ) -> tuple[pa.Table, str]:
        """Return the answer to `key` and when it was given, asking only where it is not kept.

        Parameters
        ----------
        key : dict of str
            All that the answer depends on.
        ask : callable
        max_age : timedelta, optional
            An older answer is asked for again.

        Raises
        ------
        RowLimitError
            If the answer was cut off, now or when it was last asked for.
        OutputError
            If the folder cannot be written.
        """
        kept = self.kept(key, max_age)
        if kept is not None:
            return kept
        try:
            table = ask()
        except RowLimitError:
            self.keep_cut(key)
            raise
        return table, self.keep(key, table)

    def kept(
        self, key: dict[str, str], max_age: timedelta | None = None
    ) -> tuple[pa.Table, str] | None:
        """Return the answer to `key` and when it was given; None where it is not kept.

        Raises
        ------
        RowLimitError
            If the answer was cut off when it was last asked for.
        """
        name = _name(key)
        if self.fresh:
            return None
        if (found := self._kept(name, max_age)) is not None:
            self.hits += 1
        elif self._lately(self.folder / f"{name}.cut"):
            raise RowLimitError("the service cut this answer off before")
        return found

    def keep(self, key: dict[str, str], table: pa.Table) -> str:
        """Keep an answer that was given just now; return when that is.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        name = _name(key)
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = {**{f"key_{k}": v for k, v in key.items()}, "fetched": date}
        stamped = table.replace_schema_metadata(said)
        content = io.BytesIO()
        pq.write_table(stamped, content)
        # The name holds a digest of the content: what the disk damages is asked for again.
        path = self.folder / f"{name}-{_digest(content.getvalue())}.parquet"
        self._write(path, content.getvalue())
        for other in set(self.folder.glob(f"{name}-*.parquet")) - {path}:
            other.unlink(missing_ok=True)
        return date

    def keep_cut(self, key: dict[str, str]) -> None:
        """Keep in mind that an answer was cut off."""
        self._write(self.folder / f"{_name(key)}.cut", b"")

    def _lately(self, cut: Path) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return time.time() - cut.stat().st_mtime < _CUT_KEPT
        return False

    def _kept(self, name: str, max_age: timedelta | None) -> tuple[pa.Table, str] | None:
        for path in self.folder.glob(f"{name}-*.parquet"):
            try:
                content = path.read_bytes()
                if path.stem != f"{name}-{_digest(content)}":
                    continue
                table = pq.read_table(io.BytesIO(content))
                date = (table.schema.metadata or {})[b"fetched"].decode()
                then = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            except (OSError, pa.ArrowException, KeyError, ValueError):
                continue  # not one of ours
            if max_age is None or datetime.now(UTC) - then <= max_age:
                return table.replace_schema_metadata(None), date
        return None

    def _write(self, path: Path, content: bytes) -> None:
        beside = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=".xsift-", dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.replace(beside, path)
        except OSError as error:
            raise OutputError(f"cache {self.folder}: cannot be written: {error}") from error
        finally:
            if beside is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(beside)


def _name(key: dict[str, str]) -> str:
    return _digest(json.dumps(key, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
