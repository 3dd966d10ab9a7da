"""The tables of a catalogue as HATS, beside those that xsift reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from xsift.errors import XsiftWarning
from xsift.write import Staging
from xsift.write.hats import Tables, stage_hats

__all__ = ["with_hats"]

_KINDS = {"sources": "object", "detections": "source"}


def with_hats(
    tables: Mapping[str, Tables], record: dict[str, Any], staging: Staging
) -> dict[str, Any]:
    """Write tables as HATS collections to where they appear with the other files.

    Parameters
    ----------
    tables : mapping of str to callable
        ``sources`` and ``detections``, in parts.
    record : dict
        What `run.json` would hold.
    staging : Staging

    Returns
    -------
    dict
        The record, with what is in the collections and what they cannot hold.

    Warns
    -----
    XsiftWarning
        Of rows without a position.
    """
    found, notes = {}, list(record["warnings"])
    for stem, parts in tables.items():
        said = {
            "obs_title": f"{record['input']}: {stem}, classified by xsift",
            "obs_regime": "X-ray",
            "hats_creation_date": str(record["created"]),
            "prov_progenitor": f"{record['input']} (sha256 {record['input_sha256']})",
            "xsift_run_id": str(record["run_id"]),
            "xsift_model_id": str(record["about"].get("model_id", "")),
        }
        cut, _ = stage_hats(staging, stem, parts, _KINDS[stem], said)
        found[stem] = cut.as_dict()
        if cut.without_position:
            total = cut.rows + cut.without_position
            notes.append(
                f"{stem}: {cut.without_position:,} of {total:,} rows have no position: they are in "
                "the Parquet table, and not in HATS"
            )
            warnings.warn(notes[-1], XsiftWarning, stacklevel=3)
    return {**record, "hats": found, "warnings": notes}
