"""What the tools that work out figures share: their table, and what becomes of the figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xsift.write import Staging, write_json

DATA = Path("../shared/data")
TABLE = "csc20_detections.parquet"


def work_out(
    name: str,
    results: Callable[[Path], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
    arguments: list[str],
) -> None:
    """Work out figures, write them as `name`.json into the folder in `arguments`, print them."""
    if not (DATA / TABLE).exists():
        sys.exit(f"{name}: no {TABLE} in {DATA}: run from the project's root")
    record = results(DATA)
    if arguments:
        with Staging(arguments[0]) as staging:
            write_json(record, staging.path(f"{name}.json"))
    show(record)
