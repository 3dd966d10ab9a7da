"""Features of a detection: derived columns and their scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xsift.features.closure import close_hardness, columns_that_close, mismatch
from xsift.features.counts import (
    LEAST_COUNTS,
    Faintness,
    counts_of_ratios,
    may_tell_counts,
    warn_of_limits,
)
from xsift.features.derive import FeatureTable, derive
from xsift.features.normal_scores import NormalScores, fit_normal_scores
from xsift.features.scaling import Scaling

if TYPE_CHECKING:
    from xsift.features.paper_scaler import PaperScaler

__all__ = [
    "LEAST_COUNTS",
    "Faintness",
    "FeatureTable",
    "NormalScores",
    "PaperScaler",
    "Scaling",
    "close_hardness",
    "columns_that_close",
    "counts_of_ratios",
    "derive",
    "fit_normal_scores",
    "may_tell_counts",
    "mismatch",
    "warn_of_limits",
]


def __getattr__(name: str) -> Any:
    # scikit-learn takes a second to import, and classifying does not need it.
    if name == "PaperScaler":
        from xsift.features.paper_scaler import PaperScaler

        return PaperScaler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
