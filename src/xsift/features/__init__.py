"""Features of a detection: derived columns and their scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xsift.features.derive import FeatureTable, derive
from xsift.features.scaling import Scaling

if TYPE_CHECKING:
    from xsift.features.scale import PaperScaler

__all__ = ["FeatureTable", "PaperScaler", "Scaling", "derive"]


def __getattr__(name: str) -> Any:
    # scikit-learn takes a second to import, and classifying does not need it.
    if name == "PaperScaler":
        from xsift.features.scale import PaperScaler

        return PaperScaler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
