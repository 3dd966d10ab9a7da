"""Features of a detection: derived columns and their scaling."""

from xsift.features.derive import FeatureTable, derive
from xsift.features.scale import PaperScaler

__all__ = ["FeatureTable", "PaperScaler", "derive"]
