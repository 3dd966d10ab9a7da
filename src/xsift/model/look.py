"""The first look at a part of a table: what only the whole table can say, counted."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.features import FeatureTable
from xsift.model.sample import Sample
from xsift.read import Fit, Look
from xsift.vote import in_order

__all__ = ["TWELFTH", "fit_of", "look_at", "with_names"]

TWELFTH = "var_newq_b"
"""Feature of Chandra's catalogue that its release 2.1 does not have."""


def look_at(sample: Sample) -> Look:
    """Look at a sample that was read as a part of a table."""
    assert sample.look is not None
    features, faintness = sample.features, sample.features.faintness
    return with_names(sample.look, sample.keys["name"]).model_copy(
        update={
            "n_told": int(np.isfinite(features.counts).sum()),
            "impossible": {} if faintness is None else dict(faintness.impossible),
            "outside": {} if faintness is None else dict(faintness.outside),
            "fit": fit_of(features) if TWELFTH in features.names else None,
        }
    )


def with_names(look: Look, names: pa.ChunkedArray) -> Look:
    """Complete the look at a part with what is seen of its names."""
    return look.model_copy(update={"names_are_whole": _are_whole(names), "names": _some(names)})


def _are_whole(names: pa.ChunkedArray) -> bool:
    return bool(names.null_count == len(names) or pa.types.is_integer(in_order(names).type))


def fit_of(features: FeatureTable) -> Fit:
    """Count the detections by what they have of the features beside the twelfth."""
    usable, twelfth = features.usable, features.names.index(TWELFTH)
    has_others = np.delete(usable, twelfth, axis=1).all(axis=1)
    return Fit(
        n_rows=len(usable),
        n_all=int(usable.all(axis=1).sum()),
        n_twelfth=int(usable[:, twelfth].sum()),
        n_others=int(has_others.sum()),
    )


def _some(names: pa.ChunkedArray) -> Mapping[str, tuple[int, int]]:
    """Return the names of the smallest hashes, with these and their detections."""
    counted = pc.value_counts(names.drop_null())
    found = counted.field("values").to_pylist()
    n = counted.field("counts").to_pylist()
    return Look.sample_of(
        {name: (zlib.crc32(name.encode()), k) for name, k in zip(found, n, strict=True)}
    )
