"""Detections to sources."""

from xsift.vote.tally import Pool, Votes, key_order, tally

__all__ = ["Pool", "Votes", "key_order", "tally"]
