"""Where a result came from."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["environment", "file_name", "finite", "now", "write_json"]

_PACKAGES = ("numpy", "scipy", "astropy", "pyarrow", "numba", "scikit-learn", "asdf")


def environment() -> dict[str, str]:
    """Return the versions of what computes: xsift, Python and the numerical packages installed."""
    versions = {"xsift": importlib.metadata.version("xsift"), "python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):  # of an extra
            versions[package] = importlib.metadata.version(package)
    return versions


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def file_name(path: str | Path) -> str:
    """Return the name of a file for the records; what cannot be printed becomes ``?``."""
    return "".join(c if c.isprintable() else "?" for c in Path(path).name)


def write_json(tree: dict[str, Any], path: Path) -> None:
    """Write JSON that a person can read; NaN becomes null."""
    text = json.dumps(finite(tree), indent=2, ensure_ascii=False, allow_nan=False)
    # A file's name can hold bytes that are no text.
    path.write_bytes((text + "\n").encode("utf-8", "replace"))


def finite(value: Any) -> Any:
    """Return plain data with None for every number that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
