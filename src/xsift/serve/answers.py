"""Answers as JSON: rows, numbers without NaN."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from starlette.responses import JSONResponse

from xsift.serve.catalogue import NO_CODE, Served
from xsift.write import finite

__all__ = ["Answer", "rows_of"]


class Answer(JSONResponse):
    """A JSON response. Values that JSON cannot hold (NaN, infinity) become null."""

    def render(self, content: Any) -> bytes:
        """Write the content as compact JSON."""
        text = json.dumps(finite(content), ensure_ascii=False, separators=(",", ":"))
        # A name can hold half of a surrogate pair, which is no UTF-8.
        return text.encode("utf-8", "replace")


def rows_of(served: Served, indices: np.ndarray) -> list[dict[str, Any]]:
    """Return sources as rows: their index, their columns, and the derived columns."""
    columns: dict[str, Sequence[Any]] = {"index": indices.tolist()}
    for name in served.sources.column_names:
        if name in served.codes:
            words = served.words[name]
            columns[name] = [
                None if c == NO_CODE else words[c] for c in served.codes[name][indices].tolist()
            ]
        elif name in served.numbers:
            columns[name] = served.numbers[name][indices].tolist()
        else:
            columns[name] = served.sources[name].take(indices).to_pylist()
    for name in served.columns.keys() - columns.keys():
        columns[name] = served.numbers[name][indices].tolist()
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
