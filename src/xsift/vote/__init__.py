"""Detections to sources."""

from xsift.vote.tally import Votes, key_order, tally

__all__ = ["Votes", "key_order", "tally"]
