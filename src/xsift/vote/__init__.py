"""Detections to sources: every detection of a source has a vote on its class."""

from xsift.vote.tally import Pool, Votes, in_order, key_order, starts_of, tally, tally_in_order
from xsift.vote.verdict import Rule

__all__ = ["Pool", "Rule", "Votes", "in_order", "key_order", "starts_of", "tally", "tally_in_order"]
