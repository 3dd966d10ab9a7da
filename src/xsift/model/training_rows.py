"""What a model file holds of the rows that trained the model: hashes, no names and no values."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

__all__ = ["KEY_COLUMNS", "TrainingRowsTree"]

KEY_COLUMNS = ("name", "obsid", "obi", "region_id")
"""What a row is recognised by, the coarsest first."""


def _hashes(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "i" or value.ndim != 1:
        raise ValueError("a list of whole numbers is wanted")
    found = np.array(value, np.int64)
    # Not by the difference of neighbours: that of two hashes overflows.
    if (found[1:] <= found[:-1]).any():
        raise ValueError("the hashes are to rise")
    return found


def _none() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


Hashes = Annotated[Any, BeforeValidator(_hashes), PlainSerializer(lambda value: value)]


class TrainingRowsTree(BaseModel):
    """The rows that taught the scorer: those with a label, and those of a known other type.

    Attributes
    ----------
    key_columns : list of str
        The first of `KEY_COLUMNS`, as far as the training table had them; none where it had no
        names.
    keys : ndarray of int64
        Hashes of the keys, rising: of the first column, of the first two, ...
    features : ndarray of int64
        Hashes of the feature rows, rising.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_columns: list[str] = Field(default_factory=list, max_length=len(KEY_COLUMNS))
    keys: Hashes = Field(default_factory=_none)
    features: Hashes = Field(default_factory=_none)

    @model_validator(mode="after")
    def _sound(self) -> TrainingRowsTree:
        if tuple(self.key_columns) != KEY_COLUMNS[: len(self.key_columns)]:
            raise ValueError(f"key_columns are to be the first of {', '.join(KEY_COLUMNS)}")
        return self

    def __len__(self) -> int:
        return len(self.keys) + len(self.features)
