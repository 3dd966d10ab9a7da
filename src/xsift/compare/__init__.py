"""Comparison of a catalogue with the classes of another: mapping of the classes, statistics."""

from xsift.compare.agreement import Agreement, agreement, by_confidence, share
from xsift.compare.mapping import (
    IGNORE,
    NONE,
    Mapping,
    Translation,
    load_mapping,
    mapping_names,
    translate,
)

__all__ = [
    "IGNORE",
    "NONE",
    "Agreement",
    "Mapping",
    "Translation",
    "agreement",
    "by_confidence",
    "load_mapping",
    "mapping_names",
    "share",
    "translate",
]
