"""Known objects to labels of detections."""

from xsift.label.match import Match, match_known
from xsift.label.sort import Labels, sort_labels

__all__ = ["Labels", "Match", "match_known", "sort_labels"]
