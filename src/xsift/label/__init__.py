"""Labels of detections from known objects, matched by name or on the sky."""

from xsift.label.heed import heed_matches, refuse_no_class
from xsift.label.match import Match, match_known
from xsift.label.sort import Labels, sort_labels, with_types, without_apart

__all__ = [
    "Labels",
    "Match",
    "heed_matches",
    "match_known",
    "refuse_no_class",
    "sort_labels",
    "with_types",
    "without_apart",
]
