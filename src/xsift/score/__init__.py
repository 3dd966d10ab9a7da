"""Scorers: the probability of each class, given features and clusters."""

from xsift.score.mahalanobis import MahalanobisScorer
from xsift.score.paper import PaperScorer

__all__ = ["MahalanobisScorer", "PaperScorer"]
