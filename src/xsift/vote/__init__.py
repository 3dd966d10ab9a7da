"""Votes: the detections of a source give its class."""

from xsift.vote.tally import Pool, Votes, in_order, key_order, starts_of, tally, tally_in_order
from xsift.vote.verdict import Rule

__all__ = ["Pool", "Rule", "Votes", "in_order", "key_order", "starts_of", "tally", "tally_in_order"]
