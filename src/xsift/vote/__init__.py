"""Detections to sources: every detection of a source has a vote on its class."""

from xsift.vote.tally import Pool, Votes, are_whole, in_order, key_order, tally
from xsift.vote.verdict import Rule

__all__ = ["Pool", "Rule", "Votes", "are_whole", "in_order", "key_order", "tally"]
