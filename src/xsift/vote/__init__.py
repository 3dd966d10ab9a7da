"""Detections to sources: every detection of a source has a vote on its class."""

from xsift.vote.tally import Pool, Votes, in_order, key_order, tally

__all__ = ["Pool", "Votes", "in_order", "key_order", "tally"]
