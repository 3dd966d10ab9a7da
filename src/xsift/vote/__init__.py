"""Detections to sources."""

from xsift.vote.tally import Pool, Votes, in_order, key_order, tally

__all__ = ["Pool", "Votes", "in_order", "key_order", "tally"]
