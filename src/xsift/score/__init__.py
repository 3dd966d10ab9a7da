"""Scorers: the probability of each class, given features and clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xsift.score.paper import PaperScorer

if TYPE_CHECKING:
    from xsift.score.mahalanobis import MahalanobisScorer

__all__ = ["MahalanobisScorer", "PaperScorer"]


def __getattr__(name: str) -> Any:
    # scikit-learn takes a second to import, and classifying does not need it.
    if name == "MahalanobisScorer":
        from xsift.score.mahalanobis import MahalanobisScorer

        return MahalanobisScorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
